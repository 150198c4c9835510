import type { InstanceStatus } from '../running-platform.ts';
import { askOne, serviceNamed, type AskOptions, type Unanswered } from './ask-instance.ts';
import type { Audit } from './audit.ts';
import { collectItems } from './collect-items.ts';
import { nextOf, queryOf } from './query.ts';

/** A queue of jobs, as its service describes it, and which service that is. */
export type QueueState = Readonly<Record<string, unknown>> & { readonly service: string };

/** A job, as its service describes it, and which service that is. */
export type QueuedJob = Readonly<Record<string, unknown>> & { readonly service: string };

/** What the services said of their queues. */
export interface QueueAnswer {
  readonly items: readonly QueueState[];
  /** True when a service did not answer: there may be more. */
  readonly partial: boolean;
  readonly unanswered: readonly Unanswered[];
}

/** What the services said of their jobs. */
export interface JobAnswer {
  readonly items: readonly QueuedJob[];
  /** For the next piece, when one service was asked and has more. */
  readonly next?: string;
  /** True when a service did not answer: there may be more. */
  readonly partial: boolean;
  readonly unanswered: readonly Unanswered[];
}

/** Whose queues to list. */
export interface QueueFilter {
  /** Only of this service. Default: of all. */
  readonly service?: string;
}

/** Which jobs to list. */
export interface JobListFilter extends QueueFilter {
  readonly state?: string;
  readonly queue?: string;
  /** Empty: jobs without a tenant. */
  readonly tenant?: string;
  /** Code of the last failure. */
  readonly code?: string;
  /** Given up, or else enqueued, at least so many milliseconds ago. */
  readonly minAgeMs?: number;
  /** `next` of the answer before; together with `service`. */
  readonly after?: string;
  /** How many of each service at most; at most 1 000. Default 100. */
  readonly limit?: number;
}

/** Which job is meant. */
export interface JobPlace {
  readonly service: string;
  readonly id: string;
}

/** Which queue is meant. */
export interface QueuePlace {
  readonly service: string;
  readonly queue: string;
}

/** Which dead letters are to change; all that is given has to hold. */
export interface DeadJobsRequest {
  readonly id?: string;
  readonly queue?: string;
  readonly tenant?: string;
  readonly code?: string;
  readonly minAgeMs?: number;
  /** `redrive` only: how many become due in a second. Default 0: all at once. */
  readonly perSecond?: number;
  readonly after?: string;
  /** At most 10 000. Default 1 000. */
  readonly limit?: number;
}

/** What became of them. */
export interface DeadJobsAnswer {
  readonly service: string;
  readonly count: number;
  /** For the next piece; missing when nothing is left. */
  readonly next?: string;
}

type Changing = AskOptions & { readonly audit: Audit };

/**
 * Asks every service at once for its queues, each for at most 2 s.
 * @throws UNKNOWN_SERVICE when the filter names one that there is not
 */
export async function collectQueues(
  instances: readonly InstanceStatus[],
  { service }: QueueFilter,
  options: AskOptions,
): Promise<QueueAnswer> {
  return collectItems(instances, service, '/internal/queues', options);
}

/**
 * Asks every service at once for its jobs, each for at most 2 s.
 * @throws UNKNOWN_SERVICE when the filter names one that there is not
 */
export async function collectJobs(
  instances: readonly InstanceStatus[],
  { service, after, limit = 100, ...filter }: JobListFilter,
  options: AskOptions,
): Promise<JobAnswer> {
  const path = `/internal/jobs${queryOf({ ...filter, after: service === undefined ? undefined : after, limit })}`;
  return collectItems(instances, service, path, options);
}

/**
 * One job.
 * @throws UNKNOWN_SERVICE, NOT_FOUND, UNAVAILABLE
 */
export async function oneJob(
  instances: readonly InstanceStatus[],
  { service, id }: JobPlace,
  options: AskOptions,
): Promise<unknown> {
  const path = `/internal/jobs/${encodeURIComponent(id)}`;
  return { ...Object(await askOne(serviceNamed(instances, service), { path }, options)), service };
}

/**
 * Cancels one job, and says so in the audit log once it is done.
 * @throws UNKNOWN_SERVICE, NOT_FOUND, UNAVAILABLE (it may have been done then)
 */
export async function endJob(
  instances: readonly InstanceStatus[],
  { service, id }: JobPlace,
  options: Changing,
): Promise<unknown> {
  const path = `/internal/jobs/${encodeURIComponent(id)}/cancel`;
  const done = await askOne(serviceNamed(instances, service), { method: 'POST', path }, options);
  options.audit({ action: 'job.cancel', service, target: id });
  return { ...Object(done), service };
}

/**
 * Redrives or discards dead letters, and says in the audit log how many and which were asked for.
 * @throws UNKNOWN_SERVICE, UNAVAILABLE (it may have been done then)
 */
export async function changeDeadJobs(
  instances: readonly InstanceStatus[],
  service: string,
  change: 'redrive' | 'discard',
  request: DeadJobsRequest,
  options: Changing,
): Promise<DeadJobsAnswer> {
  const path = `/internal/dead-jobs/${change}${queryOf({ ...request })}`;
  const done = await askOne(serviceNamed(instances, service), { method: 'POST', path }, options);
  const count = typeof done === 'object' && done !== null && 'count' in done ? Number(done.count) : 0;
  const next = nextOf(done);
  const target = count === 1 ? '1 job' : `${count} jobs`;
  options.audit({ action: `job.${change}`, service, target, details: { ...request } });
  return { service, count, ...(next === undefined ? {} : { next }) };
}

/**
 * Pauses or resumes a queue, and says so in the audit log.
 * @throws UNKNOWN_SERVICE, NOT_FOUND, UNAVAILABLE (it may have been done then)
 */
export async function changeQueue(
  instances: readonly InstanceStatus[],
  { service, queue }: QueuePlace,
  change: 'pause' | 'resume',
  options: Changing,
): Promise<QueuePlace> {
  const path = `/internal/queues/${encodeURIComponent(queue)}/${change}`;
  await askOne(serviceNamed(instances, service), { method: 'POST', path }, options);
  options.audit({ action: `queue.${change}`, service, target: queue });
  return { service, queue };
}
