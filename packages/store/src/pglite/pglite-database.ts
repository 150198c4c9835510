import type { Clock } from '@fairlead/core';
import type { PGlite } from '@electric-sql/pglite';
import type { Database } from '../database.ts';
import type { StoreTelemetry } from '../options.ts';

/** How a PGlite database is opened. */
export interface PgliteDatabaseOptions {
  /** The instance; shared by all databases on it. Whoever made it closes it. */
  readonly pglite: PGlite;
  /** Schema that stands for the database; made when missing. */
  readonly schema: string;
  /** Name for logs and errors, usually the service's. */
  readonly name: string;
  /** Time: what `fairlead.now()` answers in every statement. */
  readonly clock: Clock;
  /** Spans and logs. Default: none. */
  readonly telemetry?: StoreTelemetry | undefined;
}

/** One service's database as a schema of an in-memory PGlite. */
export function pgliteDatabase(options: PgliteDatabaseOptions): Database {
  throw new Error(`not yet: ${options.name}`);
}
