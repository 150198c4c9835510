import type { Clock } from '@fairlead/core';
import { startPostgres, type EmbeddedPostgres } from '@fairlead/store/embedded';
import type { Launch } from './launch.ts';

/** Where the embedded database lives. */
export interface PostgresLaunchOptions {
  readonly dataDir: string;
  /** Folder of its socket; the same over restarts, so that whoever is connected finds it again. */
  readonly socketDir: string;
  readonly clock: Clock;
  readonly onLine: (line: string) => void;
  /** Told of each run, once it accepts connections. */
  readonly onStarted: (postgres: EmbeddedPostgres) => void;
}

/** Runs of the embedded Postgres, as the supervisor starts them. */
export function postgresLaunch(options: PostgresLaunchOptions): Launch {
  return async () => {
    const postgres = await startPostgres({
      dataDir: options.dataDir,
      socketDir: options.socketDir,
      clock: options.clock,
      log: options.onLine,
    });
    options.onStarted(postgres);
    return {
      pid: postgres.pid,
      ready: Promise.resolve(`postgres:${options.socketDir}`),
      exited: postgres.exited,
      async stop(graceMs) {
        await postgres.close({ graceMs });
        await postgres.exited;
      },
    };
  };
}
