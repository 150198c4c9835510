import type { Context } from '@fairlead/core';
import type { Database } from '../database.ts';
import { CURSORS, shardCursors, type HeadBody } from './cursor-doc.ts';
import type { ShardState, SubscriptionLag } from './subscription-types.ts';

/** How far the slowest shard is behind, those that nobody has begun included; what this process knows better than its stored cursors counts. */
export async function subscriptionLag(
  ctx: Context,
  database: Database,
  name: string,
  known: readonly ShardState[],
): Promise<SubscriptionLag> {
  const stored = await shardCursors({ ctx, database }, name);
  // Documents of this namespace are written in this folder only.
  const head = (await CURSORS.get({ ctx, database }, name))?.body as HeadBody | undefined;
  let slowest: bigint | undefined;
  for (let shard = 0; shard < (head?.shards ?? 0); shard += 1) {
    const position = BigInt(stored.get(shard)?.position ?? head?.start ?? 0);
    const here = known.find((state) => state.shard === shard)?.position ?? 0n;
    const furthest = here > position ? here : position;
    if (slowest === undefined || furthest < slowest) slowest = furthest;
  }
  const { rows } = await database.query<{ positions: string; ms: number | null }>(
    ctx,
    `select greatest(0, (select coalesce(max(position), 0) from fairlead_log) - $1::bigint)::text as positions,
       (select extract(epoch from fairlead.now() - l.time) * 1000 from fairlead_log l
         where l.position > $1::bigint order by l.position limit 1)::float8 as ms`,
    [(slowest ?? 0n).toString()],
  );
  return { positions: BigInt(rows[0]?.positions ?? 0), ms: Math.max(0, rows[0]?.ms ?? 0) };
}
