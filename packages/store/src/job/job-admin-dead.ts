import type { Context } from '@fairlead/core';
import type { Database, Row } from '../database.ts';
import { acrossTenants } from '../tenancy/across-tenants.ts';
import { conditions, idOf, type JobFilter } from './job-admin.ts';

/** Which dead letters are to change. */
export interface DeadJobs extends JobFilter {
  /** Only this one. Default: all that the filter leaves. */
  readonly id?: string | undefined;
  /** `next` of the answer before: goes on where that ended. Default: from the beginning. */
  readonly after?: string | undefined;
  /** How many at most. Default 1 000; from 1 to 10 000. */
  readonly limit?: number | undefined;
}

/** How dead letters come back. */
export interface RedriveOptions extends DeadJobs {
  /** How many become due in a second, one after another; also over several pieces. Default 0: all at once. */
  readonly perSecond?: number | undefined;
}

/** What became of dead letters. */
export interface DeadJobsResult {
  /** How many were changed. */
  readonly count: number;
  /** For the next piece; `undefined` when nothing is left. */
  readonly next: string | undefined;
}

const PLACE = /^([0-9a-f-]{36})@(\d{1,15})$/;

/**
 * Lets dead letters run again: with all their attempts (one less for one of a key that has to wait for its turn, because it
 * holds its key meanwhile), without their deadline, with the errors that they had. One whose `dedupe` lives again in another
 * job comes back without it. The times at which they become due are in the jobs themselves, so nobody has to stay until the end,
 * and `next` goes on at the same pace.
 */
export async function redriveJobs(
  ctx: Context,
  database: Database,
  options: RedriveOptions = {},
): Promise<DeadJobsResult> {
  const { perSecond = 0 } = options;
  const limit = limitOf(options);
  const { where, params, startMs } = chosen(options);
  const step = perSecond > 0 ? 1_000 / perSecond : 0;
  const [most, from, gap] = [params.push(limit), params.push(startMs), params.push(step)];
  const { rows } = await acrossTenants(database).query<Row & { id: string; next_ms: string }>(
    ctx,
    `with locked as (
       select j.id, j.queue, j.tenant, j.key, j.dedupe from fairlead_job j
        where ${where.join(' and ')} order by j.id limit $${most} for update skip locked
     ), time as materialized (select fairlead.now() as now
     ), t as (select time.now, greatest(time.now, to_timestamp($${from}::double precision / 1000)) as start from time
     ), turn as (
       select l.*, t.now, t.start + (row_number() over (order by l.id) - 1) * $${gap}::double precision * interval '1 millisecond' as at,
              row_number() over (partition by l.queue, l.tenant, l.dedupe order by l.id) as twin
         from locked l cross join t
     ), back as (
       update fairlead_job j
          set state = case when u.at > u.now then 'scheduled' else 'ready' end,
              run_at = case when u.at > u.now then u.at end,
              attempt = case when u.at > u.now and u.key is not null then 1 else 0 end,
              max_attempts = case when u.at > u.now and u.key is not null then greatest(2, j.max_attempts) else j.max_attempts end,
              deadline = null, dead_reason = null, ended_at = null, progress = null,
              dedupe = case when u.twin = 1 and not exists (
                         select from fairlead_job o where o.queue = u.queue and o.tenant = u.tenant and o.dedupe = u.dedupe
                            and o.state <> 'dead') then j.dedupe end
         from turn u where j.id = u.id
       returning j.id, u.at)
     select b.id::text as id,
            floor(extract(epoch from b.at + $${gap}::double precision * interval '1 millisecond') * 1000)::text as next_ms
       from back b order by b.id`,
    params,
  );
  const last = rows.at(-1);
  return {
    count: rows.length,
    next: rows.length < limit || last === undefined ? undefined : `${last.id}@${last.next_ms}`,
  };
}

/** Drops dead letters for good; what waits behind them goes on. */
export async function discardJobs(ctx: Context, database: Database, options: DeadJobs = {}): Promise<DeadJobsResult> {
  const limit = limitOf(options);
  const { where, params } = chosen(options);
  const most = params.push(limit);
  return acrossTenants(database).tx(ctx, async (tx) => {
    const { rows } = await tx.query<Row & { id: string; queue: string; tenant: string; key: string | null }>(
      `delete from fairlead_job d using (
         select j.id from fairlead_job j where ${where.join(' and ')} order by j.id limit $${most} for update skip locked) l
        where d.id = l.id returning d.id::text as id, d.queue, d.tenant, d.key`,
      params,
    );
    const keyed = Map.groupBy(
      rows.filter(({ key }) => key !== null),
      ({ queue }) => queue,
    );
    for (const [queue, gone] of [...keyed].toSorted(([a], [b]) => (a < b ? -1 : 1))) {
      const tenants = gone.map(({ tenant }) => tenant);
      await tx.query('select fairlead_job_unblock($1, $2, $3)', [queue, tenants, gone.map(({ key }) => key)]);
    }
    const last = rows
      .map(({ id }) => id)
      .toSorted()
      .at(-1);
    return { count: rows.length, next: rows.length < limit || last === undefined ? undefined : `${last}@0` };
  });
}

function limitOf({ limit = 1_000 }: DeadJobs): number {
  return Math.max(1, Math.min(10_000, limit));
}

function chosen(options: DeadJobs): { readonly where: string[]; readonly params: unknown[]; readonly startMs: number } {
  const { where, params } = conditions(options, 'dead');
  if (options.id !== undefined) where.push(`j.id = $${params.push(idOf(options.id))}::uuid`);
  const [, after, startMs = '0'] = PLACE.exec(options.after ?? '') ?? [];
  if (after !== undefined) where.push(`j.id > $${params.push(idOf(after))}::uuid`);
  return { where, params, startMs: Number(startMs) };
}
