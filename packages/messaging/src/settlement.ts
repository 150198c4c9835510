import type { Context } from '@fairlead/core';
import type { Database, Failure, Tx } from '@fairlead/store';
import type { PublishedEvent } from './broker.ts';
import { toCloudEvent } from './cloud-event.ts';
import { fail } from './errors.ts';

/** Whose cursor, of which source, in which epoch. */
export interface Claim {
  readonly consumer: string;
  readonly source: string;
  readonly epoch: bigint;
}

/** What a new epoch starts from. */
export interface Claimed {
  readonly claim: Claim;
  /** Everything up to here is settled. */
  readonly cursor: bigint;
  /** Ids of events above the cursor that are settled all the same. */
  readonly settled: ReadonlySet<string>;
  /** Keys with parked events. */
  readonly parkedKeys: ReadonlySet<string>;
}

/**
 * Takes a source over: the newest instance wins. Two steps, because the check of running handlers (FOR KEY SHARE) would
 * starve a lone FOR UPDATE: first the epoch grows, from when on no older instance begins a commit; then FOR UPDATE waits
 * for those that had begun. After that nothing of an older epoch can change what is read here.
 * @throws CONSUMER_FENCED when a still newer instance has come
 */
export async function claimSource(
  ctx: Context,
  database: Database,
  consumer: string,
  source: string,
): Promise<Claimed> {
  const { rows } = await database.query<{ epoch: string }>(
    ctx,
    `INSERT INTO fairlead_cursor AS c (consumer, source, position, epoch, updated_at)
     VALUES ($1, $2, 0, 1, fairlead.now())
     ON CONFLICT (consumer, source) DO UPDATE SET epoch = c.epoch + 1, updated_at = fairlead.now()
     RETURNING epoch::text AS epoch`,
    [consumer, source],
  );
  const claim: Claim = { consumer, source, epoch: BigInt(rows[0]?.epoch ?? 0) };
  return database.tx(ctx, async (tx) => {
    const cursor = await tx.query<{ epoch: string; position: string }>(
      `SELECT epoch::text AS epoch, position::text AS position FROM fairlead_cursor
       WHERE consumer = $1 AND source = $2 FOR UPDATE`,
      [consumer, source],
    );
    const row = cursor.rows[0];
    if (row === undefined || BigInt(row.epoch) !== claim.epoch) throw fenced(claim);
    const marks = await tx.query<{ event_id: string }>(
      'SELECT event_id FROM fairlead_inbox WHERE consumer = $1 AND source = $2',
      [consumer, source],
    );
    const keys = await tx.query<{ key: string }>(
      'SELECT DISTINCT key FROM fairlead_parked WHERE consumer = $1 AND source = $2',
      [consumer, source],
    );
    return {
      claim,
      cursor: BigInt(row.position),
      settled: new Set(marks.rows.map((mark) => mark.event_id)),
      parkedKeys: new Set(keys.rows.map(({ key }) => key)),
    };
  });
}

/**
 * First statement of a handler's transaction for an event that comes from the broker: checks the epoch and leaves the
 * mark. A second transaction for the same event waits here for the outcome of the first.
 * @throws CONSUMER_FENCED, ALREADY_HANDLED
 */
export async function markEvent(tx: Tx, claim: Claim, event: PublishedEvent): Promise<void> {
  const { rows } = await tx.query<{ held: boolean; marked: boolean }>(
    `WITH held AS (${HELD}),
     marked AS (
       INSERT INTO fairlead_inbox (consumer, source, event_id, position)
       SELECT $1, $2, $4, $5::text::bigint FROM held ON CONFLICT DO NOTHING RETURNING 1
     )
     SELECT EXISTS (SELECT FROM held) AS held, EXISTS (SELECT FROM marked) AS marked`,
    [...owner(claim), event.id, event.position.toString()],
  );
  if (rows[0]?.held !== true) throw fenced(claim);
  if (!rows[0].marked) throw alreadyHandled(event.id);
}

/**
 * First statement of a handler's transaction for a parked event: checks the epoch and takes the event out.
 * @throws CONSUMER_FENCED, ALREADY_HANDLED (or discarded)
 */
export async function takeParked(tx: Tx, claim: Claim, id: string): Promise<void> {
  const { rows } = await tx.query<{ held: boolean; taken: boolean }>(
    `WITH held AS (${HELD}),
     taken AS (DELETE FROM fairlead_parked WHERE id = $4::text::bigint AND EXISTS (SELECT FROM held) RETURNING 1)
     SELECT EXISTS (SELECT FROM held) AS held, EXISTS (SELECT FROM taken) AS taken`,
    [...owner(claim), id],
  );
  if (rows[0]?.held !== true) throw fenced(claim);
  if (!rows[0].taken) throw alreadyHandled(id);
}

/** What is written of an event that is parked. */
export interface Parking {
  /** `undefined` for an event that waits behind others of its key without having been tried. */
  readonly failure: Failure | undefined;
  /** No attempt is left. */
  readonly dead: boolean;
  /** Until the next attempt. */
  readonly delayMs: number;
}

/**
 * Parks an event that comes from the broker, and marks it settled in the same transaction. Does nothing when it was
 * handled after all (a commit whose answer was lost): resolves to false then.
 * @throws CONSUMER_FENCED
 */
export async function parkEvent(
  ctx: Context,
  database: Database,
  claim: Claim,
  event: PublishedEvent,
  { failure, dead, delayMs }: Parking,
): Promise<boolean> {
  const { rows } = await database.query<{ held: boolean; parked: boolean }>(
    ctx,
    `WITH held AS (${HELD}),
     marked AS (
       INSERT INTO fairlead_inbox (consumer, source, event_id, position)
       SELECT $1, $2, $4, $5::text::bigint FROM held ON CONFLICT DO NOTHING RETURNING 1
     ),
     parked AS (
       INSERT INTO fairlead_parked (consumer, source, key, position, event, dead, attempts, postponed, next_attempt_at,
         error_code, error_message, first_failed_at, last_failed_at, trace_id, tenant)
       SELECT $1, $2, $6, $5::text::bigint, $7::text::json, f.failed AND $8::text::boolean,
         CASE WHEN f.failed THEN 1 ELSE 0 END, $13::text::integer,
         CASE WHEN f.failed THEN fairlead.now() + $9::text::float8 * interval '1 millisecond' END,
         $10, $11, CASE WHEN f.failed THEN fairlead.now() END, CASE WHEN f.failed THEN fairlead.now() END, $12, $14
       FROM marked, (SELECT $10::text IS NOT NULL AS failed) f RETURNING 1
     )
     SELECT EXISTS (SELECT FROM held) AS held, EXISTS (SELECT FROM parked) AS parked`,
    [
      ...owner(claim),
      event.id,
      event.position.toString(),
      event.key,
      JSON.stringify(toCloudEvent(event)),
      String(dead),
      String(delayMs),
      failure?.code ?? null,
      failure?.message ?? null,
      failure?.traceId ?? null,
      failure?.postponed === true ? '1' : '0',
      event.tenant ?? null,
    ],
  );
  if (rows[0]?.held !== true) throw fenced(claim);
  return rows[0].parked;
}

/**
 * Writes down that a parked event failed again. Does nothing when it is gone: handled after all, or discarded.
 * @throws CONSUMER_FENCED
 */
export async function recordFailure(
  ctx: Context,
  database: Database,
  claim: Claim,
  id: string,
  { failure, dead, delayMs }: Parking & { readonly failure: Failure },
): Promise<void> {
  const { rows } = await database.query<{ held: boolean }>(
    ctx,
    `WITH held AS (${HELD}),
     failed AS (
       UPDATE fairlead_parked SET attempts = attempts + 1, postponed = postponed + $10::text::integer,
         dead = $5::text::boolean,
         next_attempt_at = fairlead.now() + $6::text::float8 * interval '1 millisecond',
         error_code = $7, error_message = $8, trace_id = $9,
         first_failed_at = coalesce(first_failed_at, fairlead.now()), last_failed_at = fairlead.now()
       WHERE id = $4::text::bigint AND EXISTS (SELECT FROM held) RETURNING 1
     )
     SELECT EXISTS (SELECT FROM held) AS held, EXISTS (SELECT FROM failed) AS failed`,
    [
      ...owner(claim),
      id,
      String(dead),
      String(delayMs),
      failure.code,
      failure.message,
      failure.traceId,
      failure.postponed ? '1' : '0',
    ],
  );
  if (rows[0]?.held !== true) throw fenced(claim);
}

/**
 * Moves the cursor, and deletes the marks that it has passed: nothing reads below the cursor again, and whoever still has
 * a transaction open for such an event holds an older epoch or has left its mark before.
 * @throws CONSUMER_FENCED
 */
export async function moveCursor(ctx: Context, database: Database, claim: Claim, position: bigint): Promise<void> {
  const { rows } = await database.query<{ moved: boolean }>(
    ctx,
    `WITH moved AS (
       UPDATE fairlead_cursor SET position = greatest(position, $4::text::bigint), updated_at = fairlead.now()
       WHERE consumer = $1 AND source = $2 AND epoch = $3::text::bigint RETURNING 1
     ),
     swept AS (
       DELETE FROM fairlead_inbox WHERE consumer = $1 AND source = $2 AND position <= $4::text::bigint
         AND EXISTS (SELECT FROM moved) RETURNING 1
     )
     SELECT EXISTS (SELECT FROM moved) AS moved, (SELECT count(*) FROM swept) AS swept`,
    [...owner(claim), position.toString()],
  );
  if (rows[0]?.moved !== true) throw fenced(claim);
}

const HELD = `SELECT 1 FROM fairlead_cursor
  WHERE consumer = $1 AND source = $2 AND epoch = $3::text::bigint FOR KEY SHARE`;

function owner(claim: Claim): readonly string[] {
  return [claim.consumer, claim.source, claim.epoch.toString()];
}

function fenced(claim: Claim): Error {
  return fail(
    'CONSUMER_FENCED',
    `Consumer "${claim.consumer}" lost the events of "${claim.source}" to a newer instance (epoch ${claim.epoch} has ended).`,
  );
}

function alreadyHandled(event: string): Error {
  return fail(
    'ALREADY_HANDLED',
    `Event ${event} was handled before, or was discarded meanwhile; its work is not run again.`,
  );
}
