import type { AddressInfo } from 'node:net';
import { fastify, type FastifyReply, type FastifyRequest } from 'fastify';
import { fail } from '../errors.ts';
import type { TokenRequest } from '../running-platform.ts';
import { adminOpenApi } from './admin-openapi.ts';
import { ADMIN_OPERATIONS, type AdminOperation, type AdminOperationName, type Schema } from './admin-schema.ts';
import type { ControlPlane } from './control-plane.ts';
import { serverOf, type ControlServer } from './control-server.ts';
import { collectDeadLetters } from './dead-letters.ts';
import { answerProblems } from './problem-answers.ts';
import { checkCredential, checkOrigin, type GuardedRequest } from './request-guard.ts';

/** Where and for whom the admin API answers. */
export interface AdminServerOptions {
  /** TCP port on 127.0.0.1; 0 takes a free one. */
  readonly port: number;
  /** The bearer credential. */
  readonly credential: string;
  /** Told of failures inside. */
  readonly onInternal: (error: unknown) => void;
}

type Handler = (request: FastifyRequest, reply: FastifyReply) => unknown;

function handlers(plane: ControlPlane, url: () => string): Record<AdminOperationName, Handler> {
  // Params, query and body have passed the schema of their operation, which is what each type below says.
  return {
    listServices: () => ({ platform: plane.platform, services: plane.instances() }),
    getTrace(request) {
      const { traceId } = request.params as { traceId: string };
      const trace = plane.traces.find(traceId);
      if (trace !== undefined) return trace;
      throw fail(
        'TRACE_NOT_FOUND',
        `No trace or request "${traceId.slice(0, 64)}" is kept. It may not have arrived yet, or was dropped for newer ones.`,
      );
    },
    listTraces(request) {
      const { limit = 50 } = request.query as { limit?: number };
      return { traces: plane.traces.latest(limit), kept: plane.traces.counts() };
    },
    listDeadLetters: () => collectDeadLetters(plane.instances(), { clock: plane.clock }),
    createToken: (request) => plane.tokens.issue(request.body as TokenRequest),
    getJwks: () => plane.tokens.jwks,
    getOpenApi: () => adminOpenApi(plane.platform, url()),
  };
}

const guarded = ({ headers }: FastifyRequest): GuardedRequest => ({
  host: headers.host,
  origin: headers.origin,
  authorization: headers.authorization,
});

/**
 * Serves the admin API on loopback. Everything but the public keys and the API's description needs the credential; a
 * request that names another host, or comes from another origin's page, is refused whatever it bears.
 */
export async function serveAdmin(plane: ControlPlane, options: AdminServerOptions): Promise<ControlServer> {
  const app = fastify({
    bodyLimit: 64 * 1024,
    forceCloseConnections: 'idle',
    ajv: { customOptions: { removeAdditional: false, strict: false } },
  });
  answerProblems(app, options.onInternal);
  let port = options.port;
  const url = (): string => `http://127.0.0.1:${port}`;
  app.addHook('onRequest', async (request, reply) => {
    reply.header('cache-control', 'no-store').header('x-content-type-options', 'nosniff');
    checkOrigin(guarded(request), port);
    if (!openPaths.has(request.routeOptions.url ?? '')) checkCredential(guarded(request), options.credential);
  });
  const handle = handlers(plane, url);
  for (const [name, operation] of Object.entries(ADMIN_OPERATIONS) as [AdminOperationName, AdminOperation][]) {
    app.route({
      method: operation.method,
      url: operation.path.replaceAll(/\{(\w+)\}/g, ':$1'),
      schema: schemasOf(operation),
      handler: async (request, reply) => handle[name](request, reply),
    });
  }
  await app.listen({ host: '127.0.0.1', port });
  port = (app.server.address() as AddressInfo).port; // a TCP server's address is an AddressInfo
  return serverOf(app, url());
}

/** What Fastify validates of an operation; a part without a schema is left out. */
function schemasOf({ params, query, body }: AdminOperation): Record<string, Schema> {
  return {
    ...(params === undefined ? {} : { params }),
    ...(query === undefined ? {} : { querystring: query }),
    ...(body === undefined ? {} : { body }),
  };
}

const openPaths: ReadonlySet<string> = new Set(
  Object.values(ADMIN_OPERATIONS)
    .filter(({ credential }) => !credential)
    .map(({ path }) => path as string),
);
