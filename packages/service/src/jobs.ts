import type { InputSchema, JobInput } from '@fairlead/contract';
import type {
  CancelResult,
  EnqueueOptions,
  EnqueueResult,
  Gathered,
  ScatterOptions,
  ScatterResult,
  Tx,
} from '@fairlead/store';

/** What the jobs of a service are given, by their names. */
export type JobInputs = Readonly<Record<string, InputSchema>>;

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
