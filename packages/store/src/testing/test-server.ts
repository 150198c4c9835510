import { chmodSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { realClock } from '@fairlead/core';
import { connectAdmin } from '../embedded/admin-connection.ts';
import { endOrphans } from '../embedded/postmaster.ts';
import { newPassword } from '../embedded/secret.ts';
import { startPostgres } from '../embedded/start-postgres.ts';
import { quoteLiteral, rewriteDatabaseUrl } from '../postgres/database-url.ts';

/** Where the workers of a run ask for the server: set by the global setup. */
export const SERVER_SOCKET_VARIABLE = 'FAIRLEAD_TEST_SERVER';

/**
 * A superuser's connection string of a server to test on instead of the embedded one, such as another major version. It has
 * room for 300 connections and 10 prepared transactions, and what tests leave in it nobody misses.
 */
const GIVEN_SERVER_VARIABLE = 'FAIRLEAD_TEST_POSTGRES_URL';

/** What a test needs to know of the run's Postgres. */
export interface TestServerAddress {
  /** The superuser's connection string. */
  readonly adminUrl: string;
  /** Those of the roles that own and use all test databases, on the database `postgres`, where they may not connect. */
  readonly ownerUrl: string;
  readonly runtimeUrl: string;
}

/** A running test server and how to end it. */
export interface TestServer extends AsyncDisposable {
  readonly address: TestServerAddress;
  /** See `EmbeddedPostgres.unref`. */
  unref(): void;
}

/** Roles of the test databases. */
export const OWNER_ROLE = 'test_owner';
export const RUNTIME_ROLE = 'test_runtime';

const PREFIX = 'fairlead-test-';

/**
 * Starts a Postgres for tests in the temporary folder; ends those that killed runs have left. fsync is off: a test's data
 * may die with the machine. With `FAIRLEAD_TEST_POSTGRES_URL` that server is used and nothing is started.
 */
export async function startTestServer(): Promise<TestServer> {
  const given = process.env[GIVEN_SERVER_VARIABLE];
  if (given !== undefined && given !== '') {
    return { address: await addRoles(given), unref: () => {}, [Symbol.asyncDispose]: async () => {} };
  }
  await sweep();
  const directory = mkdtempSync(join(tmpdir(), `${PREFIX}${process.pid}-`));
  chmodSync(directory, 0o700);
  const server = await startPostgres({
    dataDir: join(directory, 'data'),
    socketDir: directory,
    settings: {
      fsync: 'off',
      full_page_writes: 'off',
      max_connections: '300',
      max_prepared_transactions: '10',
      autovacuum: 'off',
    },
  });
  const stop = async (): Promise<void> => {
    await server.close({ graceMs: 0 });
    rmSync(directory, { recursive: true, force: true });
  };
  try {
    return { address: await addRoles(server.adminUrl), unref: () => server.unref(), [Symbol.asyncDispose]: stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function addRoles(adminUrl: string): Promise<TestServerAddress> {
  await using admin = await connectAdmin(adminUrl);
  const addRole = async (name: string, options: string): Promise<string> => {
    const password = newPassword();
    const there = await admin.run('select 1 from pg_roles where rolname = $1', [name]);
    const verb = there.length > 0 ? 'alter' : 'create';
    await admin.run(`${verb} role ${name} ${options} password ${quoteLiteral(password)}`);
    return rewriteDatabaseUrl(adminUrl, { user: name, password });
  };
  const ownerUrl = await addRole(OWNER_ROLE, 'login');
  return { adminUrl, ownerUrl, runtimeUrl: await addRole(RUNTIME_ROLE, 'login noinherit') };
}

/** Ends the servers of runs whose process is gone and removes what they left. */
async function sweep(): Promise<void> {
  for (const name of readdirSync(tmpdir())) {
    const pid = new RegExp(`^${PREFIX}(\\d+)-`).exec(name)?.[1];
    if (pid === undefined || isAlive(Number(pid))) continue;
    const data = join(tmpdir(), name, 'data');
    // Somebody else's leftovers, or another run that sweeps: theirs to clear.
    await endOrphans(join(data, 'postgres'), join(data, 'postgres.parent'), realClock())
      .then(() => rmSync(join(tmpdir(), name), { recursive: true, force: true }))
      .catch(() => {});
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

let own: Promise<TestServer> | undefined;

/** The run's server: the one that the global setup holds or, without it, one of this process. */
export function testServer(): Promise<TestServerAddress> {
  const socketPath = process.env[SERVER_SOCKET_VARIABLE];
  return socketPath === undefined ? ownServer() : ask(socketPath);
}

async function ownServer(): Promise<TestServerAddress> {
  own ??= startTestServer().then((server) => {
    // Without a runner that ends it, such as under node --test: it must not keep the process of the last test.
    server.unref();
    process.once('beforeExit', () => void server[Symbol.asyncDispose]());
    return server;
  });
  return (await own).address;
}

function ask(socketPath: string): Promise<TestServerAddress> {
  return new Promise((resolve, reject) => {
    let answer = '';
    const socket = createConnection(socketPath);
    socket.setEncoding('utf8').on('data', (chunk: string) => (answer += chunk));
    socket.on('error', reject);
    socket.on('end', () => {
      // The only two things that the global setup writes.
      const message = JSON.parse(answer) as { address: TestServerAddress } | { error: string };
      if ('address' in message) resolve(message.address);
      else reject(new Error(`The test run's Postgres did not start: ${message.error}`));
    });
  });
}
