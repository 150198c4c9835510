import type { AddressInfo } from 'node:net';
import { fastify, type FastifyReply, type FastifyRequest } from 'fastify';
import { fail } from '../errors.ts';
import type { TokenRequest } from '../running-platform.ts';
import { adminOpenApi } from './admin-openapi.ts';
import type { AdminOperation, Schema } from './admin-operation.ts';
import { ADMIN_OPERATIONS, type AdminOperationName } from './admin-schema.ts';
import type { Audit } from './audit.ts';
import type { ControlPlane } from './control-plane.ts';
import { serverOf, type ControlServer } from './control-server.ts';
import {
  changeDeadLetter,
  collectDeadLetters,
  oneDeadLetter,
  type DeadLetterFilter,
  type LetterPlace,
} from './dead-letters.ts';
import { tailEvents, type TailRequest } from './event-tail.ts';
import {
  changeDeadJobs,
  changeQueue,
  collectJobs,
  collectQueues,
  endJob,
  oneJob,
  type JobListFilter,
  type JobPlace,
  type QueueFilter,
  type QueuePlace,
} from './jobs.ts';
import {
  changeSaga,
  collectSagas,
  oneSaga,
  type SagaChange,
  type SagaChangeRequest,
  type SagaFilter,
  type SagaOwner,
  type SagaPlace,
} from './sagas.ts';
import { collectViews, rebuildOneView, type ViewFilter, type ViewPlace } from './views.ts';
import { collectPolicies, type PolicyFilter } from './policies.ts';
import { answerProblems } from './problem-answers.ts';
import { checkCredential, checkOrigin, type GuardedRequest } from './request-guard.ts';
import { serviceCalls, type OperationCall, type ServiceCalls } from './service-calls.ts';

/** Where and for whom the admin API answers. */
export interface AdminServerOptions {
  /** TCP port on 127.0.0.1; 0 takes a free one. */
  readonly port: number;
  /** The bearer credential. */
  readonly credential: string;
  /** Told of failures inside. */
  readonly onInternal: (error: unknown) => void;
  /** Told of every change, once it is made. */
  readonly audit: Audit;
}

type Handler = (request: FastifyRequest, reply: FastifyReply) => unknown;

interface Tools {
  readonly url: () => string;
  readonly calls: ServiceCalls;
  readonly audit: Audit;
}

function handlers(plane: ControlPlane, { url, calls, audit }: Tools): Record<AdminOperationName, Handler> {
  const { clock } = plane;
  // Params, query and body have passed the schema of their operation, which is what each type below says.
  const decideSaga = (request: Parameters<Handler>[0], change: SagaChange) =>
    changeSaga(plane.instances(), request.params as SagaPlace, change, request.body as SagaChangeRequest, {
      clock,
      audit,
    });
  return {
    listServices: () => ({ platform: plane.platform, services: plane.instances() }),
    getTrace(request) {
      const { traceId } = request.params as { traceId: string };
      const trace = plane.traces.find(traceId);
      if (trace !== undefined) return trace;
      throw fail(
        'TRACE_NOT_FOUND',
        `No trace or request "${traceId.slice(0, 64)}" is kept. It may not have arrived yet, was dropped for newer ones, or is not recorded: its traceparent then ends in -00.`,
      );
    },
    listTraces(request) {
      const { limit = 50 } = request.query as { limit?: number };
      return { traces: plane.traces.latest(limit), kept: plane.traces.counts() };
    },
    listOperations: () => calls.operations(),
    getServiceOpenApi: (request) => calls.describe((request.params as { name: string }).name),
    callOperation(request) {
      const { name, operation } = request.params as { name: string; operation: string };
      return calls.call(name, operation, request.body as OperationCall);
    },
    listDeadLetters: (request) => collectDeadLetters(plane.instances(), request.query as DeadLetterFilter, { clock }),
    getDeadLetter: (request) => oneDeadLetter(plane.instances(), request.params as LetterPlace, { clock }),
    redriveDeadLetter(request) {
      const letter = { ...(request.params as LetterPlace), change: 'redrive' as const };
      return changeDeadLetter(plane.instances(), letter, { clock, audit });
    },
    discardDeadLetter(request) {
      const letter = { ...(request.params as LetterPlace), change: 'discard' as const };
      return changeDeadLetter(plane.instances(), letter, { clock, audit });
    },
    listQueues: (request) => collectQueues(plane.instances(), request.query as QueueFilter, { clock }),
    pauseQueue: (request) => changeQueue(plane.instances(), request.params as QueuePlace, 'pause', { clock, audit }),
    resumeQueue: (request) => changeQueue(plane.instances(), request.params as QueuePlace, 'resume', { clock, audit }),
    listJobs: (request) => collectJobs(plane.instances(), request.query as JobListFilter, { clock }),
    getJob: (request) => oneJob(plane.instances(), request.params as JobPlace, { clock }),
    cancelJob: (request) => endJob(plane.instances(), request.params as JobPlace, { clock, audit }),
    redriveJobs(request) {
      const { service } = request.params as { service: string };
      return changeDeadJobs(plane.instances(), service, 'redrive', request.body as object, { clock, audit });
    },
    discardJobs(request) {
      const { service } = request.params as { service: string };
      return changeDeadJobs(plane.instances(), service, 'discard', request.body as object, { clock, audit });
    },
    listViews: (request) => collectViews(plane.instances(), request.query as ViewFilter, { clock }),
    rebuildView: (request) => rebuildOneView(plane.instances(), request.params as ViewPlace, { clock, audit }),
    listSagas: (request) => collectSagas(plane.instances(), request.query as SagaFilter, { clock }),
    getSaga: (request) =>
      oneSaga(plane.instances(), request.params as SagaPlace, request.query as SagaOwner, { clock }),
    cancelSaga: (request) => decideSaga(request, 'cancel'),
    retrySaga: (request) => decideSaga(request, 'retry'),
    skipSaga: (request) => decideSaga(request, 'skip'),
    resolveSaga: (request) => decideSaga(request, 'resolve'),
    signalSaga: (request) => decideSaga(request, 'signal'),
    listPolicies: (request) => collectPolicies(plane.instances(), request.query as PolicyFilter, { clock }),
    listEvents: (request) => tailEvents(plane.instances(), request.query as TailRequest, { clock }),
    async createToken(request) {
      const asked = request.body as TokenRequest;
      const issued = await plane.tokens.issue(asked);
      const { tenant, subject, roles } = asked;
      audit({ action: 'token.create', target: subject, details: { tenant, roles, expiresAt: issued.expiresAt } });
      return issued;
    },
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
  const calls = serviceCalls(plane, options.audit);
  app.addHook('onClose', () => calls.close());
  const handle = handlers(plane, { url, calls, audit: options.audit });
  for (const [name, operation] of Object.entries(ADMIN_OPERATIONS) as [AdminOperationName, AdminOperation][]) {
    app.route({
      method: operation.method,
      url: operation.path.replaceAll(/\{(\w+)\}/g, ':$1'),
      bodyLimit: operation.maxBodyBytes ?? 64 * 1024,
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
