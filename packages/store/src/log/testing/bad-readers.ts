import type { Context } from '@fairlead/core';
import type { Database } from '../../database.ts';
import type { LoggedEvent } from '../log-types.ts';
import type { LogReader } from '../log-reader.ts';

// Readers as they are easily written. Each loses events; the checks have to notice.

/** Delivers whatever is above its cursor. */
export function naiveReader(database: Database): LogReader {
  return { read: (ctx, { after, limit }) => select(database, ctx, after, limit) };
}

/**
 * Waits at a gap until every transaction that was under way when the gap was seen seems to have ended: until the oldest
 * running one (xmin) has reached the end of the snapshot (xmax) that saw the gap.
 */
export function fenceReader(database: Database): LogReader {
  let gap: { readonly after: bigint; readonly fence: bigint } | undefined;
  return {
    async read(ctx, { after, limit }) {
      const { rows } = await database.query<{ xmin: string; xmax: string }>(
        ctx,
        `select pg_snapshot_xmin(s)::text as xmin, pg_snapshot_xmax(s)::text as xmax from pg_current_snapshot() s`,
      );
      const seen = await select(database, ctx, after, limit);
      const end = seen.findIndex(({ position }, index) => position !== after + BigInt(index) + 1n);
      if (end !== 0) return end === -1 ? seen : seen.slice(0, end);
      if (gap?.after !== after) gap = { after, fence: BigInt(rows[0]?.xmax ?? 0) };
      if (BigInt(rows[0]?.xmin ?? 0) < gap.fence) return [];
      gap = undefined;
      return seen;
    },
  };
}

async function select(database: Database, ctx: Context, after: bigint, limit: number): Promise<readonly LoggedEvent[]> {
  const { rows } = await database.query<{
    position: string;
    stream: string;
    version: string;
    id: string;
    data: unknown;
  }>(
    ctx,
    'select position, stream, version, id, data from fairlead_log where position > $1 order by position limit $2',
    [after.toString(), limit],
  );
  // Only what the checks look at.
  return rows.map((row) => ({ ...row, position: BigInt(row.position), version: Number(row.version) }) as LoggedEvent);
}
