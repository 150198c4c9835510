import type { Database } from './database.ts';
import type { DatabaseOptions } from './options.ts';

/** Opens a pool on a Postgres database. Connects on first use, so this never waits and never fails for an absent server. */
export function openDatabase(options: DatabaseOptions): Database {
  throw new Error(`not yet: ${options.name}`);
}
