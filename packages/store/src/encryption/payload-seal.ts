import type { Context } from '@fairlead/core';
import type { Sql, Tx } from '../database.ts';

/** Where a payload lies. It opens there and nowhere else. */
export interface SealedPlace {
  /** Table, such as `fairlead_log`. */
  readonly table: string;
  /** What makes the row this one and never changes, such as the event's id. */
  readonly row: string;
}

/** A payload as JSON text, to be sealed. */
export interface Unsealed extends SealedPlace {
  readonly json: string;
}

/** A sealed payload as it was stored. */
export interface Sealed extends SealedPlace {
  readonly tenant: string;
  /** Which key: what `seal` said. */
  readonly key: string;
  /** Ciphertext in base64. */
  readonly payload: string;
}

/** What a sealed payload turned out to be. Shredded: its tenant's keys were destroyed, it is gone for good. */
export type Opened = { readonly kind: 'opened'; readonly json: string } | { readonly kind: 'shredded' };

/**
 * Seals payloads of whatever has a tenant: log, documents, jobs. `tenantKeys` makes one. Authenticated with each payload
 * are its tenant, key, table and row, so ciphertext that was changed, or moved to another row or tenant, is refused.
 */
export interface PayloadSeal {
  /**
   * Seals for the tenant of `tx.ctx`, whose first key is made in this transaction when there is none.
   * @throws TENANT_REQUIRED; TENANT_SHREDDED when the tenant's keys were destroyed; KEY_UNAVAILABLE
   */
  seal(tx: Tx, payloads: readonly Unsealed[]): Promise<{ readonly key: string; readonly payloads: readonly string[] }>;
  /**
   * Opens what was sealed, in order; of any number of tenants. `sql` is asked for keys that are not at hand.
   * @throws SEAL_BROKEN, KEY_UNAVAILABLE
   */
  open(ctx: Context, sql: Sql, sealed: readonly Sealed[]): Promise<readonly Opened[]>;
}
