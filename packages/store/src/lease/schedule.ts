import { FairleadError, type Clock, type Context } from '@fairlead/core';
import type { Database, Tx } from '../database.ts';
import type { LeadFunction, Lease, ScheduleFunction, ScheduleOptions } from './lease-types.ts';
import { rhythmOf, type Rhythm } from './rhythm.ts';

const DEFAULT_GRACE_MS = 60_000;
/** Times are looked at again at least this often, in milliseconds: the database's clock may be set. */
const LOOK_MS = 60_000;

const FIRST = `insert into fairlead_schedule (name, next_at) values ($1, to_timestamp($2::double precision / 1000))
  on conflict (name) do nothing`;
const NEXT = `select (extract(epoch from t.now) * 1000)::double precision as now_ms,
    (extract(epoch from s.next_at) * 1000)::double precision as next_ms
  from (select fairlead.now() as now) t left join lateral
    (select next_at from fairlead_schedule where name = $1 for update) s on true`;
const ADVANCE = 'update fairlead_schedule set next_at = to_timestamp($2::double precision / 1000) where name = $1';

/** What a schedule goes by: options with every default filled in. */
export interface ResolvedSchedule {
  readonly rhythm: Rhythm;
  readonly missed: 'latest' | 'skip' | 'all';
  readonly graceMs: number;
}

/**
 * Fills in the defaults.
 * @throws MISCONFIGURED for a value out of range or an expression that can't be read, named
 */
export function resolveSchedule(name: string, options: ScheduleOptions): ResolvedSchedule {
  const { graceMs = DEFAULT_GRACE_MS, missed = 'latest' } = options;
  if (!Number.isSafeInteger(graceMs) || graceMs < 0)
    throw new FairleadError(
      'internal',
      'MISCONFIGURED',
      `schedule "${name}": graceMs is ${graceMs}; give a whole number of milliseconds from 0.`,
    );
  return { rhythm: rhythmOf(name, options), graceMs, missed };
}

/** Which time is due, if any, and from when on to look again; all in milliseconds since the epoch. */
export function dueAt(
  { rhythm, graceMs, missed }: ResolvedSchedule,
  nextMs: number,
  nowMs: number,
): { readonly dueMs: number | undefined; readonly nextMs: number } {
  if (nowMs < nextMs) return { dueMs: undefined, nextMs };
  if (missed === 'all') return { dueMs: nextMs, nextMs: rhythm.after(nextMs) };
  const latestMs = Math.max(nextMs, rhythm.upTo(nowMs));
  const late = nowMs - latestMs > graceMs;
  return { dueMs: missed === 'skip' && late ? undefined : latestMs, nextMs: rhythm.after(nowMs) };
}

/** What the leader of a schedule does: what is due, in order, each in a transaction with the note that it was done. */
export function schedule(
  ground: { readonly database: Database; readonly clock: Clock },
  name: string,
  options: ResolvedSchedule,
  fn: ScheduleFunction,
): LeadFunction {
  return async (ctx, lease) => {
    while (!ctx.signal.aborted) {
      const restMs = await ground.database.tx(ctx, (tx) => fire(tx, lease, name, options, fn));
      await rest(ctx, ground.clock, restMs);
    }
  };
}

/** Answers with how long nothing is due, in milliseconds. */
async function fire(
  tx: Tx,
  lease: Lease,
  name: string,
  options: ResolvedSchedule,
  fn: ScheduleFunction,
): Promise<number> {
  await lease.guard(tx);
  const { rows } = await tx.query<{ now_ms: number; next_ms: number | null }>(NEXT, [name]);
  const { now_ms: nowMs = 0, next_ms: plannedMs = null } = rows[0] ?? {};
  if (plannedMs === null) {
    const firstMs = options.rhythm.after(nowMs);
    await tx.query(FIRST, [name, firstMs]);
    return Math.max(0, firstMs - nowMs);
  }
  const { dueMs, nextMs } = dueAt(options, Math.round(plannedMs), nowMs);
  if (dueMs !== undefined) await fn(tx, dueMs);
  if (nextMs !== plannedMs) await tx.query(ADVANCE, [name, nextMs]);
  return Math.max(0, nextMs - nowMs);
}

async function rest(ctx: Context, clock: Clock, restMs: number): Promise<void> {
  await clock.sleep(Math.min(restMs, LOOK_MS), ctx.signal);
}
