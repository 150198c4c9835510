import type { Context } from '@fairlead/core';
import { acrossTenants, type Database } from '@fairlead/store';

/** How far a consumer is with a source. */
export interface ConsumerProgress {
  /** Everything of the source up to here is settled: handled, passed over or parked. */
  readonly position: bigint;
  /** Events of it that are parked, dead ones included. */
  readonly parked: number;
}

/** What became of an event at a consumer; `handled` also when it passed it over. */
export type ConsumerOutcome = 'waiting' | 'parked' | 'dead' | 'handled';

/** How far a consumer is with a source, as far as is committed, whoever runs it; at 0 before it has begun. */
export async function consumerProgress(
  ctx: Context,
  database: Database,
  consumer: string,
  source: string,
): Promise<ConsumerProgress> {
  const { rows } = await acrossTenants(database).query<{ position: string | null; parked: string }>(
    ctx,
    `SELECT (SELECT c.position FROM fairlead_cursor c WHERE c.consumer = $1 AND c.source = $2)::text AS position,
       (SELECT count(*) FROM fairlead_parked p WHERE p.consumer = $1 AND p.source = $2)::text AS parked`,
    [consumer, source],
  );
  return { position: BigInt(rows[0]?.position ?? 0), parked: Number(rows[0]?.parked ?? 0) };
}

/** What became of the event at a position of a source, as far as is committed. */
export async function consumerOutcome(
  ctx: Context,
  database: Database,
  { consumer, source, position }: { readonly consumer: string; readonly source: string; readonly position: bigint },
): Promise<ConsumerOutcome> {
  const { rows } = await acrossTenants(database).query<{ settled: boolean; dead: boolean | null }>(
    ctx,
    // A parked event has its mark, too. Its key may wait behind a dead one.
    `SELECT EXISTS (SELECT FROM fairlead_cursor c WHERE c.consumer = $1 AND c.source = $2 AND c.position >= $3::text::bigint)
         OR EXISTS (SELECT FROM fairlead_inbox i WHERE i.consumer = $1 AND i.source = $2 AND i.position = $3::text::bigint) AS settled,
       (SELECT bool_or(h.dead) FROM fairlead_parked p JOIN fairlead_parked h
           ON h.consumer = p.consumer AND h.source = p.source AND h.key = p.key AND h.position <= p.position
         WHERE p.consumer = $1 AND p.source = $2 AND p.position = $3::text::bigint) AS dead`,
    [consumer, source, position.toString()],
  );
  const row = rows[0];
  if (row === undefined || !row.settled) return 'waiting';
  if (row.dead === null) return 'handled';
  return row.dead ? 'dead' : 'parked';
}

/** Forgets a consumer: positions, marks, parked events. One of the same name begins anew. */
export async function forgetConsumer(ctx: Context, database: Database, consumer: string): Promise<void> {
  await acrossTenants(database).tx(ctx, async (tx) => {
    await tx.query('DELETE FROM fairlead_cursor WHERE consumer = $1', [consumer]);
    await tx.query('DELETE FROM fairlead_inbox WHERE consumer = $1', [consumer]);
    await tx.query('DELETE FROM fairlead_parked WHERE consumer = $1', [consumer]);
  });
}
