import { rewriteDatabaseUrl } from '../postgres/database-url.ts';
import { fail } from '../errors.ts';
import { sqlState } from '../postgres/postgres-errors.ts';
import { connectAdmin, type AdminConnection } from './admin-connection.ts';

/** Which roles are a platform's own. */
export interface KnownRolesOptions {
  /** Connection string of who provisions. */
  readonly adminUrl: string;
  /** Roles to be provisioned. */
  readonly roles: readonly string[];
  /** The passwords that are known, by role. */
  readonly passwords: Readonly<Record<string, string>>;
  /** Where they are kept, for the message. */
  readonly keptIn: string;
  readonly signal: AbortSignal;
}

/**
 * Refuses a server on which one of the roles exists with another password than the known one: a platform that runs from
 * another data directory may hold it, and a new password would cut that one off.
 * @throws ROLES_TAKEN; nothing was changed
 */
export async function refuseUnknownRoles(admin: AdminConnection, options: KnownRolesOptions): Promise<void> {
  const { roles, passwords, keptIn } = options;
  // A role that may not log in has nobody to cut off.
  const rows = await admin.run(
    'select rolname::text as name from pg_roles where rolname = any($1) and rolcanlogin order by rolname',
    [roles],
  );
  const taken: string[] = [];
  for (const name of rows.map((row) => String(row['name']))) {
    const password = passwords[name];
    if (password === undefined || !(await logsIn(options, name, password))) taken.push(name);
  }
  if (taken.length === 0) return;
  throw fail(
    'ROLES_TAKEN',
    `The database server has the roles ${taken.join(', ')} already, and ${keptIn} does not have their passwords. ` +
      `A platform with another data directory may run on that server, and new passwords would cut it off; nothing was changed. ` +
      `If it is this platform, copy that file from its data directory. If nobody uses the roles any more, give them new passwords: fairlead db create --reset-passwords. ` +
      `Otherwise name another server in POSTGRES_URL.`,
    { details: { roles: taken } },
  );
}

/** Whether the server takes the password. What it says afterwards, such as that the role may not use this database, is no matter. */
async function logsIn(options: KnownRolesOptions, user: string, password: string): Promise<boolean> {
  try {
    await using _connection = await connectAdmin(
      rewriteDatabaseUrl(options.adminUrl, { user, password }),
      options.signal,
    );
    return true;
  } catch (error) {
    const state = sqlState(error);
    // Wrong password, and a refusal to let it log in from here at all.
    if (state === '28P01' || state === '28000') return false;
    if (state === '42501' || state === '3D000') return true;
    throw error;
  }
}
