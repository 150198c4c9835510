import type { Context } from '@fairlead/core';
import type { Database } from '@fairlead/store';

/** What one service may do at the embedded broker. */
export interface BrokerGrant {
  /** Name of the service: the source that it alone may write. */
  readonly service: string;
  /** Database role that the service connects with; must exist. */
  readonly role: string;
  /** Services whose events it may read. */
  readonly reads: readonly string[];
}

/**
 * Makes the broker's rights exactly these: what is missing is granted, what is no longer declared is revoked. Idempotent,
 * one transaction. `database` is the broker's, opened with its owner's credentials.
 */
export async function brokerGrants(ctx: Context, database: Database, grants: readonly BrokerGrant[]): Promise<void> {
  throw new Error(`not yet: ${ctx.requestId} ${database.name} ${grants.length}`);
}
