import type { Context } from '@fairlead/core';
import type { Database, Row, Tx } from '../database.ts';
import type { LoggedEvent } from '../log/log-types.ts';
import type { CursorName } from './cursor-doc.ts';
import type { Failure } from '../failure.ts';

/** The first parked event of a key: the only one that may be tried. */
export interface ParkedHead {
  readonly key: string;
  readonly position: bigint;
  readonly dead: boolean;
  readonly attempts: number;
  /** How many of the attempts don't count. */
  readonly postponed: number;
  /** Milliseconds until it is due; 0 or less: now. */
  readonly dueInMs: number;
}

/** What is written of an event that has failed. */
export interface FailedEvent {
  readonly failure: Failure;
  /** No attempt is left. */
  readonly dead: boolean;
  /** Until the next attempt. */
  readonly delayMs: number;
}

interface HeadRow extends Row {
  readonly key: string;
  readonly position: string;
  readonly dead: boolean;
  readonly attempts: number;
  readonly postponed: number;
  readonly due_in_ms: number | null;
}

const HEAD_COLUMNS = `p.key, p.position::text as position, p.dead, p.attempts, p.postponed,
  (extract(epoch from p.next_attempt_at - fairlead.now()) * 1000)::float8 as due_in_ms`;

// Jumps from key to key in the index, however many events wait behind each.
const HEADS = `with recursive head as (
    (select key, position from fairlead_parked_event where subscription = $1 and shard = $2 order by key, position limit 1)
    union all
    select next.key, next.position from head cross join lateral (
      select n.key, n.position from fairlead_parked_event n
       where n.subscription = $1 and n.shard = $2 and n.key > head.key order by n.key, n.position limit 1
    ) next
  )
  select ${HEAD_COLUMNS}
    from head join fairlead_parked_event p
      on p.subscription = $1 and p.shard = $2 and p.key = head.key and p.position = head.position
   order by p.next_attempt_at nulls first, p.position`;

const HEAD = `select ${HEAD_COLUMNS} from fairlead_parked_event p
  where p.subscription = $1 and p.shard = $2 and p.key = $3 order by p.position limit 1`;

/** The heads of a shard's parked keys, those that are due first at the front. */
export async function parkedHeads(ctx: Context, database: Database, of: CursorName): Promise<readonly ParkedHead[]> {
  const { rows } = await database.query<HeadRow>(ctx, HEADS, [of.name, of.shard]);
  return rows.map(toHead);
}

/** The head of one key; `undefined` when none of it is parked. */
export async function parkedHead(
  ctx: Context,
  database: Database,
  of: CursorName,
  key: string,
): Promise<ParkedHead | undefined> {
  const { rows } = await database.query<HeadRow>(ctx, HEAD, [of.name, of.shard, key]);
  return rows[0] === undefined ? undefined : toHead(rows[0]);
}

/** Parks events behind others of their keys. In a transaction that has moved the cursor, as all below. */
export async function parkWaiting(tx: Tx, of: CursorName, events: readonly LoggedEvent[]): Promise<void> {
  if (events.length === 0) return;
  await tx.query(
    `insert into fairlead_parked_event (subscription, shard, key, position)
     select $1, $2, e.key, e.position from unnest($3::text[], $4::bigint[]) as e (key, position)`,
    [of.name, of.shard, events.map(({ key }) => key), events.map(({ position }) => position.toString())],
  );
}

/** Parks an event that failed at its first attempt. */
export async function parkFailed(tx: Tx, of: CursorName, event: LoggedEvent, failed: FailedEvent): Promise<void> {
  const { failure } = failed;
  await tx.query(
    `insert into fairlead_parked_event (subscription, shard, key, position, dead, attempts, postponed, next_attempt_at,
       error_code, error_message, first_failed_at, last_failed_at, trace_id)
     select $1, $2, $3, $4, $5, 1, $6, t.now + $7::float8 * interval '1 millisecond', $8, $9, t.now, t.now, $10
       from (select fairlead.now() as now) t`,
    [
      of.name,
      of.shard,
      event.key,
      event.position.toString(),
      failed.dead,
      failure.postponed ? 1 : 0,
      failed.delayMs,
      failure.code,
      failure.message,
      failure.traceId,
    ],
  );
}

/** Takes a parked event out, since it is being handled. False when it is gone: somebody has discarded it. */
export async function takeParked(tx: Tx, of: CursorName, head: ParkedHead): Promise<boolean> {
  const { rowCount } = await tx.query(
    'delete from fairlead_parked_event where subscription = $1 and shard = $2 and key = $3 and position = $4',
    [of.name, of.shard, head.key, head.position.toString()],
  );
  return rowCount > 0;
}

/** Writes down that a parked event failed again. Nothing when it is gone. */
export async function recordFailure(tx: Tx, of: CursorName, head: ParkedHead, failed: FailedEvent): Promise<void> {
  const { failure } = failed;
  await tx.query(
    `update fairlead_parked_event p
        set attempts = p.attempts + 1, postponed = p.postponed + $5, dead = $6,
            next_attempt_at = t.now + $7::float8 * interval '1 millisecond',
            error_code = $8, error_message = $9, trace_id = $10,
            first_failed_at = coalesce(p.first_failed_at, t.now), last_failed_at = t.now
       from (select fairlead.now() as now) t
      where p.subscription = $1 and p.shard = $2 and p.key = $3 and p.position = $4`,
    [
      of.name,
      of.shard,
      head.key,
      head.position.toString(),
      failure.postponed ? 1 : 0,
      failed.dead,
      failed.delayMs,
      failure.code,
      failure.message,
      failure.traceId,
    ],
  );
}

/** Gives a subscription's parked events to the shards that their keys belong to now. */
export async function moveParked(tx: Tx, name: string, shardOfKey: (key: string) => number): Promise<void> {
  const { rows } = await tx.query<{ key: string }>(
    'select distinct key from fairlead_parked_event where subscription = $1',
    [name],
  );
  const keys = rows.map(({ key }) => key);
  await tx.query(
    `update fairlead_parked_event p set shard = k.shard
       from unnest($2::text[], $3::integer[]) as k (key, shard) where p.subscription = $1 and p.key = k.key`,
    [name, keys, keys.map(shardOfKey)],
  );
}

function toHead(row: HeadRow): ParkedHead {
  const { key, dead, attempts, postponed } = row;
  return { key, dead, attempts, postponed, position: BigInt(row.position), dueInMs: row.due_in_ms ?? 0 };
}
