import { spawn } from 'node:child_process';
import { accessSync, chownSync, constants, mkdirSync, realpathSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { delimiter, dirname, join } from 'node:path';
import { connectAdmin } from '../../embedded/admin-connection.ts';
import { formatDatabaseUrl, type DatabaseAddress } from '../database-url.ts';

/** The pooler's program; `undefined` where there is none (Debian: the package pgbouncer). */
export const PGBOUNCER = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/opt/homebrew/bin']
  .map((folder) => join(folder, 'pgbouncer'))
  .find((file) => {
    try {
      accessSync(file, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });

/** A pooler that gives each transaction one of `size` sessions. */
export interface Pooler extends AsyncDisposable {
  readonly url: string;
}

/**
 * Starts PgBouncer before a database of a server that listens on a socket in `socketDir`.
 * @param folder where its files go: a folder that others may enter
 */
export async function startPooler(
  program: string,
  folder: string,
  to: DatabaseAddress,
  clusterDir: string,
  size: number,
): Promise<Pooler> {
  const home = join(folder, 'pooler');
  mkdirSync(home);
  const port = await freePort();
  const socket = dirname(realpathSync(join(to.host, '.s.PGSQL.5432')));
  writeFileSync(join(home, 'users'), `"${to.user}" "${to.password}"\n`);
  const settings = [
    '[databases]',
    `${to.database} = host=${socket} port=5432 dbname=${to.database}`,
    '[pgbouncer]',
    `listen_addr = 127.0.0.1`,
    `listen_port = ${port}`,
    'unix_socket_dir =',
    'auth_type = scram-sha-256',
    `auth_file = ${join(home, 'users')}`,
    'pool_mode = transaction',
    `default_pool_size = ${size}`,
    'max_client_conn = 200',
    `logfile = ${join(home, 'log')}`,
  ];
  writeFileSync(join(home, 'ini'), `${settings.join('\n')}\n`);
  // It refuses to be root; whom the server belongs to may reach its socket.
  const { uid, gid } = statSync(clusterDir);
  const root = process.getuid?.() === 0;
  if (root) for (const file of [home, join(home, 'ini'), join(home, 'users')]) chownSync(file, uid, gid);
  const child = spawn(program, ['-q', join(home, 'ini')], { stdio: 'ignore', ...(root ? { uid, gid } : {}) });
  const gone = new Promise((resolve) => child.once('exit', resolve));
  const url = formatDatabaseUrl({ ...to, host: '127.0.0.1', port });
  const stop = async (): Promise<void> => {
    child.kill('SIGKILL');
    await gone;
  };
  for (;;) {
    if (child.exitCode !== null) throw new Error(`pgbouncer ended with ${child.exitCode}`);
    try {
      await using first = await connectAdmin(url);
      await first.run('select 1');
      return { url, [Symbol.asyncDispose]: stop };
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'ECONNREFUSED')) {
        await stop();
        throw error;
      }
    }
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer();
    server.listen(0, '127.0.0.1', () => {
      // A server on TCP has an address of this kind.
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}
