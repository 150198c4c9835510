/*
 * Postgres as a child process. Around this file:
 *   account.ts    whom it runs as, when we are root        cache-dir.ts   where binaries and the template are kept
 *   binaries.ts   the npm package's files, verified         cluster.ts     a data directory, copied from the template
 *   postmaster.ts what an earlier run left behind           server-process.ts  one postmaster: output, end
 *   file-size-limit.ts  what helps against it
 *   superuser.ts  its password                              provision.ts   databases and roles on any server
 *   known-roles.ts  whether those are ours
 */
import { existsSync } from 'node:fs';
import { mkdir, realpath, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { FairleadError, realClock, type Clock, type Closeable, type CloseOptions } from '@fairlead/core';
import { formatDatabaseUrl } from '../postgres/database-url.ts';
import { fail } from '../errors.ts';
import { canReach, serverAccount } from './account.ts';
import { installBinaries } from './binaries.ts';
import { cacheDirectory } from './cache-dir.ts';
import { ensureCluster, INITIAL_PASSWORD_FILE, SUPERUSER, syncCluster } from './cluster.ts';
import { RAISE_FILE_SIZE_LIMIT } from './file-size-limit.ts';
import { endOrphans, forgetParent, readPostmasterFile, recordParent } from './postmaster.ts';
import { ServerProcess, type PostgresExit } from './server-process.ts';
import { secureSuperuser, superuserPassword } from './superuser.ts';

export type { PostgresExit } from './server-process.ts';

/** How embedded Postgres runs. */
export interface StartPostgresOptions {
  /**
   * Where its data lives: the cluster in `<dataDir>/postgres`, the superuser's password (0600) in
   * `<dataDir>/secrets/postgres-superuser`. Made when missing. One server a directory.
   */
  readonly dataDir: string;
  /** A short directory of the caller's for the socket's name; the caller protects it (0700) and removes it. */
  readonly socketDir: string;
  /** Time. Default: the real one. */
  readonly clock?: Clock;
  /** Gets each line that Postgres logs. Default: dropped. */
  readonly log?: (line: string) => void;
  /** Where binaries and the template are kept. Default: the user's cache directory; for root `/var/cache/fairlead`. */
  readonly cacheDir?: string;
  /** Server settings beyond the defaults, such as `{ max_connections: '300' }`. */
  readonly settings?: Readonly<Record<string, string>>;
}

/** A running server. It listens on its socket only, never on TCP; every role needs its password. */
export interface EmbeddedPostgres extends Closeable {
  /** Connection string of the superuser, on the database `postgres`. Secret. */
  readonly adminUrl: string;
  readonly pid: number;
  /** Resolves, never rejects, when the server process has ended, for whatever reason. */
  readonly exited: Promise<PostgresExit>;
  /** Lets this process come to its `beforeExit` while the server runs. Whoever asks for that closes it there. */
  unref(): void;
}

const SOCKET = '.s.PGSQL.5432';
/** The shortest limit of a socket's path among the systems that we run on, in bytes. */
const MAX_SOCKET_PATH = 103;
const START_TIMEOUT_MS = 60_000;
const LOOK_MS = 5;
/** How often a start is tried while processes of a killed server still hold its shared memory. */
const TRIES = 40;
const RETRY_MS = 250;

/**
 * Starts Postgres on a data directory and resolves when it accepts connections. A first start copies a cached template;
 * what an earlier process that was killed has left running is ended first. As root it runs under a uid of its own,
 * which the cluster's directory then belongs to. Whoever starts it closes it; it is not restarted when it dies.
 * @throws POSTGRES_BINARIES, POSTGRES_IN_USE, POSTGRES_START_FAILED (with its last log lines), MISCONFIGURED
 */
export async function startPostgres(options: StartPostgresOptions): Promise<EmbeddedPostgres> {
  const clock = options.clock ?? realClock();
  const link = join(options.socketDir, SOCKET);
  if (Buffer.byteLength(link) > MAX_SOCKET_PATH) {
    throw new FairleadError(
      'internal',
      'MISCONFIGURED',
      `socketDir ${options.socketDir} is too long: a socket's path has at most ${MAX_SOCKET_PATH} bytes. Give a directory right below the system's temporary folder.`,
    );
  }
  await mkdir(options.dataDir, { recursive: true, mode: 0o700 });
  const dataDir = await realpath(options.dataDir);
  const clusterDir = join(dataDir, 'postgres');
  const parentFile = join(dataDir, 'postgres.parent');
  const account = serverAccount(clusterDir);
  if (account !== undefined && process.platform !== 'linux' && !canReach(account, dataDir)) {
    throw new FairleadError(
      'internal',
      'MISCONFIGURED',
      `${dataDir} lies below a directory that only root may enter, and Postgres doesn't run as root. Choose another --data-dir, or start as an ordinary user.`,
    );
  }
  const cacheDir = cacheDirectory(options.cacheDir, account);
  const [binaries] = await Promise.all([installBinaries(cacheDir), endOrphans(clusterDir, parentFile, clock)]);
  await ensureCluster(clusterDir, { binaries, cacheDir, account });
  // The note about the first password is there until the first start has come through, syncing included.
  const fresh = existsSync(join(clusterDir, INITIAL_PASSWORD_FILE)) && options.settings?.['fsync'] !== 'off';
  const synced = fresh ? syncCluster(clusterDir) : Promise.resolve();
  synced.catch(() => {});
  const password = await superuserPassword(dataDir, clusterDir);
  recordParent(parentFile);
  const server = await startServer(
    () =>
      new ServerProcess({
        program: binaries.postgres,
        clusterDir,
        account,
        settings: options.settings ?? {},
        log: options.log ?? (() => {}),
      }),
    clusterDir,
    clock,
  );
  try {
    await rm(link, { force: true });
    await symlink(join(clusterDir, SOCKET), link);
    const address = { user: SUPERUSER, password, host: options.socketDir, port: 5432, database: 'postgres' };
    await synced;
    await secureSuperuser(address, clusterDir);
    return running(server, formatDatabaseUrl(address), clock, async () => {
      await rm(link, { force: true });
      forgetParent(parentFile);
    });
  } catch (error) {
    await server.stop(0, clock);
    await rm(link, { force: true });
    throw error;
  }
}

async function startServer(create: () => ServerProcess, clusterDir: string, clock: Clock): Promise<ServerProcess> {
  for (let attempt = 1; ; attempt += 1) {
    const server = create();
    if (await ready(server, clusterDir, clock)) return server;
    if (!server.ended) await server.stop(0, clock);
    await server.drained();
    // Backends of a postmaster that was killed live on for a moment and keep its shared memory.
    if (!/shared memory block .* is still in use/.test(server.lastWords) || attempt === TRIES) {
      const hint = /File too large/.test(server.lastWords) ? `\n${RAISE_FILE_SIZE_LIMIT}.` : '';
      throw fail(
        'POSTGRES_START_FAILED',
        `Postgres did not start on ${clusterDir}. Its last words:\n${server.lastWords}${hint}`,
      );
    }
    await clock.sleep(RETRY_MS);
  }
}

async function ready(server: ServerProcess, clusterDir: string, clock: Clock): Promise<boolean> {
  const end = clock.monotonic() + START_TIMEOUT_MS;
  while (!server.ended && clock.monotonic() < end) {
    const file = readPostmasterFile(clusterDir);
    if (file?.pid === server.pid && file.status === 'ready' && existsSync(join(clusterDir, SOCKET))) return true;
    await clock.sleep(LOOK_MS);
  }
  return false;
}

function running(
  server: ServerProcess,
  adminUrl: string,
  clock: Clock,
  cleanUp: () => Promise<void>,
): EmbeddedPostgres {
  let closing: Promise<void> | undefined;
  const close = (options: CloseOptions = {}): Promise<void> => {
    closing ??= server.stop(options.graceMs ?? 5_000, clock).then(cleanUp);
    return closing;
  };
  const unref = (): void => server.unref();
  return { adminUrl, pid: server.pid, exited: server.exited, unref, close, [Symbol.asyncDispose]: () => close() };
}
