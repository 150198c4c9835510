import type { Context } from '@fairlead/core';

/** What to provision. */
export interface ProvisionOptions {
  /** Services that get a database and two roles each. `uses`: services whose events they read. */
  readonly services: readonly { readonly name: string; readonly uses: readonly string[] }[];
  /** Passwords by role from an earlier run; roles without one get a random one. Keep the result in a 0600 file. */
  readonly passwords?: Readonly<Record<string, string>>;
}

/** Connection strings of one service. Secret. */
export interface ServiceUrls {
  /** Role `<name>_owner` on the service's database: migrations. */
  readonly ownerUrl: string;
  /** Role `<name>` on the service's database: DML only. */
  readonly runtimeUrl: string;
  /** Role `<name>` on the database `broker`. */
  readonly brokerUrl: string;
}

/** What was provisioned. */
export interface Provisioned {
  readonly services: ReadonlyMap<string, ServiceUrls>;
  /** Role `broker_owner` on the database `broker`: its migrations and grants. */
  readonly brokerOwnerUrl: string;
  /** Every role's password, to be given back the next time. Secret. */
  readonly passwords: Readonly<Record<string, string>>;
}

/** Makes databases, roles and rights, or leaves them as they are when they are right. */
export async function provision(ctx: Context, adminUrl: string, options: ProvisionOptions): Promise<Provisioned> {
  throw new Error(`not yet: ${ctx.requestId} ${adminUrl.length} ${options.services.length}`);
}
