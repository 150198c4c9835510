import type { Context } from '@fairlead/core';
import type { Database, Row, Sql } from '../database.ts';
import { acrossTenants } from '../tenancy/across-tenants.ts';
import type { DeadReason, JobFailure } from './job-types.ts';

/** Where a job is. `later`: its time has not come. `blocked`: another one of its key comes first. */
export type JobState = 'waiting' | 'later' | 'blocked' | 'running' | 'dead';

/** A job as people see it. Times are in milliseconds since the epoch by `fairlead.now()`. */
export interface JobSummary {
  readonly id: string;
  readonly queue: string;
  readonly state: JobState;
  readonly tenant: string | undefined;
  readonly key: string | undefined;
  readonly parent: string | undefined;
  readonly priority: number;
  /** Attempts that were begun. */
  readonly attempt: number;
  readonly maxAttempts: number;
  readonly enqueuedAt: number;
  /** When it may run; `undefined` when it may now. */
  readonly runAt: number | undefined;
  readonly deadline: number | undefined;
  /** When its last attempt ended, or it was given up; `undefined` when none has. */
  readonly endedAt: number | undefined;
  /** Why it is a dead letter, when it is one. */
  readonly reason: DeadReason | undefined;
  /** The last failed attempt. */
  readonly failure: JobFailure | undefined;
}

/** A job with everything that is known of it. */
export interface JobDetails extends JobSummary {
  readonly payload: unknown;
  /** Every failed attempt, the first one first; also those before it was redriven. */
  readonly failures: readonly JobFailure[];
  /** What its handler last said about how far it is. */
  readonly progress: unknown;
  /** Trace of whoever enqueued it, for `fairlead trace`. */
  readonly traceId: string | undefined;
  /** Jobs of its key that wait behind it, counted up to 1 000. */
  readonly behind: number;
}

/** Which jobs are meant; all that is given has to hold. */
export interface JobFilter {
  readonly queue?: string | undefined;
  /** Empty: jobs without a tenant. */
  readonly tenant?: string | undefined;
  /** Code of the last failure. */
  readonly code?: string | undefined;
  /** Only those that were given up at least so many milliseconds ago; for jobs that are no dead letters, enqueued. */
  readonly minAgeMs?: number | undefined;
}

/** Which jobs to list. */
export interface JobQuery extends JobFilter {
  readonly state?: JobState | undefined;
  /** `next` of the answer before: goes on after it. Default: from the beginning. */
  readonly after?: string | undefined;
  /** How many at most. Default 100; from 1 to 1 000. */
  readonly limit?: number | undefined;
}

/** A piece of a list. */
export interface JobPage {
  readonly jobs: readonly JobSummary[];
  /** For the next piece; `undefined` when this was the last. */
  readonly next: string | undefined;
}

const STATES: Readonly<Record<string, JobState>> = {
  ready: 'waiting',
  scheduled: 'later',
  blocked: 'blocked',
  running: 'running',
  dead: 'dead',
};
const WORDS: Readonly<Record<JobState, string>> = {
  waiting: 'ready',
  later: 'scheduled',
  blocked: 'blocked',
  running: 'running',
  dead: 'dead',
};
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** Whether a job runs by a claim that has a row of its own: then its own row says that it is ready. */
const CLAIMED = '(j.id, j.token) in (select c.job, c.token from fairlead_job_claimed c)';

const COLUMNS = `j.id::text as id, j.queue, j.state, j.state = 'ready' and ${CLAIMED} as claimed, j.tenant, j.key, j.parent::text as parent, j.priority, j.attempt,
  j.max_attempts, j.dead_reason, j.failures -> -1 as failure,
  floor(extract(epoch from j.enqueued_at) * 1000)::text as enqueued_ms, floor(extract(epoch from j.run_at) * 1000)::text as run_ms,
  floor(extract(epoch from j.deadline) * 1000)::text as deadline_ms, floor(extract(epoch from j.ended_at) * 1000)::text as ended_ms`;

interface JobRow extends Row {
  readonly id: string;
  readonly queue: string;
  readonly state: string;
  readonly claimed: boolean;
  readonly tenant: string;
  readonly key: string | null;
  readonly parent: string | null;
  readonly priority: number;
  readonly attempt: number;
  readonly max_attempts: number;
  readonly dead_reason: DeadReason | null;
  readonly failure: JobFailure | null;
  readonly enqueued_ms: string;
  readonly run_ms: string | null;
  readonly deadline_ms: string | null;
  readonly ended_ms: string | null;
}

/**
 * Lists jobs in the order in which they were enqueued, to the millisecond. A piece goes on after the last one's id, so nothing comes twice, whatever
 * happens between two pieces.
 */
export async function listJobs(ctx: Context, database: Database, query: JobQuery = {}): Promise<JobPage> {
  const limit = Math.max(1, Math.min(1_000, query.limit ?? 100));
  const { where, params } = conditions(query, query.state === undefined ? undefined : WORDS[query.state]);
  if (query.after !== undefined) where.push(`j.id > $${params.push(idOf(query.after))}::uuid`);
  const { rows } = await acrossTenants(database).query<JobRow>(
    ctx,
    `select ${COLUMNS} from fairlead_job j ${where.length === 0 ? '' : `where ${where.join(' and ')}`}
      order by j.id limit $${params.push(limit + 1)}`,
    params,
  );
  const jobs = rows.slice(0, limit).map(summaryOf);
  return { jobs, next: rows.length > limit ? jobs.at(-1)?.id : undefined };
}

/** One job; `undefined` when there is none, or no more. */
export async function findJob(ctx: Context, database: Database, id: string): Promise<JobDetails | undefined> {
  const { rows } = await acrossTenants(database).query<
    JobRow & { payload: unknown; failures: JobFailure[] | null; progress: unknown; origin: unknown; behind: string }
  >(
    ctx,
    `select ${COLUMNS}, j.payload, j.failures, j.progress, j.origin,
            (select count(*) from (
               select from fairlead_job b where b.queue = j.queue and b.tenant = j.tenant and b.key = j.key
                  and b.state in ('ready', 'blocked') and b.seq > j.seq limit 1000) c) as behind
       from fairlead_job j where j.id = $1::uuid`,
    [idOf(id)],
  );
  const [row] = rows;
  return (
    row && {
      ...summaryOf(row),
      payload: row.payload,
      failures: row.failures ?? [],
      progress: row.progress ?? undefined,
      traceId: traceOf(row.origin),
      behind: Number(row.behind),
    }
  );
}

/** Begins no more jobs of a queue, anywhere; those that run go on. Holds until `resumeQueue`. */
export async function pauseQueue(sql: Sql, queue: string): Promise<void> {
  await sql.query(
    `insert into fairlead_job_queue (name, paused) values ($1, true) on conflict (name) do update set paused = true`,
    [queue],
  );
}

/** Lets a queue go on. False when it was not paused. */
export async function resumeQueue(sql: Sql, queue: string): Promise<boolean> {
  const { rowCount } = await sql.query('update fairlead_job_queue set paused = false where name = $1 and paused', [
    queue,
  ]);
  return rowCount > 0;
}

/** A filter as conditions on `j`, with their parameters. */
export function conditions(
  { queue, tenant, code, minAgeMs }: JobFilter,
  state: string | undefined,
): { readonly where: string[]; readonly params: unknown[] } {
  const where: string[] = [];
  const params: unknown[] = [];
  if (state === 'ready') where.push(`j.state = 'ready' and not ${CLAIMED}`);
  else if (state === 'running') where.push(`(j.state = 'running' or (j.state = 'ready' and ${CLAIMED}))`);
  else if (state !== undefined) where.push(`j.state = $${params.push(state)}`);
  if (queue !== undefined) where.push(`j.queue = $${params.push(queue)}`);
  if (tenant !== undefined) where.push(`j.tenant = $${params.push(tenant)}`);
  if (code !== undefined) where.push(`j.failures -> -1 ->> 'code' = $${params.push(code)}`);
  if (minAgeMs !== undefined) {
    const age = `$${params.push(minAgeMs)}::double precision * interval '1 millisecond'`;
    where.push(`case when j.state = 'dead' then j.ended_at else j.enqueued_at end <= fairlead.now() - ${age}`);
  }
  return { where, params };
}

/** An id that no job can have stands for none, rather than for an error of the database. */
export function idOf(id: string): string {
  return UUID.test(id) ? id : '00000000-0000-0000-0000-000000000000';
}

function summaryOf(row: JobRow): JobSummary {
  return {
    id: row.id,
    queue: row.queue,
    state: row.claimed ? 'running' : (STATES[row.state] ?? 'waiting'),
    tenant: row.tenant === '' ? undefined : row.tenant,
    key: row.key ?? undefined,
    parent: row.parent ?? undefined,
    priority: row.priority,
    attempt: row.attempt + (row.claimed ? 1 : 0),
    maxAttempts: row.max_attempts,
    enqueuedAt: Number(row.enqueued_ms),
    runAt: row.state !== 'scheduled' || row.run_ms === null ? undefined : Number(row.run_ms),
    deadline: row.deadline_ms === null ? undefined : Number(row.deadline_ms),
    endedAt: row.ended_ms === null ? undefined : Number(row.ended_ms),
    reason: row.dead_reason ?? undefined,
    failure: row.failure ?? undefined,
  };
}

function traceOf(origin: unknown): string | undefined {
  if (typeof origin !== 'object' || origin === null || !('traceparent' in origin)) return undefined;
  return /^[0-9a-f]{2}-([0-9a-f]{32})-/.exec(String(origin.traceparent))?.[1];
}
