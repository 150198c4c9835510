import type { Context } from '@fairlead/core';
import type { Database, Row, Tx } from '../database.ts';
import { fail } from '../errors.ts';
import { cancelJob, enqueue, enqueueMany, JOB_CHANNEL } from './enqueue.ts';
import type { EnqueueOptions, EnqueueResult, Job, JobFailure, JobHandler, NewJob, Queue } from './job-types.ts';
import { jsonOf } from './payload.ts';

/** How work is scattered. */
export interface ScatterOptions<G> {
  /** The queue of the job that goes on, and what it is given. It asks for what has come with `gather`. */
  readonly then: Queue<G>;
  readonly payload: G;
  /**
   * When it goes on at the latest, in milliseconds from now by `fairlead.now()`; at least 1. The parts are not begun after
   * that, and those that run are ended.
   */
  readonly deadlineMs: number;
  /** Results that are enough: it goes on without the rest then. Default: one from each part. At least 1, at most as many as there are targets. */
  readonly quorum?: number | undefined;
  /** For the job that goes on. When it runs is not a choice. */
  readonly enqueue?: Omit<EnqueueOptions, 'runAt' | 'delayMs' | 'deadlineMs'> | undefined;
}

/** What came of scattering. */
export type ScatterResult =
  | {
      readonly kind: 'scattered';
      /** Of the job that goes on; the `parent` of the parts. */
      readonly id: string;
      /** Parts that were not enqueued because the tenant's quota was full. They have failed already. */
      readonly refused: number;
    }
  /** The job that goes on could not be enqueued; nothing was. */
  | Exclude<EnqueueResult, { readonly kind: 'enqueued' }>;

/** What has come of the parts, each told by the place of its target, from 0. */
export interface Gathered<R> {
  readonly results: readonly { readonly place: number; readonly value: R }[];
  /** Parts that are dead letters, were cancelled, or ended without a result; with what went wrong in each attempt. */
  readonly failed: readonly { readonly place: number; readonly failures: readonly JobFailure[] }[];
  /** Parts that had not ended. They are cancelled, and what they come to counts no more. */
  readonly missing: readonly number[];
  /** Whether there are fewer results than targets. */
  readonly partial: boolean;
}

const MAX_PARTS = 10_000;
const MAX_RESULT_BYTES = 1024 * 1024;
const SWEPT = 20;
const OVER_QUOTA: JobFailure = {
  attempt: 0,
  at: 0,
  code: 'JOB_OVER_QUOTA',
  message: 'The queue of the tenant was full.',
};

/**
 * Has one job done for each target, and goes on in another when all of them have ended, when `quorum` results are there, or when the
 * deadline is over: whatever comes first. All of it is in the caller's transaction and in tables, so a crash of anybody loses
 * nothing. Parts need a handler that says what they came to: `partHandler`, or `finishPart` in a transaction of its own.
 *
 * @throws JOB_INVALID for too many targets (10 000), or a quorum or deadline out of range
 */
export async function scatter<T, G>(
  tx: Tx,
  queue: Queue<T>,
  targets: readonly T[],
  options: ScatterOptions<G>,
): Promise<ScatterResult> {
  const { then, payload, deadlineMs, quorum = targets.length } = options;
  check(queue, targets.length, deadlineMs, quorum);
  const after = targets.length === 0 ? {} : { delayMs: deadlineMs };
  const last = await enqueue(tx, then, payload, { ...options.enqueue, ...after });
  if (last.kind !== 'enqueued') return last;
  await sweep(tx);
  await tx.query('insert into fairlead_scatter (id, queue, parts, quorum) values ($1, $2, $3, $4)', [
    last.id,
    then.name,
    targets.length,
    quorum,
  ]);
  const jobs = targets.map((target): NewJob<T> => ({ payload: target, parent: last.id, deadlineMs }));
  const parts = jobs.length === 0 ? [] : await enqueueMany(tx, queue, jobs);
  const ids = parts.map((part) => (part.kind === 'enqueued' ? part.id : null));
  const refused = ids.filter((id) => id === null).length;
  await tx.query(
    `with part as (
       insert into fairlead_scatter_part (scatter, place, job, outcome, failures)
       select $1::uuid, p.n - 1, p.id, case when p.id is null then 'failed' end, case when p.id is null then $3::jsonb end
         from unnest($2::uuid[]) with ordinality as p (id, n)
       returning outcome)
     update fairlead_scatter set failures = (select count(*) from part where outcome = 'failed') where id = $1::uuid`,
    [last.id, ids, JSON.stringify([OVER_QUOTA])],
  );
  if (refused > 0 && refused === targets.length) await release(tx, last.id);
  return { kind: 'scattered', id: last.id, refused };
}

/**
 * What has come of the parts of a job that goes on: its own id is what they were scattered under. From the first call that
 * commits on nothing more counts, what has not ended is cancelled, and every further call answers the same. `undefined` when the
 * job has no parts, or the job that goes on has ended long ago.
 */
export async function gather<R>(tx: Tx, id: string): Promise<Gathered<R> | undefined> {
  const { rows: scatters } = await tx.query<Row & { closed: boolean }>(
    'select closed from fairlead_scatter where id = $1 for no key update',
    [id],
  );
  const [found] = scatters;
  if (found === undefined) return undefined;
  const { rows } = await tx.query<PartRow>(
    `select place, job::text as job, outcome, result::text as result, failures
       from fairlead_scatter_part where scatter = $1 order by place`,
    [id],
  );
  if (!found.closed) {
    await tx.query('update fairlead_scatter set closed = true where id = $1', [id]);
    for (const { job, outcome } of rows) if (job !== null && outcome === null) await cancelJob(tx, job);
  }
  const done = rows.filter(({ outcome }) => outcome === 'done');
  return {
    // The parts' own handlers wrote it; what they answer is what the caller says that they do.
    results: done.map(({ place, result }) => ({ place, value: JSON.parse(result ?? 'null') as R })),
    failed: rows
      .filter(({ outcome }) => outcome === 'failed')
      .map(({ place, failures }) => ({ place, failures: failures ?? [] })),
    missing: rows.filter(({ outcome }) => outcome === null).map(({ place }) => place),
    partial: done.length < rows.length,
  };
}

interface PartRow extends Row {
  readonly place: number;
  readonly job: string | null;
  readonly outcome: 'done' | 'failed' | null;
  readonly result: string | null;
  readonly failures: readonly JobFailure[] | null;
}

/**
 * Ends a part in the caller's transaction, as `job.complete` does, and says what it came to; JSON, `undefined` becomes null.
 * For a job that is no part only the first is done.
 * @throws as `job.complete` does; JOB_INVALID for a result that is not JSON, JOB_TOO_LARGE for one above 1 MiB
 */
export async function finishPart(
  tx: Tx,
  job: Pick<Job<unknown>, 'id' | 'parent' | 'complete'>,
  result: unknown,
): Promise<void> {
  await job.complete(tx);
  await partResult(tx, job, result);
}

/**
 * Says what a part came to, in the transaction that ends it with `job.complete`; for a handler that completes its job first and
 * knows the result later. Does nothing for a job that is no part.
 * @throws JOB_INVALID, JOB_TOO_LARGE as `finishPart` does
 */
export async function partResult(tx: Tx, job: Pick<Job<unknown>, 'id' | 'parent'>, result: unknown): Promise<void> {
  if (job.parent === undefined) return;
  const text = jsonOf(`job ${job.id}`, 'result', result ?? null, MAX_RESULT_BYTES);
  const { rows } = await tx.query<Row & { queue: string }>(
    `update fairlead_scatter_part p set result = $2::json from fairlead_scatter s
      where p.job = $1 and p.outcome is null and s.id = p.scatter returning s.queue`,
    [job.id, text],
  );
  // It may be the last one that was waited for.
  if (rows[0] !== undefined) tx.announce(JOB_CHANNEL, rows[0].queue);
}

/** A handler for parts whose only effect in the database is their result: that and the job's end are one transaction. */
export function partHandler<T>(
  database: Database,
  work: (ctx: Context, job: Job<T>) => Promise<unknown>,
): JobHandler<T> {
  return async (ctx, job) => {
    const result = await work(ctx, job);
    await database.tx(ctx, (tx) => finishPart(tx, job, result));
  };
}

function check(queue: Queue<unknown>, count: number, deadlineMs: number, quorum: number): void {
  const problem =
    count > MAX_PARTS
      ? `${count} targets are more than ${MAX_PARTS}. Scatter in two steps.`
      : !Number.isFinite(deadlineMs) || deadlineMs < 1
        ? `deadlineMs is ${deadlineMs}; give a number of milliseconds from 1.`
        : count > 0 && (!Number.isSafeInteger(quorum) || quorum < 1 || quorum > count)
          ? `quorum is ${quorum}; give a whole number from 1 to ${count}, as many as there are targets.`
          : undefined;
  if (problem !== undefined) throw fail('JOB_INVALID', `scatter to ${queue.name}: ${problem}`);
}

async function release(tx: Tx, id: string): Promise<void> {
  await tx.query(`update fairlead_job set state = 'ready', run_at = null where id = $1 and state = 'scheduled'`, [id]);
}

/** Forgets some of those whose job has ended. */
async function sweep(tx: Tx): Promise<void> {
  await tx.query(
    `with old as (
       delete from fairlead_scatter where id in (
         select s.id from fairlead_scatter s where not exists (select from fairlead_job j where j.id = s.id)
          order by s.id limit $1 for update skip locked)
       returning id)
     delete from fairlead_scatter_part where scatter in (select id from old)`,
    [SWEPT],
  );
}
