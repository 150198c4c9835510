import type { Context } from '@fairlead/core';
import type { Database } from '../database.ts';
import { SettledPositions } from './settled-positions.ts';
import { acrossTenants } from '../tenancy/across-tenants.ts';

/** What is to go. Of `before` and `through`, the one that takes less; without either, everything that has been read. */
export interface TrimOptions {
  /** Events appended before this time, in milliseconds since the epoch. Default: whenever. */
  readonly before?: number | undefined;
  /** Events up to this position. Default: the log's end. */
  readonly through?: bigint | undefined;
  /**
   * Where everybody who reads this log has come to, its relay to the broker and the archive included: nothing above the
   * least of them goes. Asked once, at the beginning.
   */
  readonly cursors: (ctx: Context) => Promise<readonly { readonly name: string; readonly position: bigint }[]>;
  /**
   * Categories whose events stay, wherever they are: names of streams up to the first `-`, such as those of deciders, whose states
   * are in them. Readers of the log begin behind them all the same. Default: none.
   */
  readonly keep?: readonly string[];
  /** Events looked at in one transaction. Default 1 000; at least 1. */
  readonly batch?: number;
}

/** What came of trimming. */
export interface TrimResult {
  /** Events that were deleted. */
  readonly deleted: number;
  /** The log now begins above this position. */
  readonly through: bigint;
  /** The cursor that kept later events from going; `undefined` when none did. */
  readonly heldBy: string | undefined;
}

/** How long trimming waits for writers that may still fill a gap, before it leaves what is above the gap alone. */
const SETTLE_MS = 1_000;

/**
 * Deletes events from the log's beginning, whose tenant's they may be, in short transactions; stopping half-way leaves a log that begins later. What was
 * trimmed is gone but for archives: streams keep their versions, readers that begin before it are told (LOG_TRIMMED), and
 * ids that only trimmed events had may be appended again.
 */
export async function trimLog(ctx: Context, database: Database, options: TrimOptions): Promise<TrimResult> {
  const whole = acrossTenants(database);
  const { batch = 1_000, keep = [] } = options;
  const wanted = await endOf(ctx, whole, options);
  const cursors = await options.cursors(ctx);
  const [last] = cursors.toSorted((a, b) => (a.position < b.position ? -1 : 1));
  const held = last !== undefined && last.position < wanted ? last : undefined;
  const end = held?.position ?? wanted;
  let deleted = 0;
  for (;;) {
    const step = await whole.tx(ctx, async (tx) => {
      const { rows } = await tx.query<{ through: string }>(
        'select through::text as through from fairlead_log_trim for update',
      );
      const through = BigInt(rows[0]?.through ?? 0);
      if (through >= end) return { through, count: undefined };
      const looked = await tx.query<{ upper: string | null; events: number }>(
        `select max(b.position)::text as upper, count(*)::integer as events from
           (select position from fairlead_log where position > $1 and position <= $2 order by 1 limit $3) b`,
        [through.toString(), end.toString(), batch],
      );
      const { upper, events } = looked.rows[0] ?? { upper: null, events: 0 };
      // Gaps at the end go with what is before them.
      const next = upper === null || events < batch ? end : BigInt(upper);
      const gone = await tx.query(
        `delete from fairlead_log where position > $1 and position <= $2 and not split_part(stream, '-', 1) = any($3::text[])`,
        [through.toString(), next.toString(), keep],
      );
      await tx.query('update fairlead_log_trim set through = $1', [next.toString()]);
      return { through: next, count: gone.rowCount };
    });
    deleted += step.count ?? 0;
    if (step.count === undefined || step.through >= end) return { deleted, through: step.through, heldBy: held?.name };
  }
}

/** The last position that is old enough and settled. */
async function endOf(ctx: Context, database: Database, { before, through }: TrimOptions): Promise<bigint> {
  const { rows } = await database.query<{ last: string; younger: string | null }>(
    ctx,
    `select (select coalesce(max(position), 0) from fairlead_log)::text as last,
            (select position from fairlead_log where time >= $1::timestamptz order by position limit 1)::text as younger`,
    [before === undefined ? null : new Date(before).toISOString()],
  );
  const ends = [BigInt(rows[0]?.last ?? 0)];
  const younger = rows[0]?.younger ?? undefined;
  if (younger !== undefined) ends.push(BigInt(younger) - 1n);
  if (through !== undefined) ends.push(through);
  const end = least(ends);
  const settled = new SettledPositions(database);
  await settled.reach(ctx, end, SETTLE_MS);
  return least([end, settled.through]);
}

function least(positions: readonly bigint[]): bigint {
  return positions.reduce((a, b) => (b < a ? b : a));
}
