import { FairleadError, type Clock, type Context } from '@fairlead/core';
import type { Database, Tx } from '../database.ts';
import type { LeadFunction, Lease, ScheduleFunction, ScheduleOptions } from './lease-types.ts';

const DEFAULT_GRACE_MS = 60_000;
/** Times are looked at again at least this often, in milliseconds: the database's clock may be set. */
const LOOK_MS = 60_000;

const FIRST = `insert into fairlead_schedule (name, next_at)
  select $1, to_timestamp((floor(extract(epoch from fairlead.now()) * 1000 / $2::bigint) + 1) * $2::bigint / 1000)
  on conflict (name) do nothing`;
const NEXT = `select (extract(epoch from s.next_at) * 1000)::double precision as next_ms,
    (extract(epoch from fairlead.now()) * 1000)::double precision as now_ms
  from fairlead_schedule s where s.name = $1 for update`;
const ADVANCE = 'update fairlead_schedule set next_at = to_timestamp($2::double precision / 1000) where name = $1';

/** What a schedule goes by: options with every default filled in. */
export type ResolvedSchedule = Required<ScheduleOptions>;

/**
 * Fills in the defaults.
 * @throws MISCONFIGURED for a value out of range, named
 */
export function resolveSchedule(name: string, options: ScheduleOptions): ResolvedSchedule {
  const { everyMs, graceMs = DEFAULT_GRACE_MS, missed = 'latest' } = options;
  for (const [option, value, least] of [
    ['everyMs', everyMs, 1_000],
    ['graceMs', graceMs, 0],
  ] as const) {
    if (!Number.isSafeInteger(value) || value < least)
      throw new FairleadError(
        'internal',
        'MISCONFIGURED',
        `schedule "${name}": ${option} is ${value}; give a whole number of milliseconds from ${least}.`,
      );
  }
  return { everyMs, graceMs, missed };
}

/** Which time is due, if any, and from when on to look again; all in milliseconds since the epoch. */
export function dueAt(
  { everyMs, graceMs, missed }: ResolvedSchedule,
  nextMs: number,
  nowMs: number,
): { readonly dueMs: number | undefined; readonly nextMs: number } {
  if (nowMs < nextMs) return { dueMs: undefined, nextMs };
  const after = (ms: number): number => (Math.floor(ms / everyMs) + 1) * everyMs;
  if (missed === 'all') return { dueMs: nextMs, nextMs: after(nextMs) };
  const latestMs = Math.max(nextMs, after(nowMs) - everyMs);
  const late = nowMs - latestMs > graceMs;
  return { dueMs: missed === 'skip' && late ? undefined : latestMs, nextMs: after(nowMs) };
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
  await tx.query(FIRST, [name, options.everyMs]);
  const { rows } = await tx.query<{ next_ms: number; now_ms: number }>(NEXT, [name]);
  const { next_ms: plannedMs = 0, now_ms: nowMs = 0 } = rows[0] ?? {};
  const { dueMs, nextMs } = dueAt(options, Math.round(plannedMs), nowMs);
  if (dueMs !== undefined) await fn(tx, dueMs);
  if (nextMs !== plannedMs) await tx.query(ADVANCE, [name, nextMs]);
  return Math.max(0, nextMs - nowMs);
}

async function rest(ctx: Context, clock: Clock, restMs: number): Promise<void> {
  await clock.sleep(Math.min(restMs, LOOK_MS), ctx.signal);
}
