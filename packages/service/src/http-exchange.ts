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
import { CONTRACT_ERRORS } from '@fairlead/contract';
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
    using ctx = this.#contextOf(request, found);
    request.onGone(() => ctx.cancel(new Error('the client went away')));
    const route = found === undefined || isVisible(found, ctx.caller.service) ? found : undefined;
    try {
      if (route?.kind === 'raw') {
        const members = membersOf(route.path, path);
        const call = { route: route.name, ctx, request: webRequest(request, ctx), members };
        await answerResponse(request, await this.#instance.route(call), ctx);
      } else send(request, ctx, await this.#answer(route, request, path, ctx));
    } catch (error) {
      this.#failed(request, ctx, error);
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

  async #answer(
    route: Exclude<HttpRoute, { readonly kind: 'raw' }> | undefined,
    request: ServerRequest,
    path: string,
    ctx: ScopedContext,
  ): Promise<TransportResponse> {
    const { method, target } = request.head;
    if (path.includes('%')) decodeURIComponent(path);
    if (route === undefined) return this.#otherwise(method, path, ctx);
    if (route.kind === 'own') {
      const query = new URLSearchParams(target.slice(path.length));
      return route.own.answer({ ctx, query, members: membersOf(route.own.path, path) });
    }
    const { operation } = route;
    const { record } = request.head.fields;
    let body: string | undefined;
    if (request.head.bodyBytes !== 0 && operation.method !== 'GET') {
      if (!JSON_MEDIA_TYPE.test(record['content-type'] ?? '')) {
        return rejection(415, 'UNSUPPORTED_MEDIA_TYPE', 'Send the body as application/json.');
      }
      const taken = request.body(this.#maxBodyBytes);
      body = textOf(taken instanceof Promise ? await taken : taken);
    }
    return this.#instance.handle({
      service: this.#instance.name,
      operation: operation.name,
      method,
      path: target,
      headers: record,
      body,
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
    const refused =
      error instanceof URIError
        ? rejection(400, 'INVALID_REQUEST', 'The path is not properly percent-encoded.')
        : rejectionOf(error);
    const answer = refused ?? problemAnswer(error, ctx, target);
    if (answer.status >= 500) this.#instance.ports.telemetry.log.error(ctx, `${method} ${target} failed`, { error });
    send(request, ctx, answer);
  }
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

function textOf(body: Buffer): string | undefined {
  if (body.length === 0) return undefined;
  if (isUtf8(body)) return body.toString('utf8');
  throw new FairleadError(CONTRACT_ERRORS.INVALID_INPUT, 'INVALID_INPUT', 'The body is not UTF-8.');
}
