import {
  contextFromHeaders,
  FairleadError,
  formatTraceparent,
  HEADERS,
  realClock,
  type Clock,
  type Closeable,
  type ScopedContext,
} from '@fairlead/core';
import Fastify, { type FastifyError, type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { clearStaleSocket } from './stale-socket.ts';
import { problemAnswer } from './failure.ts';
import type { Answer } from './exchange.ts';
import { notFound } from './layers/admission.ts';
import { allowedMethods, rejection } from './http-rejection.ts';
import { operationRoutes } from './operation-routes.ts';
import { ownRoutes } from './own-routes.ts';
import { DEFAULT_TIMEOUT_MS } from './service.ts';
import type { ServiceInstance } from './service-instance.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** The Context of this request: deadline, trace, tenant, caller. Ends when the client goes away. */
    ctx: ScopedContext;
  }
}

/** Where to listen: a Unix socket, or a TCP port (0 takes a free one). */
export type ListenAddress = { readonly path: string } | { readonly host: string; readonly port: number };

/** How a service is served. */
export interface ServeOptions {
  readonly listen: ListenAddress;
  /** Largest request body, in bytes. Default 1 048 576 (1 MiB). 0 means no body at all. */
  readonly maxBodyBytes?: number;
  /** Time, for the end of a drain. Default: the machine's. */
  readonly clock?: Clock;
}

/** A listening server. */
export interface HttpServer extends Closeable {
  /** `unix:/path` or `http://host:port`, with the port that it really has. */
  readonly url: string;
  /**
   * Closes server and service: not ready any more, then no new connections, then calls under way end (`graceMs`, default
   * 5 000; the rest is aborted and answered 503), then consumers and relay, then connections.
   */
  close(options?: { readonly graceMs?: number }): Promise<void>;
}

const DEFAULT_MAX_BODY_BYTES = 1024 * 1024;
const DEFAULT_GRACE_MS = 5_000;
/** How long the last answers may take to leave. */
const FLUSH_MS = 500;

/**
 * Serves an instance over HTTP/1.1: its contract's operations, `/health/live`, `/health/ready`, `/metrics`,
 * `GET /internal/dead-letters`, and what its `plugins` register. Every failure is a problem document. Takes the instance
 * over: closing the server closes it. A socket file that a killed predecessor left behind is removed.
 *
 * Headers are believed. Listen where only the platform reaches: a socket in a directory of one's own, or behind an edge
 * that strips identity headers.
 *
 * @throws UNAVAILABLE when somebody listens there already
 * @throws MISCONFIGURED when `path` is something else than a socket
 */
export async function serveHttp(instance: ServiceInstance, options: ServeOptions): Promise<HttpServer> {
  const { listen, maxBodyBytes = DEFAULT_MAX_BODY_BYTES, clock = realClock() } = options;
  const { ports, definition } = instance;
  let draining = false;

  const app = Fastify({
    logger: false,
    bodyLimit: Math.max(1, maxBodyBytes),
    return503OnClosing: false,
    forceCloseConnections: 'idle',
    // Before any hook: there is no request.ctx yet.
    frameworkErrors: (error, _request, reply) => {
      const { status, body } = rejection(error.code);
      sendAnswer(reply, { status, headers: { 'content-type': 'application/problem+json' }, body });
    },
    clientErrorHandler: (error, socket) => {
      if (!socket.writable) return;
      const { status, phrase, body } = rejection('code' in error ? String(error.code) : '');
      socket.end(
        `HTTP/1.1 ${status} ${phrase}\r\nContent-Type: application/problem+json\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`,
      );
    },
  });

  function contextOf(request: FastifyRequest): ScopedContext {
    return contextFromHeaders(request.headers, {
      clock: ports.clock,
      random: ports.random,
      trusted: true,
      defaultTimeoutMs: DEFAULT_TIMEOUT_MS,
    });
  }

  function sendAnswer(reply: FastifyReply, answer: Answer): FastifyReply {
    return reply.code(answer.status).headers(answer.headers).send(answer.body);
  }

  function answerError(error: FastifyError | Error, request: FastifyRequest, reply: FastifyReply): FastifyReply {
    if (request.is404) return answerNotFound(request, reply);
    const failure = error instanceof FairleadError ? error : undefined;
    const status = failure === undefined && 'statusCode' in error ? Number(error.statusCode) : 500;
    if (failure !== undefined || !(status >= 400 && status < 500)) {
      ports.telemetry.log.error(request.ctx, `${request.method} ${request.url} failed`, { error });
      return sendAnswer(reply, problemAnswer(error, request.ctx ?? contextOf(request), request.url));
    }
    const refused = rejection('code' in error ? error.code : '', status, error.message);
    const { body } = refused;
    return sendAnswer(reply, { status: refused.status, headers: { 'content-type': 'application/problem+json' }, body });
  }

  function answerNotFound(request: FastifyRequest, reply: FastifyReply): FastifyReply {
    const allowed = allowedMethods(definition.contract, request.url, request.ctx.caller.service);
    if (allowed.length === 0)
      return sendAnswer(reply, problemAnswer(notFound(request.method, request.url), request.ctx, request.url));
    reply.header('allow', allowed.join(', '));
    if (request.method === 'OPTIONS') return reply.code(204).send();
    const { body } = rejection(
      'METHOD_NOT_ALLOWED',
      405,
      `${request.method} is not possible here; ${allowed.join(', ')} is.`,
    );
    return sendAnswer(reply, { status: 405, headers: { 'content-type': 'application/problem+json' }, body });
  }

  app.decorateRequest('ctx');
  app.addHook('onRequest', (request, reply, done) => {
    const ctx = contextOf(request);
    request.ctx = ctx;
    reply.raw.once('close', () => {
      if (!reply.raw.writableFinished) ctx.cancel(new Error('the client went away'));
      ctx[Symbol.dispose]();
    });
    if (draining) reply.header('connection', 'close');
    done();
  });
  app.addHook('onSend', (request, reply, payload, done) => {
    if (request.ctx !== undefined && !reply.hasHeader(HEADERS.requestId)) {
      reply.headers({
        [HEADERS.traceparent]: formatTraceparent(request.ctx.trace),
        [HEADERS.requestId]: request.ctx.requestId,
      });
    }
    done(null, payload);
  });
  app.setErrorHandler(answerError);
  app.setNotFoundHandler(answerNotFound);
  await app.register(operationRoutes(instance, maxBodyBytes));
  await app.register(ownRoutes(instance));
  if (definition.plugins !== undefined) await definition.plugins(app);
  const url = await listenAt(app, listen);

  let closing: Promise<void> | undefined;
  async function close(graceMs: number): Promise<void> {
    draining = true;
    instance.drain();
    const closed = app.close();
    await instance.close({ graceMs });
    const late = clock.setTimer(FLUSH_MS, () => app.server.closeAllConnections());
    await closed.finally(() => late.cancel());
  }

  const self: HttpServer = {
    url,
    close(closeOptions = {}) {
      closing ??= close(closeOptions.graceMs ?? DEFAULT_GRACE_MS);
      return closing;
    },
    async [Symbol.asyncDispose]() {
      await self.close();
    },
  };
  return self;
}

async function listenAt(app: FastifyInstance, listen: ListenAddress): Promise<string> {
  if ('path' in listen) {
    await clearStaleSocket(listen.path);
    await app.listen({ path: listen.path });
    return `unix:${listen.path}`;
  }
  await app.listen({ host: listen.host, port: listen.port });
  const address = app.server.address();
  const port = typeof address === 'object' && address !== null ? address.port : listen.port;
  return `http://${listen.host.includes(':') ? `[${listen.host}]` : listen.host}:${port}`;
}
