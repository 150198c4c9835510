import type { Context } from '@fairlead/core';
import { acrossTenants, type Database, type Row } from '@fairlead/store';
import type { PublishedEvent } from './broker.ts';
import { fromCloudEvent } from './cloud-event.ts';

/** An event that failed too often. Later events of its key wait until it is redriven or discarded. */
export interface DeadLetter {
  /** Handle for `redrive` and `discard`; unique within the consumer's database. */
  readonly id: string;
  readonly consumer: string;
  readonly event: PublishedEvent;
  /** How often it was tried since it was parked or last redriven. */
  readonly attempts: number;
  /** Why the last attempt failed. */
  readonly error: { readonly code: string; readonly message: string };
  /** Milliseconds since the epoch. */
  readonly firstFailedAt: number;
  /** Milliseconds since the epoch. */
  readonly lastFailedAt: number;
  /** Trace of the attempts, for `fairlead trace`. */
  readonly traceId: string;
  /** Later events of the same key that wait behind it. */
  readonly waiting: number;
}

/** Which dead letters to list. */
export interface DeadLetterQuery {
  /** Only this consumer's. Default: all in the database. */
  readonly consumer?: string;
  /** Only the one with this id. Default: any. */
  readonly id?: string;
  /** How many at most. Default 100; 0 lists none. */
  readonly limit?: number;
}

interface DeadRow extends Row {
  readonly id: string;
  readonly consumer: string;
  readonly event: unknown;
  readonly attempts: number;
  readonly error_code: string | null;
  readonly error_message: string | null;
  readonly first_ms: string;
  readonly last_ms: string;
  readonly trace_id: string | null;
  readonly waiting: string;
}

/** The dead letters in a consumer's database, oldest failure first. */
export async function deadLetters(
  ctx: Context,
  database: Database,
  query: DeadLetterQuery = {},
): Promise<readonly DeadLetter[]> {
  const { rows } = await acrossTenants(database).query<DeadRow>(
    ctx,
    `SELECT p.id::text AS id, p.consumer, p.event, p.attempts, p.error_code, p.error_message, p.trace_id,
       round(extract(epoch FROM p.first_failed_at) * 1000)::text AS first_ms,
       round(extract(epoch FROM p.last_failed_at) * 1000)::text AS last_ms,
       (SELECT count(*) FROM fairlead_parked w WHERE w.consumer = p.consumer AND w.source = p.source AND w.key = p.key
          AND w.position > p.position)::text AS waiting
     FROM fairlead_parked p WHERE p.dead AND ($1::text IS NULL OR p.consumer = $1)
       AND ($3::text IS NULL OR p.id = $3::text::bigint)
     ORDER BY p.first_failed_at, p.id LIMIT $2::text::integer`,
    [query.consumer ?? null, String(query.limit ?? 100), query.id === undefined ? null : checkId(query.id)],
  );
  return rows.map((row) => ({
    id: row.id,
    consumer: row.consumer,
    event: fromCloudEvent(row.event),
    attempts: row.attempts,
    error: { code: row.error_code ?? '', message: row.error_message ?? '' },
    firstFailedAt: Number(row.first_ms),
    lastFailedAt: Number(row.last_ms),
    traceId: row.trace_id ?? '',
    waiting: Number(row.waiting),
  }));
}

/**
 * The events that wait behind a dead letter, because they are of its key and came later: in their order, at most `limit`
 * (default 20). Empty also when there is no dead letter with this id.
 */
export async function waitingEvents(
  ctx: Context,
  database: Database,
  id: string,
  limit = 20,
): Promise<readonly PublishedEvent[]> {
  const { rows } = await acrossTenants(database).query<Row & { event: unknown }>(
    ctx,
    `SELECT w.event FROM fairlead_parked p JOIN fairlead_parked w
       ON w.consumer = p.consumer AND w.source = p.source AND w.key = p.key AND w.position > p.position
     WHERE p.id = $1::text::bigint AND p.dead ORDER BY w.position LIMIT $2::text::integer`,
    [checkId(id), String(limit)],
  );
  return rows.map(({ event }) => fromCloudEvent(event));
}

/**
 * Makes a dead letter due at once, with all its attempts before it again. A running consumer finds it within a second.
 * False when there is no dead letter with this id.
 */
export async function redrive(ctx: Context, database: Database, id: string): Promise<boolean> {
  const { rowCount } = await acrossTenants(database).query(
    ctx,
    `UPDATE fairlead_parked SET dead = false, attempts = 0, postponed = 0, next_attempt_at = NULL
     WHERE id = $1::text::bigint AND dead`,
    [checkId(id)],
  );
  return rowCount > 0;
}

/**
 * Drops a dead letter for good: its event is never handled, and the next of its key is due at once. False when there is
 * no dead letter with this id.
 */
export async function discard(ctx: Context, database: Database, id: string): Promise<boolean> {
  const { rowCount } = await acrossTenants(database).query(
    ctx,
    'DELETE FROM fairlead_parked WHERE id = $1::text::bigint AND dead',
    [checkId(id)],
  );
  return rowCount > 0;
}

/** An id that no letter can have stands for none, rather than for an error of the database. */
function checkId(id: string): string {
  return /^[0-9]{1,18}$/.test(id) ? id : '0';
}
