import type { Context } from '@fairlead/core';
import type { Database, Sql } from '../database.ts';
import { parseDatabaseUrl } from '../postgres/database-url.ts';
import { claimKey, type ClaimKey } from './tenant-claim.ts';

/** What claims of tenants are made with. */
export interface TenancySecret {
  /** The connection string of the role that the service runs as; its password is the secret. */
  readonly url: string;
  /** A secret of its own, for roles that have no password. Default: the URL's password. */
  readonly secret?: string | undefined;
}

/** Keys that a database believes at once: the newest, and the one before it while processes change over. */
const KEPT = 2;

/** The key of a role's claims. */
export function claimKeyOf({ url, secret }: TenancySecret, name: string): Promise<ClaimKey> {
  return claimKey(secret ?? parseDatabaseUrl(url, name).password);
}

/**
 * Tells a database by which key it may believe who a transaction's tenant is. `database` is opened with the owner's
 * credentials and migrated; `from` is what the service's processes open it with. Part of each deployment, like migrating:
 * idempotent, and a new password takes effect beside the one before it.
 * @throws MISCONFIGURED when there is no secret
 */
export async function installTenancy(ctx: Context, database: Database, from: TenancySecret): Promise<void> {
  const key = await claimKeyOf(from, database.name);
  await database.tx(ctx, (tx) => installKey(tx, key));
}

/** Has the database believe this key, and the one before it. */
export async function installKey(sql: Sql, { id, pads }: ClaimKey): Promise<void> {
  await sql.query(
    `insert into fairlead.tenancy_key (id, inner_pad, outer_pad, installed_at) values ($1, $2, $3, fairlead.now())
       on conflict (id) do update set installed_at = excluded.installed_at`,
    [id, pads.inner, pads.outer],
  );
  await sql.query(
    `delete from fairlead.tenancy_key where id not in
         (select k.id from fairlead.tenancy_key k order by (k.id = $1) desc, k.installed_at desc, k.id limit ${KEPT})`,
    [id],
  );
  await sql.query(`select fairlead.isolate('fairlead.tenant_place', 'tenant', true)`);
}
