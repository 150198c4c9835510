import type { FairleadError } from '@fairlead/core';
import { toCloudEvent, type DeadLetter } from '@fairlead/messaging';
import { describeContract } from './describe-contract.ts';
import { fail } from './errors.ts';
import { jsonAnswer } from './exchange.ts';
import { RESERVED_PATHS } from './reserved-paths.ts';
import type { ServiceInstance } from './service-instance.ts';
import { jobRoutes } from './job-routes.ts';
import { get, post, unfit, whole, type OwnRoute } from './own-route.ts';
import type { LogPlace } from './upkeep.ts';
import { sagaRoutes } from './saga-routes.ts';
import { viewRoutes } from './view-routes.ts';

const MAX_LISTED = 1_000;
const MAX_EVENTS = 500;

/** What every service answers besides its contract. None of it exists for the edge. */
export function ownRoutes(instance: ServiceInstance): readonly OwnRoute[] {
  const { name } = instance;
  const { metrics } = instance.ports.telemetry;
  return [
    get(RESERVED_PATHS.live, async () => ({ status: 'alive', service: name, instance: instance.ports.instance })),
    {
      method: 'GET',
      path: RESERVED_PATHS.ready,
      async answer() {
        const readiness = await instance.ready();
        return jsonAnswer(readiness.ready ? 200 : 503, JSON.stringify(readiness));
      },
    },
    {
      method: 'GET',
      path: RESERVED_PATHS.metrics,
      async answer() {
        return { status: 200, headers: { 'content-type': metrics.contentType }, body: await metrics.exposition() };
      },
    },
    get(RESERVED_PATHS.openapi, async () => describeContract(instance.definition.contract)),
    get(RESERVED_PATHS.policies, async () => ({ items: instance.policies() })),
    get(RESERVED_PATHS.deadLetters, async ({ ctx, query }) => {
      const limit = whole(query, 'limit', MAX_LISTED) ?? 100;
      return { items: (await instance.deadLetters(ctx, { limit })).map(letterBody) };
    }),
    get(RESERVED_PATHS.deadLetter, async ({ ctx, members: { id = '' } }) => {
      const found = await instance.deadLetter(ctx, id);
      if (found === undefined) throw noSuchLetter(name, id);
      return { ...letterBody(found.letter), waitingEvents: found.waiting.map(toCloudEvent) };
    }),
    post(RESERVED_PATHS.redrive, async ({ ctx, members: { id = '' } }) => {
      if (!(await instance.redrive(ctx, id))) throw noSuchLetter(name, id);
      return { id };
    }),
    post(RESERVED_PATHS.discard, async ({ ctx, members: { id = '' } }) => {
      if (!(await instance.discard(ctx, id))) throw noSuchLetter(name, id);
      return { id };
    }),
    get(RESERVED_PATHS.events, async ({ ctx, query }) => {
      const page = await instance.published(ctx, placeOf(query), whole(query, 'limit', MAX_EVENTS) ?? 100);
      return { items: page.events.map(toCloudEvent), position: page.position.toString() };
    }),
    ...jobRoutes(instance),
    ...viewRoutes(instance),
    ...sagaRoutes(instance),
  ];
}

/** A dead letter as JSON, its event as a CloudEvent. */
function letterBody(letter: DeadLetter) {
  return { ...letter, event: toCloudEvent(letter.event) };
}

function placeOf(query: URLSearchParams): LogPlace {
  const [after, another] = query.getAll('after');
  if (after === undefined) return { sinceMs: whole(query, 'since', Number.MAX_SAFE_INTEGER) ?? 0 };
  if (another === undefined && /^\d{1,18}$/.test(after)) return { after: BigInt(after) };
  throw unfit('after', 'a position of the log');
}

function noSuchLetter(service: string, id: string): FairleadError {
  return fail(
    'NOT_FOUND',
    `${service} has no dead letter ${id.slice(0, 32)}. It may have been redriven or discarded already.`,
  );
}
