import { existsSync } from 'node:fs';
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { formatDatabaseUrl, quoteIdentifier, quoteLiteral, type DatabaseAddress } from '../postgres/database-url.ts';
import { fail } from '../errors.ts';
import { sqlState } from '../postgres/postgres-errors.ts';
import { connectAdmin, type AdminConnection } from './admin-connection.ts';
import { INITIAL_PASSWORD_FILE, SUPERUSER } from './cluster.ts';
import { scramVerifier } from './scram.ts';
import { newPassword } from './secret.ts';

/** The superuser's password, kept in `<dataDir>/secrets/postgres-superuser` (0600); made on the cluster's first start. */
export async function superuserPassword(dataDir: string, clusterDir: string): Promise<string> {
  const directory = join(dataDir, 'secrets');
  const path = join(directory, 'postgres-superuser');
  if (existsSync(path)) return (await readFile(path, 'utf8')).trim();
  if (!existsSync(join(clusterDir, INITIAL_PASSWORD_FILE))) {
    throw fail(
      'POSTGRES_START_FAILED',
      `${path} is gone, and with it the password of the database in ${clusterDir}. Restore the file, or move the data directory away to begin anew.`,
    );
  }
  const password = newPassword();
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const fresh = `${path}.${process.pid}`;
  {
    await using file = await open(fresh, 'w', 0o600);
    await file.writeFile(`${password}\n`);
    await file.sync();
  }
  await rename(fresh, path);
  return password;
}

/**
 * The superuser's connection string of an embedded server that somebody else has started: `dataDir` and `socketDir` as
 * `startPostgres` got them. Secret.
 * @throws POSTGRES_START_FAILED when no server was ever started there
 */
export async function superuserUrl(where: { readonly dataDir: string; readonly socketDir: string }): Promise<string> {
  const password = await superuserPassword(where.dataDir, join(where.dataDir, 'postgres'));
  return formatDatabaseUrl({ user: SUPERUSER, password, host: where.socketDir, port: 5432, database: 'postgres' });
}

/**
 * Gives a cluster that was just copied its own password and takes CONNECT on the databases that come with it from
 * PUBLIC. Done again after a crash in the middle. Then, and on every later start, one connection proves the password.
 */
export async function secureSuperuser(address: DatabaseAddress, clusterDir: string): Promise<void> {
  const initialFile = join(clusterDir, INITIAL_PASSWORD_FILE);
  if (existsSync(initialFile)) {
    await using admin = await connectEither(address, (await readFile(initialFile, 'utf8')).trim());
    const verifier = quoteLiteral(await scramVerifier(address.password));
    await admin.run(`begin; set local log_statement = 'none';
      alter role ${quoteIdentifier(SUPERUSER)} password ${verifier};
      revoke all on database postgres, template1 from public; commit`);
    await rm(initialFile);
    return;
  }
  await using admin = await connectAdmin(formatDatabaseUrl(address));
  await admin.run('select 1');
}

async function connectEither(address: DatabaseAddress, initial: string): Promise<AdminConnection> {
  try {
    return await connectAdmin(formatDatabaseUrl({ ...address, password: initial }));
  } catch (error) {
    if (sqlState(error) !== '28P01') throw error;
    return connectAdmin(formatDatabaseUrl(address));
  }
}
