import type { IncomingMessage, ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { contextFromHeaders, FairleadError, isError } from '@fairlead/core';
import type { Clock, Context, Random } from '@fairlead/core';
import type { Policy } from '@fairlead/policy';
import type { Span, Telemetry } from '@fairlead/telemetry';
import type { Dispatcher } from 'undici';
import { discardRest, problemAnswer, sendProblem, traceHeaders } from './answer.ts';
import { fail } from './errors.ts';
import { bodyTooLarge, MeteredBody } from './metered-body.ts';
import type { ResolvedRoute } from './options.ts';
import { report } from './report.ts';
import type { Outcome } from './report.ts';
import { answerHeaders, checkHeaders, continuedHeaders, upstreamHeaders } from './request-headers.ts';
import { readTarget } from './request-target.ts';
import type { RequestTarget } from './request-target.ts';
import type { RouteDecision, RouteTable } from './route-table.ts';
import { toldOutside } from './service-policies.ts';
import type { TokenVerifier } from './token-verifier.ts';
import type { Upstream } from './upstream.ts';

/** What an exchange needs of its gateway. */
export interface ExchangeOptions {
  readonly table: RouteTable;
  readonly verifier: TokenVerifier;
  /** By service. */
  readonly upstreams: ReadonlyMap<string, Upstream>;
  /** The policy over requests to a service; `undefined` for none. */
  readonly policyOf: (service: string) => Policy | undefined;
  /** Services that are meant not to run. */
  readonly absent: readonly string[];
  readonly telemetry: Telemetry;
  readonly clock: Clock;
  readonly random: Random;
  /** Whether new requests are refused because the gateway is shutting down. */
  readonly draining: () => boolean;
}

/** A client that went away before its answer was complete; nginx's status for it, which nobody ever receives. */
const CLIENT_GONE: Outcome = { status: 499, code: 'CANCELLED' };

/** Requests on their way. */
export interface Exchange {
  /** Handles one request from its head to the end of its answer. */
  run(request: IncomingMessage, response: ServerResponse): Promise<void>;
  /** Ends at once whatever is under way. */
  cutAll(): void;
}

/** Makes the exchange: target → route → method → token → roles → body → service → answer, each able to end it. */
export function exchange(options: ExchangeOptions): Exchange {
  const { table, verifier, upstreams, telemetry, clock, random } = options;
  const reports = report(telemetry, clock);
  const called = telemetry.metrics.red({ kind: 'client' });

  const live = new Set<AbortController>();
  return { run: serve, cutAll: () => live.forEach((controller) => controller.abort()) };

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const startedAt = clock.monotonic();
    const gone = new AbortController();
    live.add(gone);
    response.on('close', () => {
      live.delete(gone);
      if (!response.writableFinished) gone.abort();
    });
    // A socket error of a client is its going away, which `close` tells.
    response.on('error', () => undefined);
    const { signal } = gone;
    using ctx = contextFromHeaders(continuedHeaders(request), { clock, random, signal, trusted: false });
    const method = request.method ?? 'GET';
    const facts = factsOf(request, method);
    const rubric = reports.rubric(method, facts.decision.kind === 'route' ? facts.decision.route : undefined);
    const work = async (inner: Context, span: Span): Promise<void> => {
      const outcome = await conclude(inner, span, request, response, facts);
      reports.ended(inner, span, startedAt, rubric, facts, outcome);
    };
    await telemetry.tracer.span(ctx, rubric.server, work, startedAt);
  }

  function factsOf(request: IncomingMessage, method: string): Facts {
    const target = readTarget(request.url ?? '');
    const decision = target.kind === 'target' ? table.find(method, target.segments) : ({ kind: 'no-route' } as const);
    return { path: pathOf(request), target, decision, tenant: undefined, subject: undefined };
  }

  /** Runs the exchange to its end and answers failures. */
  async function conclude(
    ctx: Context,
    span: Span,
    request: IncomingMessage,
    response: ServerResponse,
    facts: Facts,
  ): Promise<Outcome> {
    try {
      return await run(ctx, request, response, facts);
    } catch (error) {
      if (response.destroyed || isClientGone(error, response)) {
        response.destroy();
        return CLIENT_GONE;
      }
      // Whoever is still there and was cancelled all the same was cut by the end of the drain.
      const failure = isError(error, 'CANCELLED')
        ? fail('DRAINING', 'The gateway is shutting down; try again.', { retryAfterMs: 1_000, cause: error })
        : error;
      const answer = problemAnswer(ctx, failure, facts.path);
      if (answer.status >= 500) span.fail(answer.code);
      if (!(error instanceof FairleadError) || error.kind === 'internal')
        telemetry.log.error(ctx, 'request failed', { error });
      else if (error.cause !== undefined)
        span.event('failure', { 'error.message': error.cause instanceof Error ? error.cause.message : undefined });
      await sendProblem(response, answer);
      discardRest(request, clock);
      return { status: answer.status, code: answer.code };
    }
  }

  async function run(ctx: Context, request: IncomingMessage, response: ServerResponse, facts: Facts): Promise<Outcome> {
    checkHeaders(request);
    const { target } = facts;
    if (target.kind === 'ambiguous') throw fail('BAD_REQUEST', `The request target is refused: ${target.reason}.`);
    if (options.draining()) {
      response.setHeader('connection', 'close');
      throw fail('DRAINING', 'The gateway is shutting down; try again.', { retryAfterMs: 1_000 });
    }
    const route = routeOf(facts.decision, target.path);

    using timed = ctx.withTimeout(route.timeoutMs);
    const identity = await withDeadline(timed, verifier.verify(request.headers.authorization));
    facts.tenant = identity.tenant;
    facts.subject = identity.subject;
    if (route.roles !== undefined && !route.roles.some((role) => identity.roles.includes(role))) {
      throw fail('FORBIDDEN', `This needs one of the roles ${route.roles.join(', ')}.`);
    }
    checkBody(request, route);

    const upstream = upstreams.get(route.service);
    if (options.absent.includes(route.service))
      throw fail(
        'NOT_STARTED',
        `${route.service} was not started. Start the platform without --only, or name it there.`,
      );
    if (upstream === undefined) throw fail('INTERNAL', `There is no upstream for ${route.service}.`);
    const caller = { service: 'gateway', subject: identity.subject, roles: identity.roles };
    const identified = timed.derive({ tenant: identity.tenant, caller });
    const path = `${target.path}${target.query}`;
    const work = async (working: Context): Promise<Outcome> => {
      const answer = await call(working, upstream, route, request, response, path);
      return forward(ctx, working, answer, request, response, route.service);
    };
    try {
      const policy = options.policyOf(route.service);
      return await (policy === undefined ? work(identified) : policy.run(identified, work));
    } catch (error) {
      throw toldOutside(route.service, error);
    }
  }

  function routeOf(decision: RouteDecision, path: string): ResolvedRoute {
    if (decision.kind === 'route') return decision.route;
    if (decision.kind === 'no-route') throw fail('NO_ROUTE', `There is no route for ${path}.`);
    const { allow } = decision;
    throw fail('METHOD_NOT_ALLOWED', `${path} answers ${allow.join(', ')}.`, { details: { allow } });
  }

  /** Sends the request on and waits for the head of the answer. */
  async function call(
    ctx: Context,
    upstream: Upstream,
    route: ResolvedRoute,
    request: IncomingMessage,
    response: ServerResponse,
    path: string,
  ): Promise<Dispatcher.ResponseData> {
    const method = request.method ?? 'GET';
    const startedAt = clock.monotonic();
    const { name, client } = reports.rubric(method, route);
    const labels = { peer: upstream.service, operation: name };
    let outcome = 'ok';
    try {
      return await telemetry.tracer.span(ctx, client, async (inner, span) => {
        const answer = await upstream.send(inner, {
          method,
          path,
          headers: upstreamHeaders(request, inner),
          body: () =>
            hasBody(request)
              ? new MeteredBody(request, route.maxBodyBytes, () => continueIfAsked(request, response))
              : undefined,
        });
        span.set('http.response.status_code', answer.statusCode);
        if (answer.statusCode >= 500) {
          outcome = String(answer.statusCode);
          span.fail(outcome);
        }
        return answer;
      });
    } catch (error) {
      outcome = error instanceof FairleadError ? error.code : 'INTERNAL';
      throw error;
    } finally {
      called.observe({ labels, outcome, durationMs: clock.monotonic() - startedAt });
    }
  }

  /**
   * Streams the answer on, as fast as the caller reads. When the service breaks off or the time is over in the middle, the
   * caller's connection is cut: an end that looks whole would be a lie.
   */
  async function forward(
    ctx: Context,
    timed: Context,
    answer: Dispatcher.ResponseData,
    request: IncomingMessage,
    response: ServerResponse,
    service: string,
  ): Promise<Outcome> {
    const status = answer.statusCode;
    try {
      if (options.draining()) response.setHeader('connection', 'close');
      writeHead(response, service, status, { ...answerHeaders(answer.headers), ...traceHeaders(ctx) });
      await pipeline(answer.body, response);
      discardRest(request, clock);
      return { status, code: undefined };
    } catch (error) {
      answer.body.destroy();
      if (!response.headersSent && error instanceof FairleadError) throw error;
      response.destroy();
      if (isError(timed.signal.reason, 'CANCELLED')) return CLIENT_GONE;
      const code = timed.signal.aborted ? 'UPSTREAM_TIMEOUT' : 'UPSTREAM_RESET';
      telemetry.log.warn(ctx, 'the answer was cut off', { to: service, code, error });
      return { status: 502, code };
    }
  }
}

/** What is known about a request so far. */
interface Facts {
  readonly path: string;
  readonly target: RequestTarget;
  readonly decision: RouteDecision;
  tenant: string | undefined;
  subject: string | undefined;
}

/** Writes the head of a service's answer, unless it is one that may not be written. */
function writeHead(
  response: ServerResponse,
  service: string,
  status: number,
  headers: Record<string, string | string[]>,
): void {
  try {
    response.writeHead(status, headers);
  } catch (error) {
    throw fail('UPSTREAM_INVALID', `${service} answered with headers that can't be passed on.`, { cause: error });
  }
}

function hasBody(request: IncomingMessage): boolean {
  return request.headers['transfer-encoding'] !== undefined || Number(request.headers['content-length'] ?? 0) > 0;
}

/** Refuses a body that is known to be too large before a byte of it has been read. */
function checkBody(request: IncomingMessage, route: ResolvedRoute): void {
  const stated = Number(request.headers['content-length'] ?? 0);
  if (stated > route.maxBodyBytes || (route.maxBodyBytes === 0 && hasBody(request)))
    throw bodyTooLarge(route.maxBodyBytes);
}

/** Who sent `Expect: 100-continue` waits until somebody wants the body: then, and not before. */
function continueIfAsked(request: IncomingMessage, response: ServerResponse): void {
  if (request.headers.expect !== undefined && !response.headersSent) response.writeContinue();
}

function pathOf(request: IncomingMessage): string {
  const url = request.url ?? '';
  const end = url.indexOf('?');
  return (end === -1 ? url : url.slice(0, end)).slice(0, 256);
}

function isClientGone(error: unknown, response: ServerResponse): boolean {
  return isError(error, 'CANCELLED') && (response.req.destroyed || response.req.socket.destroyed);
}

/** A promise that doesn't know of deadlines, bounded by the Context's. */
function withDeadline<T>(ctx: Context, promise: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    // `as`: a Context's signal aborts with a FairleadError, always.
    const abort = (): void => reject(ctx.signal.reason as FairleadError);
    if (ctx.signal.aborted) abort();
    ctx.signal.addEventListener('abort', abort, { once: true });
    promise.then(resolve, reject).finally(() => ctx.signal.removeEventListener('abort', abort));
  });
}
