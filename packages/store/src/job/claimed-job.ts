import type { Row } from '../database.ts';
import type { JobOrigin, Origins } from './origins.ts';

/** A job that this process has claimed, as the statement told it. */
export interface ClaimedJob {
  readonly id: string;
  /** What it is claimed under. */
  readonly token: number;
  readonly tenant: string;
  readonly key: string | undefined;
  readonly parent: string | undefined;
  readonly json: string;
  readonly origin: JobOrigin;
  readonly priority: number;
  readonly attempt: number;
  readonly maxAttempts: number;
  readonly seq: number;
  readonly enqueuedAt: number;
  readonly deadline: number | undefined;
  /** By this process' monotonic clock: when it has to be done. Infinity when there is no limit. */
  readonly endsAtMs: number;
}

/** Rows of fairlead_job_take. The last has no id and tells about the claim in o_origin. */
export type ExchangeRow = Row & {
  readonly o_id: string | null;
  readonly o_token: number;
  readonly o_tenant: string;
  readonly o_key: string | null;
  readonly o_parent: string | null;
  readonly o_payload: string;
  readonly o_origin: string;
  readonly o_priority: number;
  readonly o_attempt: number;
  readonly o_max_attempts: number;
  readonly o_seq: string;
  readonly o_enqueued_ms: number;
  readonly o_deadline_ms: number | null;
  readonly o_left_ms: number | null;
};

/** What the last row tells. */
export interface ExchangeNews {
  /** Whether everything was looked at. */
  readonly looked: boolean;
  /** How many of those that were done were still ours. */
  readonly done: number;
  /** The holder has no row any more: nothing can be claimed under it. */
  readonly ended: boolean;
  /** Until the queue's rate allows another one, in milliseconds. */
  readonly waitMs: number | null;
  /** Until the next scheduled job, in milliseconds. */
  readonly dueMs: number | null;
  /** The last tenant that was looked at, when there are more. */
  readonly after: string | null;
  /** Tenants that had jobs ready. */
  readonly tenants: readonly string[];
  /** Whether jobs were claimed by a row of the claim's own. */
  readonly many: boolean;
  /** The lowest transaction that may have a claim, for the next statement. */
  readonly low: string | null;
}

/** Reads a row. `sentMs`: when the statement was sent, so that time on the way counts. */
export function claimedJob(row: ExchangeRow, id: string, origins: Origins, sentMs: number): ClaimedJob {
  return {
    id,
    token: row.o_token,
    tenant: row.o_tenant,
    key: row.o_key ?? undefined,
    parent: row.o_parent ?? undefined,
    json: row.o_payload,
    origin: origins.read(row.o_origin),
    priority: row.o_priority,
    attempt: row.o_attempt,
    maxAttempts: row.o_max_attempts,
    seq: Number(row.o_seq),
    enqueuedAt: row.o_enqueued_ms,
    deadline: row.o_deadline_ms ?? undefined,
    endsAtMs: row.o_left_ms === null ? Infinity : sentMs + row.o_left_ms,
  };
}

/** The order in which jobs that were claimed together begin: tenants in turn, each one's by priority and age. */
export function inTurn(jobs: readonly ClaimedJob[]): ClaimedJob[] {
  const lanes = new Map<string, ClaimedJob[]>();
  for (const job of jobs) {
    const lane = lanes.get(job.tenant);
    if (lane === undefined) lanes.set(job.tenant, [job]);
    else lane.push(job);
  }
  for (const lane of lanes.values()) lane.sort((a, b) => b.priority - a.priority || a.seq - b.seq);
  const [only] = lanes.values();
  if (lanes.size === 1 && only !== undefined) return only;
  const ordered: ClaimedJob[] = [];
  for (let turn = 0; ordered.length < jobs.length; turn += 1) {
    for (const lane of lanes.values()) {
      const job = lane[turn];
      if (job !== undefined) ordered.push(job);
    }
  }
  return ordered;
}
