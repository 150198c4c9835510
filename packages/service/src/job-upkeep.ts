import type { Context } from '@fairlead/core';
import {
  acrossTenants,
  cancelJob,
  discardJobs,
  findJob,
  listJobs,
  pauseQueue,
  queueLags,
  redriveJobs,
  resumeQueue,
  type CancelResult,
  type Database,
  type DeadJobs,
  type DeadJobsResult,
  type JobDetails,
  type JobPage,
  type JobQuery,
  type QueueLag,
  type RedriveOptions,
} from '@fairlead/store';

/** What people who run a service ask of its jobs. */
export interface JobUpkeep {
  /** How far its queues are behind, by name. */
  queues(ctx: Context): Promise<readonly QueueLag[]>;
  /** Begins no more jobs of a queue, in any instance; those that run go on. */
  pauseQueue(ctx: Context, queue: string): Promise<void>;
  /** False when it was not paused. */
  resumeQueue(ctx: Context, queue: string): Promise<boolean>;
  /** Its jobs in the order in which they were enqueued, piece by piece. */
  jobs(ctx: Context, query?: JobQuery): Promise<JobPage>;
  /** One of them; `undefined` when there is none, or no more. */
  job(ctx: Context, id: string): Promise<JobDetails | undefined>;
  /** Ends one that waits or is a dead letter, or has one that runs end. */
  cancelJob(ctx: Context, id: string): Promise<CancelResult>;
  /** Lets dead letters run again, at once or so many in a second. */
  redriveJobs(ctx: Context, options: RedriveOptions): Promise<DeadJobsResult>;
  /** Drops dead letters for good. */
  discardJobs(ctx: Context, options: DeadJobs): Promise<DeadJobsResult>;
}

const NONE: DeadJobsResult = { count: 0, next: undefined };

/** Upkeep of the jobs in a database; of none, when there is no database. */
export function jobUpkeep(database: Database | undefined): JobUpkeep {
  return {
    queues: async (ctx) => (database === undefined ? [] : queueLags(ctx, database)),
    async pauseQueue(ctx, queue) {
      await database?.tx(ctx, (tx) => pauseQueue(tx, queue));
    },
    async resumeQueue(ctx, queue) {
      return database !== undefined && database.tx(ctx, (tx) => resumeQueue(tx, queue));
    },
    async jobs(ctx, query) {
      return database === undefined ? { jobs: [], next: undefined } : listJobs(ctx, database, query);
    },
    async job(ctx, id) {
      return database && findJob(ctx, database, id);
    },
    async cancelJob(ctx, id) {
      if (database === undefined || (await findJob(ctx, database, id)) === undefined) return { kind: 'absent' };
      // Whose it is does not matter to who runs the service.
      return acrossTenants(database).tx(ctx, (tx) => cancelJob(tx, id));
    },
    async redriveJobs(ctx, options) {
      return database === undefined ? NONE : redriveJobs(ctx, database, options);
    },
    async discardJobs(ctx, options) {
      return database === undefined ? NONE : discardJobs(ctx, database, options);
    },
  };
}
