import type { FairleadError } from '@fairlead/core';
import type { DeadJobs, JobFilter, JobState } from '@fairlead/store';
import { DEFERRED_CALLS } from './deferred-calls.ts';
import { fail } from './errors.ts';
import { get, post, textOf, unfit, whole, type OwnRoute } from './own-route.ts';
import { RESERVED_PATHS } from './reserved-paths.ts';
import type { ServiceInstance } from './service-instance.ts';

const MAX_LISTED = 1_000;
const MAX_CHANGED = 10_000;
const STATES: readonly JobState[] = ['waiting', 'later', 'blocked', 'running', 'dead'];

/** What every service answers about its jobs. */
export function jobRoutes(instance: ServiceInstance): readonly OwnRoute[] {
  const { name } = instance;
  return [
    get(RESERVED_PATHS.queues, async ({ ctx }) => ({ items: await instance.queues(ctx) })),
    post(RESERVED_PATHS.pauseQueue, async ({ ctx, members: { name: queue = '' } }) => {
      mustHave(instance, queue);
      await instance.pauseQueue(ctx, queue);
      return { queue, paused: true };
    }),
    post(RESERVED_PATHS.resumeQueue, async ({ ctx, members: { name: queue = '' } }) => {
      mustHave(instance, queue);
      await instance.resumeQueue(ctx, queue);
      return { queue, paused: false };
    }),
    get(RESERVED_PATHS.jobs, async ({ ctx, query }) => {
      const state = stateOf(query);
      const [after, limit] = [textOf(query, 'after'), whole(query, 'limit', MAX_LISTED)];
      const page = await instance.jobs(ctx, { ...filterOf(query), state, after, limit });
      return { items: page.jobs, next: page.next };
    }),
    get(RESERVED_PATHS.job, async ({ ctx, members: { id = '' } }) => {
      const found = await instance.job(ctx, id);
      if (found === undefined) throw noSuchJob(name, id);
      return found;
    }),
    post(RESERVED_PATHS.cancelJob, async ({ ctx, members: { id = '' } }) => {
      const { kind } = await instance.cancelJob(ctx, id);
      if (kind === 'absent') throw noSuchJob(name, id);
      return { id, kind };
    }),
    post(RESERVED_PATHS.redriveJobs, async ({ ctx, query }) =>
      instance.redriveJobs(ctx, { ...deadOf(query), perSecond: whole(query, 'perSecond', 1_000_000) }),
    ),
    post(RESERVED_PATHS.discardJobs, async ({ ctx, query }) => instance.discardJobs(ctx, deadOf(query))),
  ];
}

function filterOf(query: URLSearchParams): JobFilter {
  return {
    queue: textOf(query, 'queue'),
    tenant: textOf(query, 'tenant'),
    code: textOf(query, 'code'),
    minAgeMs: whole(query, 'minAgeMs', Number.MAX_SAFE_INTEGER),
  };
}

function deadOf(query: URLSearchParams): DeadJobs {
  return {
    ...filterOf(query),
    id: textOf(query, 'id'),
    after: textOf(query, 'after'),
    limit: whole(query, 'limit', MAX_CHANGED),
  };
}

function stateOf(query: URLSearchParams): JobState | undefined {
  const text = textOf(query, 'state');
  const state = STATES.find((each) => each === text);
  if (text !== undefined && state === undefined) throw unfit('state', `one of ${STATES.join(', ')}`);
  return state;
}

function mustHave({ name, definition }: ServiceInstance, queue: string): void {
  const names = [...Object.keys(definition.jobs ?? {}), ...(definition.deferredCalls ? [DEFERRED_CALLS] : [])];
  if (!names.includes(queue))
    throw fail('NOT_FOUND', `${name} has no queue "${queue.slice(0, 64)}". It has ${names.join(', ') || 'none'}.`);
}

function noSuchJob(service: string, id: string): FairleadError {
  return fail('NOT_FOUND', `${service} has no job ${id.slice(0, 36)}. It may have been done or cancelled already.`);
}
