import { isError, type Context } from '@fairlead/core';
import type { Database, Sql } from '../database.ts';
import type { PayloadSeal } from '../encryption/payload-seal.ts';
import { readerRefusal } from './log-epoch.ts';
import type { LoggedEvent } from './log-types.ts';
import { EVENT_COLUMNS, eventsIn } from './log-row.ts';
import { keepPrepared } from '../postgres/prepared.ts';
import { SettledPositions } from './settled-positions.ts';
import { acrossTenants } from '../tenancy/across-tenants.ts';

/** Reads a log by position, losing nothing. */
export interface LogReader {
  /**
   * The next events after a position, in order, at most `limit`. The unbroken run that follows `after` is returned at
   * once. Where a position is missing, its writer may still be about to commit: the reader waits up to `gapWaitMs` for
   * exactly those writers and then goes on past what can no longer be filled. Empty when nothing may be delivered yet.
   *
   * Every event committed with a position above `after` is delivered once, in the order of positions, provided that
   * the caller goes on at the last position it was given. It reads in statements of its own, whose snapshots it needs to be newer than
   * each other: what the caller's open transaction has appended is not there yet. Reads from the primary only: a replica's locks say nothing.
   * @throws LOG_EPOCH_CHANGED when the log is not in the epoch given; LOG_TRIMMED when events after the cursor were trimmed
   *   (through `details.through`)
   */
  read(ctx: Context, options: ReadOptions): Promise<readonly LoggedEvent[]>;
}

/** What to read. */
export interface ReadOptions {
  /** The cursor: the last position that the caller has. 0 for none. */
  readonly after: bigint;
  /** Events at most. */
  readonly limit: number;
  /** The epoch of the cursor, as `epochAt` or `logEpoch` gave it when reading began. Default: not checked. */
  readonly epoch?: string | undefined;
}

/** How a reader waits at a gap. */
export interface LogReaderOptions {
  /** How long one `read` waits, in milliseconds, for the writers that may still fill a gap. Default 100; 0 looks once. */
  readonly gapWaitMs?: number;
  /**
   * What becomes of a cursor whose next events were trimmed: `refuse` (default) throws LOG_TRIMMED, `skip` begins at what
   * is kept.
   */
  readonly trimmed?: 'refuse' | 'skip';
  /**
   * Opens sealed events; one that does not open (SEAL_BROKEN, KEY_UNAVAILABLE) stops the reader there. Default: sealed events
   * are delivered `closed`, without their data.
   */
  readonly seal?: PayloadSeal | undefined;
}

const READ = keepPrepared(`select ${EVENT_COLUMNS} from fairlead_log
  where position > $1 and (select fairlead_log_check($3::bigint, $1::bigint)) order by position limit $2`);

/**
 * A reader of a database's log, of all tenants in it; opened with any role that may read the log. Stateless but for what it knows to be
 * settled, so losing it costs a look.
 */
export function logReader(database: Database, options: LogReaderOptions = {}): LogReader {
  // Who sees a part of the log takes the rest for gaps.
  const whole = acrossTenants(database);
  const { gapWaitMs = 100, trimmed = 'refuse', seal } = options;
  const settled = new SettledPositions(whole);
  /** Where the log begins, as far as is known: with `skip`, cursors before it begin there. */
  let kept = 0n;

  async function select(ctx: Context, { after, limit, epoch }: ReadOptions): Promise<readonly LoggedEvent[]> {
    try {
      const params = [after.toString(), limit, epoch ?? settled.epoch ?? null];
      const { rows } = await whole.query(ctx, READ, params);
      const sql: Sql = { query: (text, values) => whole.query(ctx, text, values) };
      return await eventsIn(ctx, sql, seal, rows);
    } catch (error) {
      throw readerRefusal(whole.name, after, error);
    }
  }

  async function next(ctx: Context, cursor: ReadOptions): Promise<readonly LoggedEvent[]> {
    const { after } = cursor;
    const seen = await select(ctx, cursor);
    const [first] = seen;
    if (first === undefined) return [];
    const run = unbrokenRun(after, settled.through, seen);
    if (run.length > 0) return run;
    if (!(await settled.reach(ctx, first.position, gapWaitMs, after))) return [];
    // A new snapshot: what the gap's writers committed is visible in it, and what it lacks was rolled back.
    return unbrokenRun(after, settled.through, await select(ctx, cursor));
  }

  return {
    async read(ctx, cursor) {
      for (;;) {
        try {
          return await next(ctx, cursor.after < kept ? { ...cursor, after: kept } : cursor);
        } catch (error) {
          // Without an epoch of the caller's it is what this reader knew that is outdated.
          if (isError(error, 'LOG_EPOCH_CHANGED') && cursor.epoch === undefined) settled.forget();
          else if (isError(error, 'LOG_TRIMMED') && trimmed === 'skip') kept = BigInt(String(error.details['through']));
          else throw error;
        }
      }
    },
  };
}

/** The events after `after` up to the first missing position that is above `settled`. */
function unbrokenRun(after: bigint, settled: bigint, events: readonly LoggedEvent[]): readonly LoggedEvent[] {
  let last = after;
  for (const [index, { position }] of events.entries()) {
    if (position > (last < settled ? settled : last) + 1n) return events.slice(0, index);
    last = position;
  }
  return events;
}
