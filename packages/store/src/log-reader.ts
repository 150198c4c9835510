import type { Context } from '@fairlead/core';
import type { Database } from './database.ts';
import type { LoggedEvent } from './log-types.ts';

/** Reads a log by position, losing nothing. */
export interface LogReader {
  /** The next events after a position, in order, at most `limit`. Empty when there is nothing that may be delivered yet. */
  read(ctx: Context, options: { readonly after: bigint; readonly limit: number }): Promise<readonly LoggedEvent[]>;
}

/** How a reader waits at a gap. */
export interface LogReaderOptions {
  /** How long one `read` waits, in milliseconds, for the writers that may still fill a gap. Default 100; 0 looks once. */
  readonly gapWaitMs?: number;
}

/** A reader of `database`'s log. */
export function logReader(database: Database, options: LogReaderOptions = {}): LogReader {
  throw new Error(`not yet: ${database.name} ${options.gapWaitMs}`);
}
