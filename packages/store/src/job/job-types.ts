import type { Clock, Closeable, CloseOptions, Context, Random } from '@fairlead/core';
import type { BackoffSpec } from '@fairlead/policy';
import type { Database, Tx } from '../database.ts';
import type { Leases } from '../lease/lease-types.ts';
import type { StoreTelemetry } from '../telemetry.ts';

/** How the jobs of a queue are kept and run. */
export interface QueueOptions {
  /**
   * How often a job is begun before it is a dead letter. A crash of its worker counts, being given back unbegun does not.
   * Default 10; from 1 (nothing is repeated) to 1 000. Fixed when the job is enqueued.
   */
  readonly attempts?: number;
  /** Time between attempts after a failure, as policies write it. Default `{ base: '1s', cap: '5m' }`, so with full jitter. */
  readonly backoff?: BackoffSpec;
  /** How long one attempt may take, in milliseconds. Default 300 000; 0 is no limit. */
  readonly timeoutMs?: number;
  /** Jobs of this queue that one worker runs at the same time. Default 10; from 1 to 10 000. */
  readonly concurrency?: number;
  /**
   * Jobs that a worker takes beyond those that it runs, to have them at hand. They are nobody else's meanwhile, so it is for
   * short jobs. Default 0; at most 10 000.
   */
  readonly prefetch?: number;
  /** Jobs begun in a time, over all workers: `limit` at once, and then evenly `limit` in each `perMs`. Default: no limit. */
  readonly rate?: { readonly limit: number; readonly perMs: number };
  /** What one tenant may have. */
  readonly share?: ShareOptions;
  /** How long a job that has ended is told about in `fairlead_job_history`, in milliseconds. Default 0: not at all. */
  readonly retentionMs?: number;
  /** The most that a payload may measure as JSON in UTF-8, in bytes. Default 1 048 576. */
  readonly maxPayloadBytes?: number;
}

/** How tenants share a queue. Jobs without a tenant are together one more tenant. */
export interface ShareOptions {
  /** How much more than others a tenant gets while all have jobs waiting; above 0. Default: 1 for each. */
  readonly weightOf?: (tenant: string | undefined) => number;
  /** Jobs of one tenant that run at the same time, over all workers. Default: no limit; at least 1. */
  readonly maxRunning?: number;
  /** Jobs of one tenant that wait; `enqueue` answers `over-quota` beyond. Default: no limit; at least 1. */
  readonly quota?: number;
}

/** Options with every default filled in. */
export interface ResolvedQueueOptions {
  readonly attempts: number;
  readonly backoff: BackoffSpec;
  readonly timeoutMs: number;
  readonly concurrency: number;
  readonly prefetch: number;
  readonly rate: { readonly limit: number; readonly perMs: number } | undefined;
  readonly weightOf: (tenant: string | undefined) => number;
  readonly maxRunning: number | undefined;
  readonly quota: number | undefined;
  readonly retentionMs: number;
  readonly maxPayloadBytes: number;
}

/** A queue by its definition: a value that enqueuers and workers share. `T` is what a payload is. */
export interface Queue<T> {
  readonly name: string;
  readonly options: ResolvedQueueOptions;
  /** Milliseconds to wait after the failure of attempt number `attempt`, the first being 1. */
  delayFor(attempt: number, random: Random): number;
  /** Never there: carries the type. */
  readonly payload?: T;
}

/** How one job is enqueued. */
export interface EnqueueOptions {
  /**
   * Jobs of a queue and key run one at a time, in the order in which they were enqueued. One that fails parks its key: the later
   * ones wait until it has succeeded, also while it is a dead letter. Default: none.
   */
  readonly key?: string;
  /** While a job of this tenant and queue with the same one waits or runs, no other is made. Default: none. */
  readonly dedupe?: string;
  /** Higher ones of a tenant run first; between tenants it means nothing. Default 0; whole, from −32 768 to 32 767. */
  readonly priority?: number;
  /** When it may run first, in milliseconds since the epoch by `fairlead.now()`. Default: at once. Not together with `delayMs`. */
  readonly runAt?: number;
  /** When it may run first, in milliseconds from now by `fairlead.now()`. Default 0: at once. */
  readonly delayMs?: number;
  /**
   * Within how many milliseconds, by `fairlead.now()`, it has to be done. Then it is not begun or repeated any more, and its
   * Context ends; it is a dead letter with the reason `deadline`. Default: no limit; above 0.
   */
  readonly deadlineMs?: number;
  /** Id of the job that this one is a part of. Default: none. */
  readonly parent?: string;
  /** Attempts of this job; see `QueueOptions.attempts`, the default. */
  readonly attempts?: number;
}

/** One of several jobs that are enqueued together. */
export interface NewJob<T> extends EnqueueOptions {
  readonly payload: T;
}

/** What came of enqueuing. Everything but `enqueued` wrote nothing and leaves the transaction usable. */
export type EnqueueResult =
  | { readonly kind: 'enqueued'; readonly id: string }
  /** A job with this `dedupe` waits or runs; `id` is that one's. */
  | { readonly kind: 'duplicate'; readonly id: string }
  | {
      readonly kind: 'over-quota';
      /** Jobs of the tenant that wait, counted up to the quota. */
      readonly queued: number;
      readonly quota: number;
      /** When one of them will have begun at the pace of late, in milliseconds. */
      readonly retryAfterMs: number;
    };

/** What came of cancelling. */
export type CancelResult =
  /** It waited, or was a dead letter, and is gone. */
  | { readonly kind: 'cancelled' }
  /** It runs: its Context ends soon, and it is gone when it has settled, unless it completes before. */
  | { readonly kind: 'cancelling' }
  /** It has ended, or there never was one. */
  | { readonly kind: 'absent' };

/** One failed attempt. */
export interface JobFailure {
  readonly attempt: number;
  /** When it ended, in milliseconds since the epoch by `fairlead.now()`. */
  readonly at: number;
  /** Code of the error; `WORKER_LOST` when its worker died or stood still, `JOB_TIMEOUT`, or `JOB_FAILED` for one without a code. */
  readonly code: string;
  readonly message: string;
}

/** Why a job is a dead letter. `attempts`: none is left. `deadline`: it was not done in time. `refused`: the handler said so. */
export type DeadReason = 'attempts' | 'deadline' | 'refused';

/** A job as its handler sees it. */
export interface Job<T> {
  readonly id: string;
  readonly queue: string;
  readonly tenant: string | undefined;
  readonly key: string | undefined;
  readonly parent: string | undefined;
  readonly payload: T;
  readonly priority: number;
  /** Which attempt this is, from 1. */
  readonly attempt: number;
  readonly maxAttempts: number;
  /** When it was enqueued, in milliseconds since the epoch by `fairlead.now()`. */
  readonly enqueuedAt: number;
  /** When it has to be done, likewise; `undefined` when there is no limit. */
  readonly deadline: number | undefined;
  /**
   * Ends the job in the caller's transaction: what else that writes takes effect exactly once, or never. Call it first. Once
   * that has committed the job is done, whatever the handler throws afterwards. Works at every isolation level; above `read committed`
   * the next job of its key may be let go up to 30 s later.
   * @throws JOB_LOST when the job is no longer this worker's: it was returned to the queue, has ended, or was cancelled and swept;
   *   the transaction then has to be rolled back, which happens when the error reaches its end
   */
  complete(tx: Tx): Promise<void>;
  /**
   * Writes how far the job is, for people; JSON of at most 16 KiB. One statement, so not for every row of a million.
   * @throws JOB_LOST, JOB_INVALID
   */
  progress(value: unknown): Promise<void>;
}

/**
 * Does a job. It has succeeded when the promise resolves, and is repeated when it rejects: at least once, and after a crash of
 * the worker again; with `job.complete(tx)` what is written in `tx` is effective exactly once. `ctx` continues the
 * enqueuer's trace, tenant, criticality, correlation and baggage; `causationId` is the job's id; `idempotencyKey` is
 * derived from it, the same in every attempt. It ends with `timeoutMs`, the deadline, `cancelJob`, the loss of the worker's
 * lease, or when the worker is closed and its grace is over.
 *
 * An error of kind `invalid` or with `details.retry` false is not repeated: the job is a dead letter at once (`refused`).
 * The error's `retryAfterMs`, or that of its details, is the least to wait before the next attempt.
 */
export type JobHandler<T> = (ctx: Context, job: Job<T>) => Promise<void>;

/** A queue and who does its jobs; made by `handle`, which forgets the payload's type. */
export interface HandledQueue {
  readonly queue: Queue<unknown>;
  readonly handler: JobHandler<unknown>;
}

/** How a worker works. */
export interface WorkerOptions {
  /** Where the jobs are. Not closed by the worker. */
  readonly database: Database;
  /** The leases of this process, on the same database: jobs that run hang on its row. Not closed by the worker; close them later. */
  readonly leases: Leases;
  readonly queues: readonly HandledQueue[];
  readonly clock: Clock;
  readonly random: Random;
  /** Spans, logs and metrics. Default: none. */
  readonly telemetry?: StoreTelemetry | undefined;
  /**
   * The longest time between looks at idle queues, in milliseconds; also how soon cancelling reaches a job that runs. Default
   * 1 000; at least 10. News come sooner, by NOTIFY.
   */
  readonly pollMs?: number;
}

/** What a worker is doing. */
export interface WorkerState {
  readonly kind: 'running' | 'closing' | 'closed';
  /** By name of the queue. What waits, waits for any worker of the process that was given the same queue, leases and database. */
  readonly queues: Readonly<Record<string, { readonly running: number; readonly waiting: number }>>;
}

/** Runs jobs until closed. */
export interface JobWorker extends Closeable {
  state(): WorkerState;
  /** Looks for jobs of this queue, or of all, now. */
  wake(queue?: string): void;
  /**
   * Fetches no more, gives back what has not begun and lets the rest finish for `graceMs` (default 5 000). Then their Contexts
   * end, and what has not settled soon after returns to the queue when the leases are closed.
   */
  close(options?: CloseOptions): Promise<void>;
}
