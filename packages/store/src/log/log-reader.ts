import { isError, type Context } from '@fairlead/core';
import type { Database, Row } from '../database.ts';
import { cursorRefusal, refusedCursor } from './log-epoch.ts';
import type { LoggedEvent } from './log-types.ts';

/** Reads a log by position, losing nothing. */
export interface LogReader {
  /**
   * The next events after a position, in order, at most `limit`. The unbroken run that follows `after` is returned at
   * once. Where a position is missing, its writer may still be about to commit: the reader waits up to `gapWaitMs` for
   * exactly those writers and then goes on past what can no longer be filled. Empty when nothing may be delivered yet.
   *
   * Every event committed with a position above `after` is delivered once, in the order of positions, provided that
   * the caller goes on at the last position it was given. Reads from the primary only: a replica's locks say nothing.
   * @throws LOG_EPOCH_CHANGED when the log was replaced from a backup and the cursor knows events that it lacks (the
   *   position up to which both agree is `details.partedAt`); LOG_TRIMMED when events after the cursor were trimmed
   */
  read(ctx: Context, options: ReadOptions): Promise<readonly LoggedEvent[]>;
}

/** What to read. */
export interface ReadOptions {
  /** The cursor: the last position that the caller has. 0 for none. */
  readonly after: bigint;
  /** Events at most. */
  readonly limit: number;
  /** The epoch in which the cursor was written, by `logEpoch`. Default: not checked. */
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
}

const FIRST_LOOK_MS = 1;
const LAST_LOOK_MS = 16;

const READ = `select position, stream, version, id, type, schema_version, key, data, time, tenant, subject, traceparent,
  correlation_id, causation_id, criticality from fairlead_log
  where position > $1 and ($2::bigint is null or position <= $2) and (select fairlead_log_check($4::bigint, $1::bigint))
  order by position limit $3`;

/*
 * nextval takes RowExclusiveLock on the sequence before it draws, and keeps it until the top-level transaction ends:
 * beyond ROLLBACK TO, and through PREPARE TRANSACTION. The lock is released after the commit has become visible.
 * The database column matters: oids repeat between databases.
 */
const HOLDERS = `select l.virtualtransaction as holder
  from pg_locks l
  where l.locktype = 'relation' and l.mode = 'RowExclusiveLock' and l.granted
    and l.database = (select d.oid from pg_database d where d.datname = current_database())
    and l.relation = to_regclass('fairlead_log_position')`;

/** Writers that may still fill the gap that a reader stands at. */
interface Gap {
  readonly after: bigint;
  /** A position that was seen committed beyond the gap: whatever is missing below it was drawn before. */
  readonly horizon: bigint;
  readonly holders: ReadonlySet<string>;
}

/**
 * A reader of `database`'s log; opened with any role that may read the log. Stateless but for what it knows of the gap
 * it stands at, so losing it costs a look.
 */
export function logReader(database: Database, options: LogReaderOptions = {}): LogReader {
  const { gapWaitMs = 100, trimmed = 'refuse' } = options;
  let gap: Gap | undefined;
  /** Where the log begins, as far as is known: with `skip`, cursors before it begin there. */
  let kept = 0n;

  async function select(
    ctx: Context,
    { after, limit, epoch }: ReadOptions,
    horizon?: bigint,
  ): Promise<readonly LoggedEvent[]> {
    try {
      const params = [after.toString(), horizon?.toString() ?? null, limit, epoch ?? null];
      const { rows } = await database.query(ctx, READ, params);
      return rows.map(toEvent);
    } catch (error) {
      const refusal = cursorRefusal(error);
      throw refusal === undefined ? error : refusedCursor(database.name, after, refusal, error);
    }
  }

  async function holders(ctx: Context): Promise<ReadonlySet<string>> {
    const { rows } = await database.query<{ holder: string }>(ctx, HOLDERS);
    return new Set(rows.map((row) => row.holder));
  }

  /** Waits until none of the gap's writers is left; false when the time is over first. */
  async function settled(ctx: Context, standing: Gap): Promise<boolean> {
    const until = ctx.clock.monotonic() + gapWaitMs;
    let waiting = standing.holders;
    for (let delayMs = FIRST_LOOK_MS; waiting.size > 0; delayMs = Math.min(LAST_LOOK_MS, delayMs * 2)) {
      const now = await holders(ctx);
      // PREPARE TRANSACTION hands the lock to a nameless owner, -1/xid: any of those may be one that we wait for.
      waiting = new Set([...now].filter((holder) => waiting.has(holder) || holder.startsWith('-1/')));
      gap = { ...standing, holders: waiting };
      if (waiting.size === 0) break;
      const leftMs = until - ctx.clock.monotonic();
      if (leftMs <= 0) return false;
      await ctx.clock.sleep(Math.min(delayMs, leftMs), ctx.signal);
    }
    return true;
  }

  async function next(ctx: Context, cursor: ReadOptions): Promise<readonly LoggedEvent[]> {
    const { after } = cursor;
    if (gap === undefined || gap.after !== after) {
      const seen = await select(ctx, cursor);
      const run = unbrokenRun(after, seen);
      const last = seen.at(-1);
      if (run.length > 0 || last === undefined) return run;
      // A later statement than the one that saw the gap: whoever drew the missing positions is listed or has ended.
      gap = { after, horizon: last.position, holders: await holders(ctx) };
    }
    const standing = gap;
    if (!(await settled(ctx, standing))) return [];
    // A new snapshot again: what the writers committed is visible in it, and what it lacks was rolled back.
    const final = await select(ctx, cursor, standing.horizon);
    gap = undefined;
    return final;
  }

  return {
    async read(ctx, cursor) {
      try {
        return await next(ctx, cursor.after < kept ? { ...cursor, after: kept } : cursor);
      } catch (error) {
        if (trimmed === 'refuse' || !isError(error, 'LOG_TRIMMED')) throw error;
        kept = BigInt(String(error.details['through']));
        return next(ctx, { ...cursor, after: kept });
      }
    },
  };
}

/** The events at after+1, after+2 and so on, up to the first missing position. */
function unbrokenRun(after: bigint, events: readonly LoggedEvent[]): readonly LoggedEvent[] {
  const end = events.findIndex((event, index) => event.position !== after + BigInt(index) + 1n);
  return end === -1 ? events : events.slice(0, end);
}

function toEvent(row: Row): LoggedEvent {
  // The columns of READ, whose types the migration fixes.
  const columns = row as {
    position: string;
    stream: string;
    version: string;
    id: string;
    type: string;
    schema_version: number;
    key: string;
    data: unknown;
    time: Date;
    tenant: string | null;
    subject: string | null;
    traceparent: string;
    correlation_id: string;
    causation_id: string | null;
    criticality: LoggedEvent['criticality'];
  };
  return {
    position: BigInt(columns.position),
    stream: columns.stream,
    version: Number(columns.version),
    id: columns.id,
    type: columns.type,
    schemaVersion: columns.schema_version,
    key: columns.key,
    data: columns.data,
    time: columns.time.getTime(),
    tenant: columns.tenant ?? undefined,
    subject: columns.subject ?? undefined,
    traceparent: columns.traceparent,
    correlationId: columns.correlation_id,
    causationId: columns.causation_id ?? undefined,
    criticality: columns.criticality,
  };
}
