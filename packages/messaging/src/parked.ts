import type { Context } from '@fairlead/core';
import type { Database, Row } from '@fairlead/store';

/** The first parked event of a key: the only one that may be tried. */
export interface Head {
  readonly key: string;
  readonly dead: boolean;
  /** Milliseconds until it is due; 0 or less: now. */
  readonly dueInMs: number;
}

/** A parked event to be tried. */
export interface DueEvent {
  readonly id: string;
  /** CloudEvents structured JSON. */
  readonly event: unknown;
  readonly attempts: number;
  /** How many of the attempts don't count. */
  readonly postponed: number;
}

/** The heads of a consumer's parked keys. Jumps from key to key in the index, however many events wait behind each. */
export async function parkedHeads(
  ctx: Context,
  database: Database,
  consumer: string,
  source: string,
): Promise<readonly Head[]> {
  const { rows } = await database.query<Row & { key: string; dead: boolean; due_in_ms: number }>(
    ctx,
    `WITH RECURSIVE head AS (
       (SELECT key, position FROM fairlead_parked WHERE consumer = $1 AND source = $2 ORDER BY key, position LIMIT 1)
       UNION ALL
       SELECT next.key, next.position FROM head CROSS JOIN LATERAL (
         SELECT p.key, p.position FROM fairlead_parked p
         WHERE p.consumer = $1 AND p.source = $2 AND p.key > head.key ORDER BY p.key, p.position LIMIT 1
       ) next
     )
     SELECT p.key, p.dead,
       coalesce(extract(epoch FROM p.next_attempt_at - fairlead.now()) * 1000, 0)::float8 AS due_in_ms
     FROM head JOIN fairlead_parked p
       ON p.consumer = $1 AND p.source = $2 AND p.key = head.key AND p.position = head.position
     ORDER BY p.next_attempt_at NULLS FIRST, p.position`,
    [consumer, source],
  );
  return rows.map((row) => ({ key: row.key, dead: row.dead, dueInMs: Number(row.due_in_ms) }));
}

/** The head of a key, when it is due now. */
export async function dueHead(
  ctx: Context,
  database: Database,
  subject: { readonly consumer: string; readonly source: string; readonly key: string },
): Promise<DueEvent | undefined> {
  const { rows } = await database.query<
    Row & { id: string; event: unknown; attempts: number; postponed: number; due: boolean }
  >(
    ctx,
    `SELECT id::text AS id, event, attempts, postponed,
       NOT dead AND (next_attempt_at IS NULL OR next_attempt_at <= fairlead.now()) AS due
     FROM fairlead_parked WHERE consumer = $1 AND source = $2 AND key = $3 ORDER BY position LIMIT 1`,
    [subject.consumer, subject.source, subject.key],
  );
  const row = rows[0];
  return row?.due === true
    ? { id: row.id, event: row.event, attempts: row.attempts, postponed: row.postponed }
    : undefined;
}

/** Whether a key has parked events. */
export async function isParked(
  ctx: Context,
  database: Database,
  subject: { readonly consumer: string; readonly source: string; readonly key: string },
): Promise<boolean> {
  const { rows } = await database.query<{ parked: boolean }>(
    ctx,
    'SELECT EXISTS (SELECT FROM fairlead_parked WHERE consumer = $1 AND source = $2 AND key = $3) AS parked',
    [subject.consumer, subject.source, subject.key],
  );
  return rows[0]?.parked === true;
}
