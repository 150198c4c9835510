import { formatTraceparent, uuidV7, type Context } from '@fairlead/core';
import type { Tx } from '../database.ts';
import { fail } from '../errors.ts';
import type { CancelResult, EnqueueOptions, EnqueueResult, NewJob, Queue } from './job-types.ts';
import { keepPrepared } from '../postgres/prepared.ts';
import { jsonOf } from './payload.ts';

/** The channel that news of jobs go over; the payload is the queue. */
export const JOB_CHANNEL = 'fairlead_job';

const ENQUEUE = keepPrepared('select fairlead_job_enqueue($1, $2, $3, $4, $5, $6, $7) as told');
const CANCEL = 'select fairlead_job_cancel($1) as told';
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** What fairlead_job_enqueue says of a job that was not simply enqueued. */
type Told =
  | { readonly kind: 'enqueued' | 'duplicate'; readonly id: string }
  | { readonly kind: 'over-quota'; readonly queued: number; readonly retryAfterMs: number };

/**
 * Enqueues a job in the caller's transaction: it is there when that commits and never was when it doesn't. Tenant, trace,
 * correlation, criticality and baggage are taken from `tx.ctx`. Workers learn of it by NOTIFY after the commit, and in any case
 * within their `pollMs`.
 *
 * Locks nothing that others wait for, unless `dedupe` is given: a second transaction that enqueues the same one waits for the outcome of
 * the first. The quota is counted without a lock: transactions at the same time may together exceed it by what each of them enqueues.
 * @throws JOB_INVALID for what is not JSON or out of range, JOB_TOO_LARGE; before anything is sent
 */
export async function enqueue<T>(
  tx: Tx,
  queue: Queue<T>,
  payload: T,
  options: EnqueueOptions = {},
): Promise<EnqueueResult> {
  const [result] = await enqueueMany(tx, queue, [{ ...options, payload }]);
  if (result === undefined) throw fail('JOB_INVALID', `${queue.name}: the database told nothing of the job.`);
  return result;
}

/**
 * Enqueues jobs of one queue in one statement, in this order; what became of each, in the same order. When the quota has
 * room for some of them, those are the first.
 * @throws as `enqueue` does, and then none was enqueued
 */
export async function enqueueMany<T>(
  tx: Tx,
  queue: Queue<T>,
  jobs: readonly NewJob<T>[],
): Promise<readonly EnqueueResult[]> {
  if (jobs.length === 0) return [];
  const { ctx } = tx;
  const { quota } = queue.options;
  const ids: string[] = [];
  const parts = jobs.map((job) => {
    const id = uuidV7(ctx);
    ids.push(id);
    return partOf(queue, id, job);
  });
  const payloads = jobs.map(({ payload }) =>
    jsonOf(`${queue.name}: the job`, 'payload', payload, queue.options.maxPayloadBytes),
  );
  const { rows } = await tx.query<{ readonly told: readonly Told[] | null }>(ENQUEUE, [
    queue.name,
    ctx.tenant ?? '',
    originOf(ctx),
    queue.options.attempts,
    quota ?? null,
    `[${parts.join(',')}]`,
    payloads,
  ]);
  tx.announce(JOB_CHANNEL, queue.name);
  const told = rows[0]?.told ?? undefined;
  return ids.map((id, index): EnqueueResult => {
    const each = told?.[index];
    if (each === undefined) return { kind: 'enqueued', id };
    return each.kind === 'over-quota' ? { ...each, quota: quota ?? 0 } : each;
  });
}

/**
 * Cancels a job in the caller's transaction. Whatever its queue keeps, nothing is kept of one that waited.
 * @throws JOB_INVALID when `id` is none
 */
export async function cancelJob(tx: Tx, id: string): Promise<CancelResult> {
  if (!UUID.test(id)) throw fail('JOB_INVALID', `${JSON.stringify(id)} is no job's id. Give what enqueue answered.`);
  const { rows } = await tx.query<{ readonly told: CancelResult['kind'] }>(CANCEL, [id]);
  // Workers look for what is to end when they are called, whatever the queue.
  tx.announce(JOB_CHANNEL);
  return { kind: rows[0]?.told ?? 'absent' };
}

function partOf<T>(queue: Queue<T>, id: string, job: NewJob<T>): string {
  const what = `${queue.name}: the job`;
  const { key, dedupe, priority, runAt, delayMs, deadlineMs, parent, attempts } = job;
  for (const [name, text] of Object.entries({ key, dedupe })) {
    if (text !== undefined && (text === '' || text.includes('\0') || text.length > 1_000))
      throw fail(
        'JOB_INVALID',
        `${what} has the ${name} ${JSON.stringify(text)}; give 1 to 1000 characters without NUL.`,
      );
  }
  if (runAt !== undefined && delayMs !== undefined)
    throw fail('JOB_INVALID', `${what} has both runAt and delayMs; give one of them.`);
  whole(what, 'priority', priority, -32_768, 32_767);
  whole(what, 'attempts', attempts, 1, 1_000);
  range(what, 'runAt', runAt, -8.64e15, 8.64e15);
  range(what, 'delayMs', delayMs, 0, 1e14);
  range(what, 'deadlineMs', deadlineMs, Number.MIN_VALUE, 1e14);
  if (parent !== undefined && !UUID.test(parent))
    throw fail('JOB_INVALID', `${what} has the parent ${JSON.stringify(parent)}, which is no job's id.`);
  return JSON.stringify({ id, key, dedupe, priority, runAt, delayMs, deadlineMs, parent, attempts });
}

function whole(what: string, name: string, value: number | undefined, least: number, most: number): void {
  if (value !== undefined && !Number.isSafeInteger(value))
    throw fail('JOB_INVALID', `${what} has ${name} ${value}; give a whole number from ${least} to ${most}.`);
  range(what, name, value, least, most);
}

function range(what: string, name: string, value: number | undefined, least: number, most: number): void {
  if (value !== undefined && !(value >= least && value <= most))
    throw fail('JOB_INVALID', `${what} has ${name} ${value}; give a number from ${least} to ${most}.`);
}

/** What goes on from the enqueuer's Context; the tenant has a column of its own. */
function originOf(ctx: Context): string {
  return JSON.stringify({
    traceparent: formatTraceparent(ctx.trace),
    requestId: ctx.requestId,
    criticality: ctx.criticality,
    correlationId: ctx.correlationId,
    baggage: Object.keys(ctx.baggage).length === 0 ? undefined : ctx.baggage,
  });
}
