import type { FastifyInstance } from 'fastify';
import { GATEWAY, notFound } from './layers/admission.ts';
import { RESERVED_PATHS } from './reserved-paths.ts';
import type { ServiceInstance } from './service-instance.ts';

const [LIVE = '', READY = '', METRICS = '', DEAD_LETTERS = ''] = RESERVED_PATHS;

/** What every service answers besides its contract. None of it exists for the edge. */
export function ownRoutes(instance: ServiceInstance) {
  const { metrics } = instance.ports.telemetry;
  return async (scope: FastifyInstance): Promise<void> => {
    scope.addHook('onRequest', async (request) => {
      if (request.ctx.caller.service === GATEWAY) throw notFound(request.method, request.url);
    });
    scope.get(LIVE, async () => ({ status: 'alive', service: instance.name, instance: instance.ports.instance }));
    scope.get(READY, async (_request, reply) => {
      const readiness = await instance.ready();
      return reply.code(readiness.ready ? 200 : 503).send(readiness);
    });
    scope.get(METRICS, async (_request, reply) => reply.type(metrics.contentType).send(await metrics.exposition()));
    scope.get(DEAD_LETTERS, async (request, reply) => {
      const items = await instance.deadLetters(request.ctx);
      // Positions are bigint, which JSON does not know.
      const body = JSON.stringify({ items }, (_name, value: unknown) =>
        typeof value === 'bigint' ? value.toString() : value,
      );
      return reply.type('application/json; charset=utf-8').send(body);
    });
  };
}
