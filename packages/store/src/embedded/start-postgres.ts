import type { Clock, Closeable } from '@fairlead/core';

/** How embedded Postgres runs. */
export interface StartPostgresOptions {
  /** Where its data lives; made when missing. One server a directory. */
  readonly dataDir: string;
  /** A short directory of the caller's for the socket's name; the caller protects it (0700). */
  readonly socketDir: string;
  /** Time; default the real one. */
  readonly clock?: Clock;
  /** Gets each line that Postgres logs. Default: dropped. */
  readonly log?: (line: string) => void;
  /** Where binaries and the template are kept. Default: the user's cache directory. */
  readonly cacheDir?: string;
  /** Server settings beyond the defaults, such as `{ max_connections: '200' }`. */
  readonly settings?: Readonly<Record<string, string>>;
}

/** How the server ended. */
export interface PostgresExit {
  readonly code: number | null;
  readonly signal: string | null;
  /** True when `close` asked for it. */
  readonly expected: boolean;
}

/** A running server. */
export interface EmbeddedPostgres extends Closeable {
  /** Connection string of the superuser, on the database `postgres`. Secret. */
  readonly adminUrl: string;
  readonly pid: number;
  /** Resolves, never rejects, when the server process has ended, for whatever reason. */
  readonly exited: Promise<PostgresExit>;
}

/** Starts Postgres on a data directory and resolves when it accepts connections. */
export async function startPostgres(options: StartPostgresOptions): Promise<EmbeddedPostgres> {
  throw new Error(`not yet: ${options.dataDir}`);
}
