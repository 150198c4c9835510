import { isUtf8 } from 'node:buffer';
import {
  contextFromHeaders,
  FairleadError,
  formatTraceparent,
  HEADERS,
  type Context,
  type ScopedContext,
  type TransportResponse,
} from '@fairlead/core';
import { CONTRACT_ERRORS, type Operation } from '@fairlead/contract';
import type { ServerRequest } from '@fairlead/net';
import { problemAnswer } from './failure.ts';
import { rejection, rejectionOf } from './http-rejection.ts';
import { answerResponse, webRequest } from './http-request.ts';
import { allowedMethods, isVisible, type HttpRoute } from './http-routes.ts';
import { notFound } from './layers/admission.ts';
import { membersOf, type RouteTable } from './route-table.ts';
import { DEFAULT_TIMEOUT_MS } from './service.ts';
import type { ServiceInstance } from './service-instance.ts';

const JSON_MEDIA_TYPE = /^application\/(?:[a-z0-9!#$&^_.-]+\+)?json\s*(?:;|$)/i;

/** Answers the requests that reach an instance over HTTP. */
export class HttpExchanges {
  readonly #instance: ServiceInstance;
  readonly #table: RouteTable<HttpRoute>;
  readonly #maxBodyBytes: number;

  constructor(instance: ServiceInstance, table: RouteTable<HttpRoute>, maxBodyBytes: number) {
    this.#instance = instance;
    this.#table = table;
    this.#maxBodyBytes = maxBodyBytes;
  }

  /** Takes one request. Never rejects: whatever goes wrong is answered. */
  async take(request: ServerRequest): Promise<void> {
    const { method, target } = request.head;
    const cut = target.indexOf('?');
    const path = cut === -1 ? target : target.slice(0, cut);
    const found = this.#table.find(method, path);
    const ctx = this.#contextOf(request, found);
    request.onGone(() => ctx.cancel(new Error('the client went away')));
    try {
      const route = found === undefined || isVisible(found, ctx.caller.service) ? found : undefined;
      if (path.includes('%')) decodeURIComponent(path);
      if (route?.kind === 'operation') {
        const body = bodyOf(request, route.operation, this.#maxBodyBytes);
        send(
          request,
          ctx,
          await this.#call(request, ctx, route.operation, body instanceof Promise ? await body : body),
        );
      } else if (route?.kind === 'own') {
        const query = new URLSearchParams(target.slice(path.length));
        send(request, ctx, await route.own.answer({ ctx, query, members: membersOf(route.own.path, path) }));
      } else if (route?.kind === 'raw') {
        const members = membersOf(route.path, path);
        const call = { route: route.name, ctx, request: webRequest(request, ctx), members };
        await answerResponse(request, await this.#instance.route(call), ctx);
      } else send(request, ctx, this.#otherwise(method, path, ctx));
    } catch (error) {
      this.#failed(request, ctx, error);
    } finally {
      // Not `using`, which costs a microsecond.
      ctx[Symbol.dispose]();
    }
  }

  #contextOf(request: ServerRequest, route: HttpRoute | undefined): ScopedContext {
    const { clock, random } = this.#instance.ports;
    return contextFromHeaders(request.head.fields.record, {
      clock,
      random,
      trusted: true,
      // Streams of events and uploads last as long as their client does, unless it says otherwise.
      defaultTimeoutMs: route?.kind === 'raw' ? undefined : DEFAULT_TIMEOUT_MS,
    });
  }

  #call(request: ServerRequest, ctx: ScopedContext, operation: Operation, body: Buffer | undefined) {
    const { method, target, fields } = request.head;
    return this.#instance.handle({
      service: this.#instance.name,
      operation: operation.name,
      method,
      path: target,
      headers: fields.record,
      body: body === undefined ? undefined : textOf(body),
      ctx,
    });
  }

  /** The answer where there is no such route. */
  #otherwise(method: string, path: string, ctx: Context): TransportResponse {
    const allowed = allowedMethods(this.#table, path, ctx.caller.service);
    if (allowed.length === 0) return problemAnswer(notFound(method, path), ctx, path);
    const allow = allowed.join(', ');
    if (method === 'OPTIONS') return { status: 204, headers: { allow }, body: '' };
    const refused = rejection(405, 'METHOD_NOT_ALLOWED', `${method} is not possible here; ${allow} is.`);
    return { ...refused, headers: { ...refused.headers, allow } };
  }

  #failed(request: ServerRequest, ctx: Context, error: unknown): void {
    if (request.isGone) return;
    const { method, target } = request.head;
    const answer = refusalOf(error) ?? problemAnswer(error, ctx, target);
    if (answer.status >= 500) this.#instance.ports.telemetry.log.error(ctx, `${method} ${target} failed`, { error });
    send(request, ctx, answer);
  }
}

/** A body that is something else than JSON. */
class NotJson extends Error {}

function refusalOf(error: unknown): TransportResponse | undefined {
  if (error instanceof NotJson) return rejection(415, 'UNSUPPORTED_MEDIA_TYPE', 'Send the body as application/json.');
  if (error instanceof URIError) return rejection(400, 'INVALID_REQUEST', 'The path is not properly percent-encoded.');
  return rejectionOf(error);
}

/** Every answer leads to its trace; that of an operation does already. */
function send(request: ServerRequest, ctx: Context, { status, headers, body }: TransportResponse): void {
  if (headers[HEADERS.requestId] !== undefined) {
    request.answer(status, headers, body);
    return;
  }
  const trail = { [HEADERS.traceparent]: formatTraceparent(ctx.trace), [HEADERS.requestId]: ctx.requestId };
  request.answer(status, { ...headers, ...trail }, body);
}

/** The body that an operation takes, if there is one. */
function bodyOf(
  request: ServerRequest,
  operation: Operation,
  maxBodyBytes: number,
): Buffer | Promise<Buffer> | undefined {
  const { bodyBytes, fields } = request.head;
  if (bodyBytes === 0 || operation.method === 'GET') return undefined;
  const type = fields.record['content-type'] ?? '';
  if (type !== 'application/json' && !JSON_MEDIA_TYPE.test(type)) throw new NotJson();
  return request.body(maxBodyBytes);
}

function textOf(body: Buffer): string | undefined {
  if (body.length === 0) return undefined;
  if (isUtf8(body)) return body.toString('utf8');
  throw new FairleadError(CONTRACT_ERRORS.INVALID_INPUT, 'INVALID_INPUT', 'The body is not UTF-8.');
}
