import type { Context } from '@fairlead/core';
import type { Database, Row } from '../database.ts';
import { acrossTenants } from '../tenancy/across-tenants.ts';

/** How far a queue is behind. Counts end at 100 000. */
export interface QueueLag {
  readonly queue: string;
  /** Nothing of it is begun until it is resumed. */
  readonly paused: boolean;
  /** Jobs that could run now. */
  readonly waiting: number;
  readonly running: number;
  /** Jobs whose time has not come: delayed, or waiting for their next attempt. */
  readonly later: number;
  /** Jobs behind another one of their key. */
  readonly blocked: number;
  /** Dead letters. */
  readonly dead: number;
  /** For how long the job has waited that waits longest of those that could run, in milliseconds; 0 when there is none. */
  readonly lagMs: number;
}

interface LagRow extends Row {
  readonly queue: string;
  readonly paused: boolean;
  readonly waiting: string;
  readonly running: string;
  readonly later: string;
  readonly blocked: string;
  readonly dead: string;
  readonly lag_ms: string;
}

/**
 * The queues that have jobs, are paused or have a rate, by name, from the view `fairlead_job_lag`. The view is for
 * autoscalers too: a role needs `select` on it, and on nothing else.
 */
export async function queueLags(ctx: Context, database: Database): Promise<readonly QueueLag[]> {
  const { rows } = await acrossTenants(database).query<LagRow>(ctx, 'select * from fairlead_job_lag order by queue');
  return rows.map((row) => ({
    queue: row.queue,
    paused: row.paused,
    waiting: Number(row.waiting),
    running: Number(row.running),
    later: Number(row.later),
    blocked: Number(row.blocked),
    dead: Number(row.dead),
    lagMs: Number(row.lag_ms),
  }));
}
