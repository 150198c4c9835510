import type { Contract, InputSchema, JobData } from '@fairlead/contract';
import type { Context } from '@fairlead/core';
import type { SagaSet } from '@fairlead/events';
import type { Job, QueueOptions } from '@fairlead/store';
import type { ConfigShape } from './config.ts';
import type { JobInputs } from './jobs.ts';
import type { CommitTx, Kit, Uses } from './kit.ts';

/**
 * Does a job; the result is for whoever waits for it (see `Jobs.scatter`), and JSON. It may run more than once for one job
 * until its commit has succeeded; `kit.commit` is effective once.
 */
export type ServiceJobHandler<
  C extends Contract,
  Config extends ConfigShape,
  U extends Uses,
  J extends JobInputs,
  S extends SagaSet,
  Input extends InputSchema,
> = {
  handle(ctx: Context, input: JobData<Input>, kit: JobKit<C, Config, U, J, S>): Promise<unknown>;
}['handle'];

/** One kind of job of a service: its queue's options, what a job is given, and what does it. */
export interface JobDefinition<
  C extends Contract,
  Config extends ConfigShape,
  U extends Uses,
  J extends JobInputs,
  S extends SagaSet,
  Input extends InputSchema,
> extends QueueOptions {
  /** What a job is given: checked when it is enqueued, and again when it is done, perhaps by other code. */
  readonly input: Input;
  readonly handle: ServiceJobHandler<C, Config, U, J, S, Input>;
}

/** The jobs of a service by name: lower-case words with dashes, as queues are called. */
export type JobDefinitions<
  C extends Contract,
  Config extends ConfigShape,
  U extends Uses,
  J extends JobInputs,
  S extends SagaSet = SagaSet,
> = {
  readonly [Name in keyof J]: JobDefinition<C, Config, U, J, S, J[Name]>;
};

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
  S extends SagaSet = SagaSet,
> extends Kit<Config, U, J, S> {
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
