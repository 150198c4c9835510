import type { Context } from '@fairlead/core';
import { quoteIdentifier, rewriteDatabaseUrl } from '../postgres/database-url.ts';
import { connectAdmin, type AdminConnection } from '../embedded/admin-connection.ts';
import { grantInside } from '../embedded/provision.ts';
import { fail } from '../errors.ts';

/** Which database is to be replaced. */
export interface ReplaceOptions {
  /** Connection string of a role that may create databases. Secret. */
  readonly adminUrl: string;
  /** Of the database's owner. Secret. */
  readonly ownerUrl: string;
  /** The database, which `provision` has made. */
  readonly name: string;
  /** Roles that use its tables, beside its owner. */
  readonly runtimeRoles: readonly string[];
}

/** Where the database that was replaced is kept. */
export const replacedName = (name: string): string => `${name}_old`;

/**
 * Makes a new database with the owner and rights of `name`, lets `fill` fill it through its owner's URL, and gives it the
 * name: both renames are one transaction. The database that had the name is kept as `<name>_old` until the next time.
 * When `fill` throws, the new database is dropped and nothing has changed.
 * @throws DATABASE_IN_USE when somebody is connected to the database
 */
export async function replaceDatabase<T>(
  ctx: Context,
  options: ReplaceOptions,
  fill: (ownerUrl: string) => Promise<T>,
): Promise<T> {
  const { name } = options;
  const fresh = `${name}_new`;
  const old = replacedName(name);
  await using admin = await connectAdmin(options.adminUrl, ctx.signal);
  await admin.run(`select pg_advisory_lock(hashtextextended('fairlead replace ' || $1::text, 0))`, [name]);
  await refuseUsers(admin, name);
  await admin.run(`drop database if exists ${quoteIdentifier(fresh)} with (force)`);
  await admin.run(
    `create database ${quoteIdentifier(fresh)} owner ${quoteIdentifier(`${name}_owner`)} template template0 encoding 'UTF8'`,
  );
  try {
    await copyConnect(admin, name, fresh);
    const ownerUrl = rewriteDatabaseUrl(options.ownerUrl, { database: fresh });
    await grantInside(ownerUrl, options.runtimeRoles, ctx.signal);
    const value = await fill(ownerUrl);
    await refuseUsers(admin, name);
    await admin.run(`drop database if exists ${quoteIdentifier(old)} with (force)`);
    await admin.run(`begin; alter database ${quoteIdentifier(name)} rename to ${quoteIdentifier(old)};
      alter database ${quoteIdentifier(fresh)} rename to ${quoteIdentifier(name)}; commit`);
    return value;
  } catch (error) {
    await admin.run('rollback');
    await admin.run(`drop database if exists ${quoteIdentifier(fresh)} with (force)`);
    throw error;
  }
}

/** Gives `to` the rights to connect that `from` has. */
async function copyConnect(admin: AdminConnection, from: string, to: string): Promise<void> {
  await admin.run(`revoke all on database ${quoteIdentifier(to)} from public`);
  const rows = await admin.run(
    `select a.grantee::regrole::text as role from pg_database d, aclexplode(d.datacl) a
      where d.datname = $1 and a.privilege_type = 'CONNECT' and a.grantee <> 0 and a.grantee <> d.datdba`,
    [from],
  );
  for (const row of rows) await admin.run(`grant connect on database ${quoteIdentifier(to)} to ${String(row['role'])}`);
}

async function refuseUsers(admin: AdminConnection, name: string): Promise<void> {
  const rows = await admin.run(
    `select distinct coalesce(nullif(application_name, ''), usename::text, 'somebody') as who
       from pg_stat_activity where datname = $1 and backend_type = 'client backend'`,
    [name],
  );
  if (rows.length === 0) return;
  throw fail(
    'DATABASE_IN_USE',
    `The database ${name} is in use by ${rows.map((row) => String(row['who'])).join(', ')}. Stop the service, then restore; nothing was changed.`,
  );
}
