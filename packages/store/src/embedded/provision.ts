import { FairleadError, type Context } from '@fairlead/core';
import { parseDatabaseUrl, quoteIdentifier, quoteLiteral, rewriteDatabaseUrl } from '../postgres/database-url.ts';
import { fail } from '../errors.ts';
import { databaseFailure } from '../postgres/postgres-errors.ts';
import { connectAdmin, type AdminConnection } from './admin-connection.ts';
import { refuseUnknownRoles } from './known-roles.ts';
import { scramVerifier } from './scram.ts';
import { newPassword } from './secret.ts';

/** What to provision. */
export interface ProvisionOptions {
  /** Services that get a database and two roles each. `uses`: services whose events they read. */
  readonly services: readonly { readonly name: string; readonly uses: readonly string[] }[];
  /** Passwords by role from an earlier run; roles without one get a random one. Keep the result in a 0600 file. */
  readonly passwords?: Readonly<Record<string, string>>;
  /** Keeps the passwords; waited for before any of them takes effect, so that none is lost. Default: not kept. */
  readonly keep?: (passwords: Readonly<Record<string, string>>) => Promise<void>;
  /**
   * For a server that others may use, too: refuses roles that are there with a password other than the one of `passwords`.
   * `keptIn` says in the message where those are kept. Default: they get the new ones.
   */
  readonly refuseUnknown?: { readonly keptIn: string } | undefined;
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

const BROKER = 'broker';
/** What one concurrent run waits for another by: roles and databases have no IF NOT EXISTS that is safe. */
const LOCK = `select pg_advisory_lock(hashtextextended('fairlead provision', 0))`;
/** Postgres cuts longer names; ours must leave room for `_owner`. */
const MAX_NAME = 57;

/**
 * Gives each service a database `<name>` with the roles `<name>_owner` (owns it, migrates) and `<name>` (runtime: reads
 * and writes rows, no DDL), and all of them a database `broker`, owned by `broker_owner`, where runtime roles may
 * connect. PUBLIC may connect to none of these, so no service can reach another's. Other databases and roles of the
 * server are not touched.
 *
 * Safe to repeat and to run concurrently: what is there is kept, and put right where it differs. With the passwords of
 * an earlier run they stay; without, they are new and the earlier ones end, unless `refuseUnknown` is set.
 * @throws ROLES_TAKEN where `refuseUnknown` is set
 * @throws PROVISION_FAILED when a database of that name belongs to somebody else, or the URL's role may not create
 *   roles and databases; DATABASE_UNAVAILABLE; MISCONFIGURED for a bad name
 */
export async function provision(ctx: Context, adminUrl: string, options: ProvisionOptions): Promise<Provisioned> {
  const names = options.services.map((service) => service.name);
  checkNames(names);
  checkUses(options.services);
  const roles = [`${BROKER}_owner`, ...names.flatMap((name) => [`${name}_owner`, name])];
  const passwords = Object.fromEntries(
    roles.map((role) => [role, checked(role, options.passwords?.[role] ?? newPassword())]),
  );
  const url = (role: string, database: string): string =>
    rewriteDatabaseUrl(adminUrl, { user: role, password: passwords[role] ?? '', database });
  try {
    await using admin = await connectAdmin(adminUrl, ctx.signal);
    await admin.run(LOCK);
    if (options.refuseUnknown !== undefined) {
      const { keptIn } = options.refuseUnknown;
      const known = options.passwords ?? {};
      await refuseUnknownRoles(admin, { adminUrl, roles, passwords: known, keptIn, signal: ctx.signal });
    }
    await options.keep?.(passwords);
    await ensureRoles(admin, passwords);
    for (const name of [BROKER, ...names]) await ensureDatabase(admin, name);
    await restrictConnect(admin, names);
    // In the database itself and as its owner: default privileges belong to whoever will create the tables.
    await Promise.all([
      grantInside(url(`${BROKER}_owner`, BROKER), [], ctx.signal),
      ...names.map((name) => grantInside(url(`${name}_owner`, name), [name], ctx.signal)),
    ]);
  } catch (error) {
    throw provisionFailure(error, adminUrl);
  }
  const services = new Map(
    names.map((name) => [
      name,
      { ownerUrl: url(`${name}_owner`, name), runtimeUrl: url(name, name), brokerUrl: url(name, BROKER) },
    ]),
  );
  return { services, brokerOwnerUrl: url(`${BROKER}_owner`, BROKER), passwords };
}

async function ensureRoles(admin: AdminConnection, passwords: Readonly<Record<string, string>>): Promise<void> {
  const roles = Object.keys(passwords);
  const rows = await admin.run('select rolname::text as name from pg_roles where rolname = any($1)', [roles]);
  const there = new Set(rows.map((row) => row['name']));
  const verifiers = await Promise.all(roles.map((role) => scramVerifier(passwords[role] ?? '')));
  const statements = roles.flatMap((role, index) => [
    ...(there.has(role) ? [] : [`create role ${quoteIdentifier(role)}`]),
    // Before Postgres 16 who owns a database has its schema public only by inheriting from pg_database_owner.
    `alter role ${quoteIdentifier(role)} login ${role.endsWith('_owner') ? 'inherit' : 'noinherit'} nocreatedb nocreaterole password ${quoteLiteral(verifiers[index] ?? '')}`,
  ]);
  await admin.run(`begin; ${statements.join('; ')}; commit`);
}

async function ensureDatabase(admin: AdminConnection, name: string): Promise<void> {
  const owner = `${name}_owner`;
  const [found] = await admin.run('select pg_get_userbyid(datdba)::text as owner from pg_database where datname = $1', [
    name,
  ]);
  if (found === undefined) {
    // Whoever is not a superuser may only give a database to a role that it belongs to.
    await admin.run(`do $$ begin
      if not (select rolsuper from pg_roles where rolname = current_user) then
        execute format('grant %I to current_user', ${quoteLiteral(owner)});
      end if; end $$`);
    await admin.run(
      `create database ${quoteIdentifier(name)} owner ${quoteIdentifier(owner)} template template0 encoding 'UTF8'`,
    );
  } else if (found['owner'] !== owner) {
    throw fail(
      'PROVISION_FAILED',
      `The server has a database "${name}" that belongs to "${String(found['owner'])}", not to "${owner}". Each service owns its database: rename that one, or the service.`,
    );
  }
}

async function restrictConnect(admin: AdminConnection, names: readonly string[]): Promise<void> {
  const all = [BROKER, ...names];
  await admin.run(`revoke all on database ${all.map(quoteIdentifier).join(', ')} from public`);
  // Grants that a changed blueprint no longer means: CONNECT of another service's role, or of one that is gone.
  const rows = await admin.run(
    `select d.datname::text as database, a.grantee::regrole::text as role
       from pg_database d, aclexplode(d.datacl) a
      where d.datname = any($1) and a.privilege_type = 'CONNECT' and a.grantee <> d.datdba and a.grantee <> 0
        and pg_get_userbyid(a.grantee)::text <> d.datname and not (d.datname = '${BROKER}' and pg_get_userbyid(a.grantee)::text = any($2))`,
    [all, names],
  );
  const stale = rows.map(
    (row) => `revoke all on database ${quoteIdentifier(String(row['database']))} from ${String(row['role'])}`,
  );
  const grants = names.flatMap((name) => [
    `grant connect on database ${quoteIdentifier(name)} to ${quoteIdentifier(name)}`,
    `grant connect on database ${BROKER} to ${quoteIdentifier(name)}`,
  ]);
  const statements = [...stale, ...grants];
  if (statements.length > 0) await admin.run(`begin; ${statements.join('; ')}; commit`);
}

/** What roles may do inside a database, set up by its owner before there are tables. */
export async function grantInside(
  ownerUrl: string,
  runtimeRoles: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  await using owner = await connectAdmin(ownerUrl, signal);
  const statements = [
    // Before Postgres 15 everybody could create in the schema public.
    `revoke create on schema public from public`,
    ...runtimeRoles
      .map(quoteIdentifier)
      .flatMap((role) => [
        `grant usage on schema public to ${role}`,
        `alter default privileges in schema public grant select, insert, update, delete on tables to ${role}`,
        `alter default privileges in schema public grant usage, select on sequences to ${role}`,
      ]),
  ];
  await owner.run(
    `begin; select pg_advisory_xact_lock(hashtextextended('fairlead provision', 0)); ${statements.join('; ')}; commit`,
  );
}

function checkNames(names: readonly string[]): void {
  const reserved = new Set([BROKER, 'postgres', 'template0', 'template1', 'public', 'none']);
  for (const [index, name] of names.entries()) {
    const wrong =
      name === '' || name.includes('\0') || Buffer.byteLength(name) > MAX_NAME
        ? `must have 1 to ${MAX_NAME} bytes and no NUL`
        : reserved.has(name) || name.startsWith('pg_')
          ? 'is a name that Postgres or Fairlead keeps for itself'
          : names.indexOf(name) !== index
            ? 'is there twice'
            : names.some((other) => name === `${other}_owner`) || name === `${BROKER}_owner`
              ? 'is also the name of the role that owns another database'
              : undefined;
    if (wrong !== undefined)
      throw new FairleadError('internal', 'MISCONFIGURED', `The service name "${name}" ${wrong}. Choose another one.`);
  }
}

function checkUses(services: ProvisionOptions['services']): void {
  const known = new Set(services.map((service) => service.name));
  for (const { name, uses } of services) {
    const unknown = uses.find((used) => !known.has(used));
    if (unknown === undefined) continue;
    throw new FairleadError(
      'internal',
      'MISCONFIGURED',
      `${name} uses "${unknown}", which is not among the services to provision. Add it, or take it out of uses.`,
    );
  }
}

function checked(role: string, password: string): string {
  if (/^[!-~]+$/.test(password)) return password;
  throw new FairleadError(
    'internal',
    'MISCONFIGURED',
    `The password given for the role "${role}" is empty or has characters beyond printable ASCII. Leave it out to get a random one.`,
  );
}

function provisionFailure(error: unknown, adminUrl: string): unknown {
  const failure = databaseFailure(error, 'provision');
  if (failure instanceof FairleadError || !(failure instanceof Error)) return failure;
  const { user, host } = parseDatabaseUrl(adminUrl, 'provision');
  return fail(
    'PROVISION_FAILED',
    `The databases can't be set up on ${host} as "${user}": ${failure.message}. The role in POSTGRES_URL needs CREATEROLE and CREATEDB.`,
    { cause: error },
  );
}
