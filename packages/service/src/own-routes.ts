import { FairleadError } from '@fairlead/core';
import { CONTRACT_ERRORS } from '@fairlead/contract';
import { toCloudEvent, type DeadLetter } from '@fairlead/messaging';
import type { FastifyInstance } from 'fastify';
import { describeContract } from './describe-contract.ts';
import { fail } from './errors.ts';
import { GATEWAY, notFound } from './layers/admission.ts';
import { RESERVED_PATHS } from './reserved-paths.ts';
import type { ServiceInstance } from './service-instance.ts';
import type { LogPlace } from './upkeep.ts';

const MAX_LISTED = 1_000;
const MAX_EVENTS = 500;

type Query = Readonly<Record<string, string | string[] | undefined>>;

/** What every service answers besides its contract. None of it exists for the edge. */
export function ownRoutes(instance: ServiceInstance) {
  const { metrics } = instance.ports.telemetry;
  return async (scope: FastifyInstance): Promise<void> => {
    scope.addHook('onRequest', async (request) => {
      if (request.ctx.caller.service === GATEWAY) throw notFound(request.method, request.url);
    });
    scope.get(RESERVED_PATHS.live, async () => ({
      status: 'alive',
      service: instance.name,
      instance: instance.ports.instance,
    }));
    scope.get(RESERVED_PATHS.ready, async (_request, reply) => {
      const readiness = await instance.ready();
      return reply.code(readiness.ready ? 200 : 503).send(readiness);
    });
    scope.get(RESERVED_PATHS.metrics, async (_request, reply) =>
      reply.type(metrics.contentType).send(await metrics.exposition()),
    );
    scope.get(RESERVED_PATHS.openapi, async () => describeContract(instance.definition.contract));
    scope.get<{ Querystring: Query }>(RESERVED_PATHS.deadLetters, async ({ ctx, query }) => {
      const limit = whole(query, 'limit', MAX_LISTED) ?? 100;
      return { items: (await instance.deadLetters(ctx, { limit })).map(letterBody) };
    });
    scope.get<{ Params: { id: string } }>(fastifyPath(RESERVED_PATHS.deadLetter), async ({ ctx, params }) => {
      const found = await instance.deadLetter(ctx, params.id);
      if (found === undefined) throw noSuchLetter(instance.name, params.id);
      return { ...letterBody(found.letter), waitingEvents: found.waiting.map(toCloudEvent) };
    });
    scope.post<{ Params: { id: string } }>(fastifyPath(RESERVED_PATHS.redrive), async ({ ctx, params }) => {
      if (!(await instance.redrive(ctx, params.id))) throw noSuchLetter(instance.name, params.id);
      return { id: params.id };
    });
    scope.post<{ Params: { id: string } }>(fastifyPath(RESERVED_PATHS.discard), async ({ ctx, params }) => {
      if (!(await instance.discard(ctx, params.id))) throw noSuchLetter(instance.name, params.id);
      return { id: params.id };
    });
    scope.get<{ Querystring: Query }>(RESERVED_PATHS.events, async ({ ctx, query }) => {
      const page = await instance.published(ctx, placeOf(query), whole(query, 'limit', MAX_EVENTS) ?? 100);
      return { items: page.events.map(toCloudEvent), position: page.position.toString() };
    });
  };
}

const fastifyPath = (path: string): string => path.replaceAll(/\{(\w+)\}/g, ':$1');

/** A dead letter as JSON, its event as a CloudEvent. */
function letterBody(letter: DeadLetter) {
  return { ...letter, event: toCloudEvent(letter.event) };
}

function placeOf(query: Query): LogPlace {
  const after = query['after'];
  if (after === undefined) return { sinceMs: whole(query, 'since', Number.MAX_SAFE_INTEGER) ?? 0 };
  if (typeof after === 'string' && /^\d{1,18}$/.test(after)) return { after: BigInt(after) };
  throw unfit('after', 'a position of the log');
}

function whole(query: Query, name: string, max: number): number | undefined {
  const text = query[name];
  if (text === undefined) return undefined;
  const number = Number(text);
  if (typeof text !== 'string' || !/^\d{1,16}$/.test(text) || number > max)
    throw unfit(name, `a whole number from 0 to ${max}`);
  return number;
}

function unfit(name: string, expected: string): FairleadError {
  return new FairleadError(
    CONTRACT_ERRORS.INVALID_INPUT,
    'INVALID_INPUT',
    `The parameter "${name}" is not ${expected}.`,
  );
}

function noSuchLetter(service: string, id: string): FairleadError {
  return fail(
    'NOT_FOUND',
    `${service} has no dead letter ${id.slice(0, 32)}. It may have been redriven or discarded already.`,
  );
}
