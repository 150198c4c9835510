import { chownSync, existsSync, mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { converse, portOf } from './conversation.ts';
import { findProgram, othersMayEnter, postgresFolders, requireProgram, runProgram, systemUser } from './programs.ts';
import type { Launch, Place, ServerKind } from './server.ts';

const PROTOCOL_3 = 196_608;

/** PostgreSQL whose superuser `postgres` needs no password from this machine; and a pooler, for tests that start their own. */
export const postgresql: ServerKind = {
  name: 'postgresql',
  packages: ['postgresql', 'pgbouncer'],
  elsewhere: 'brew install postgresql pgbouncer',
  installed: () => findProgram('initdb', postgresFolders()) !== undefined && findProgram('pgbouncer') !== undefined,
  prepare: (place) =>
    prepareCluster(place, {
      initdb: requireProgram('initdb', postgresFolders()),
      postgres: requireProgram('postgres', postgresFolders()),
      user: 'postgres',
    }),
  greet: greetPostgres,
};

/** What a cluster is made and run with. */
export interface PostgresPrograms {
  readonly initdb: string;
  readonly postgres: string;
  /** The system user that root runs it as. */
  readonly user: string;
}

/** Makes a cluster whose superuser `postgres` needs no password from this machine, and says how to start it. */
export async function prepareCluster({ dataDir, freePort }: Place, programs: PostgresPrograms): Promise<Launch> {
  const user = process.getuid?.() === 0 ? systemUser(programs.user) : undefined;
  if (user === undefined && process.getuid?.() === 0)
    throw new Error(`as root it needs a system user "${programs.user}"`);
  const home = user !== undefined && !othersMayEnter(dataDir) ? mkdtempSync(join(tmpdir(), 'fairlead-pg-')) : dataDir;
  const folder = join(home, 'cluster');
  if (!existsSync(join(folder, 'PG_VERSION'))) {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    if (home !== dataDir) writeFileSync(join(dataDir, 'elsewhere'), home);
    if (user !== undefined) for (const each of [home, folder]) chownSync(each, user.uid, user.gid);
    const args = ['-D', folder, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--locale', 'C'];
    runProgram(programs.initdb, args, { cwd: '/', ...user });
  }
  const port = await freePort();
  // Enough for a run of tests, of which some prepare transactions.
  const settings = ['max_connections=300', 'max_prepared_transactions=10'].flatMap((setting) => ['-c', setting]);
  const args = ['-D', folder, '-h', '127.0.0.1', '-p', String(port), '-k', '', ...settings];
  const command = { file: programs.postgres, args };
  return {
    url: `postgresql://postgres@127.0.0.1:${port}/postgres`,
    commands: [user === undefined ? command : { ...command, user }],
  };
}

/** The version of a server, as it says it itself. */
export function greetPostgres(url: string, timeoutMs: number): Promise<string> {
  return converse({
    port: portOf(url),
    say: startupMessage('postgres'),
    understand(received) {
      const text = received.toString('latin1');
      if (text.startsWith('E')) throw new Error(`refused: ${text.slice(5).replaceAll('\0', ' ')}`);
      // ReadyForQuery ends the greeting; the server's version came in a ParameterStatus before it.
      if (!text.includes('Z\0\0\0\u0005I')) return undefined;
      return `server_version ${/server_version\0([^\0]+)/.exec(text)?.[1]}`;
    },
    timeoutMs,
  });
}

function startupMessage(user: string): Buffer {
  const body = Buffer.from(`user\0${user}\0database\0postgres\0\0`, 'latin1');
  const head = Buffer.alloc(8);
  head.writeInt32BE(body.length + 8, 0);
  head.writeInt32BE(PROTOCOL_3, 4);
  return Buffer.concat([head, body]);
}
