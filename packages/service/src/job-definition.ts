import type { InputSchema, Contract, JobData, JobInput } from '@fairlead/contract';
import type { Context } from '@fairlead/core';
import type {
  CancelResult,
  EnqueueOptions,
  EnqueueResult,
  Gathered,
  Job,
  QueueOptions,
  ScatterOptions,
  ScatterResult,
  Tx,
} from '@fairlead/store';
import type { ConfigShape } from './config.ts';
import type { CommitTx, Kit, Uses } from './kit.ts';

/** What the jobs of a service are given, by their names. */
export type JobInputs = Readonly<Record<string, InputSchema>>;

/**
 * Does a job; the result is for whoever waits for it (see `Jobs.scatter`), and JSON. It may run more than once for one job
 * until its commit has succeeded; `kit.commit` is effective once.
 */
export type ServiceJobHandler<
  C extends Contract,
  Config extends ConfigShape,
  U extends Uses,
  J extends JobInputs,
  Input extends InputSchema,
> = {
  handle(ctx: Context, input: JobData<Input>, kit: JobKit<C, Config, U, J>): Promise<unknown>;
}['handle'];

/** One kind of job of a service: its queue's options, what a job is given, and what does it. */
export interface JobDefinition<
  C extends Contract,
  Config extends ConfigShape,
  U extends Uses,
  J extends JobInputs,
  Input extends InputSchema,
> extends QueueOptions {
  /** What a job is given: checked when it is enqueued, and again when it is done, perhaps by other code. */
  readonly input: Input;
  readonly handle: ServiceJobHandler<C, Config, U, J, Input>;
}

/** The jobs of a service by name: lower-case words with dashes, as queues are called. */
export type JobDefinitions<C extends Contract, Config extends ConfigShape, U extends Uses, J extends JobInputs> = {
  readonly [Name in keyof J]: JobDefinition<C, Config, U, J, J[Name]>;
};

/** The service's own queues. */
export interface Jobs<J extends JobInputs> {
  /**
   * Enqueues a job in the caller's transaction: it is done after that has committed, and never without. Tenant, trace,
   * correlation and criticality are those of `tx.ctx`.
   * @throws INVALID_JOB when `input` does not fit the definition; the transaction should then roll back
   */
  enqueue<Name extends keyof J & string>(
    tx: Tx,
    name: Name,
    input: JobInput<J[Name]>,
    options?: EnqueueOptions,
  ): Promise<EnqueueResult>;
  /**
   * Has a job of `name` done for each of `inputs`, and goes on in a job of `then` when all of them have ended, `quorum` results are
   * there, or the deadline is over. That one asks for what has come with `gather(tx, kit.job.id)`.
   * @throws INVALID_JOB as `enqueue` does; JOB_INVALID for a quorum or deadline out of range
   */
  scatter<Name extends keyof J & string, Then extends keyof J & string>(
    tx: Tx,
    name: Name,
    inputs: readonly JobInput<J[Name]>[],
    options: KitScatterOptions<J, Then>,
  ): Promise<ScatterResult>;
  /**
   * What has come of the parts of a job, by its id; `R` is what their handlers come to. Ends the waiting: what has not ended is
   * cancelled, and a further call answers the same. `undefined` for a job without parts.
   */
  gather<R>(tx: Tx, id: string): Promise<Gathered<R> | undefined>;
  /** Ends a job that waits, runs or is a dead letter; one that runs hears of it by its Context. */
  cancel(tx: Tx, id: string): Promise<CancelResult>;
}

/** How a service scatters work. */
export interface KitScatterOptions<J extends JobInputs, Then extends keyof J & string> extends Pick<
  ScatterOptions<unknown>,
  'deadlineMs' | 'quorum' | 'enqueue'
> {
  /** The job that goes on. */
  readonly then: Then;
  /** What that one is given. */
  readonly input: JobInput<J[Then]>;
}

/** The job that a handler does. */
export type JobFacts = Pick<
  Job<unknown>,
  'id' | 'key' | 'parent' | 'priority' | 'attempt' | 'maxAttempts' | 'enqueuedAt' | 'deadline' | 'progress'
>;

/** The kit of a job's handler. */
export interface JobKit<
  C extends Contract,
  Config extends ConfigShape,
  U extends Uses,
  J extends JobInputs = JobInputs,
> extends Kit<Config, U, J> {
  readonly job: JobFacts;
  /**
   * The one transaction of this handler: the job ends in it, so what `work` writes, publishes and enqueues takes effect
   * exactly once. What `work` resolves to is the job's result. A handler that never calls it has succeeded when it resolves.
   * @throws COMMIT_TWICE on a second call
   * @throws JOB_LOST when the job has been taken from this worker; nothing is written then
   */
  commit<T>(work: (tx: CommitTx<C>) => Promise<T>): Promise<T>;
}

/** The kit of some job of some service, as the kit's own code sees it. */
export type AnyJobKit = JobKit<Contract, ConfigShape, Uses>;
