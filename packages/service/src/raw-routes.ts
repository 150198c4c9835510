import { formatTraceparent, HEADERS, isError, type Context, type ScopedContext, type Slots } from '@fairlead/core';
import { constantSpan, type Span, type Telemetry } from '@fairlead/telemetry';
import { withOpenTelemetry } from '@fairlead/telemetry/open-telemetry';
import { answers } from './answered.ts';
import type { ServiceDefinition } from './definition.ts';
import { fail } from './errors.ts';
import { knownCode, presentable, problemAnswer } from './failure.ts';
import { HandlerKit, type KitParts } from './handler-kit.ts';
import type { InFlight } from './in-flight.ts';
import { stopped } from './layers/prompt.ts';
import { parseRawRoute, type RawCall } from './raw-route.ts';

/** No code of a failure passes: an answer of its own is what a raw route returns. */
const NOTHING_DECLARED = { errors: {} };

/** What raw routes need of their service. */
export interface RawRoutesOptions {
  readonly definition: ServiceDefinition;
  readonly parts: KitParts;
  readonly telemetry: Telemetry;
  readonly work: InFlight;
  /** Cancelled when a drain has no time left. */
  readonly running: Slots<ScopedContext>;
  readonly isStopping: () => boolean;
}

/**
 * Runs raw routes as operations are run: a span, rate, errors and duration, an access line, until there is a `Response`.
 * Under way is a call until its Context ends, which is when its answer's body has been sent. Never rejects.
 */
export function rawRoutes(options: RawRoutesOptions): (call: RawCall) => Promise<Response> {
  const { definition, parts, telemetry, work: underWay, running, isStopping } = options;
  const tell = answers(telemetry);
  const service = definition.contract.name;
  const routes = new Map(
    Object.entries(definition.routes ?? {}).map(([name, handler]) => {
      const { method = '', path = '' } = parseRawRoute(name) ?? {};
      const attributes = { 'http.request.method': method, 'http.route': path, 'rpc.service': service };
      const answering = { operation: name, path, lines: telemetry.accessLines.of(name) };
      return [name, { handler, method, answering, span: constantSpan({ name, kind: 'server', attributes }) }] as const;
    }),
  );

  /** The handler's answer, or the end of the Context if that comes first. */
  function prompt(ctx: Context, run: () => Promise<Response>): Promise<Response> {
    return new Promise((resolve, reject) => {
      const leave = ctx.onEnd((reason) =>
        reject(isStopping() && isError(reason, 'CANCELLED') ? stopped(reason) : reason),
      );
      underWay.track(run()).then(resolve, reject).finally(leave);
    });
  }

  function problem(ctx: Context, path: string, error: unknown): { readonly response: Response; readonly code: string } {
    const answer = problemAnswer(presentable(error, NOTHING_DECLARED, ctx), ctx, path);
    return { response: new Response(answer.body, answer), code: answer.code ?? 'INTERNAL' };
  }

  return async (call) => {
    const { ctx, request, members } = call;
    const { pathname } = new URL(request.url);
    const route = routes.get(call.route);
    if (route === undefined) {
      return problem(ctx, pathname, fail('NOT_FOUND', `${service} has no route ${call.route}.`)).response;
    }
    const slot = running.add(ctx);
    const settled = underWay.begin();
    ctx.onEnd(() => {
      running.remove(slot);
      settled();
    });
    const beganMs = ctx.clock.monotonic();
    const work = async (inner: Context, span: Span): Promise<Response> => {
      let code: string | undefined;
      let response: Response;
      try {
        response = await prompt(inner, async () => {
          const kit = new HandlerKit(parts, inner, call.route, undefined);
          const answered = await withOpenTelemetry(inner, async () => route.handler(inner, request, members, kit));
          if (answered instanceof Response && answered.status >= 200) return answered;
          throw fail('INTERNAL', `${service}: ${call.route} returned no Response.`);
        });
      } catch (error) {
        ({ response, code } = problem(inner, pathname, error));
        if (response.status >= 500) telemetry.log.error(inner, `${call.route} failed`, { code, error });
      }
      const { method } = request;
      const { status } = response;
      if (method !== route.method) span.set('http.request.method', method);
      const outcome = code === undefined ? (status >= 400 ? 'OTHER' : 'ok') : knownCode(code, undefined);
      tell(inner, span, beganMs, route.answering, { method, status, code, outcome });
      // A Response of somebody else's, such as fetch's, has headers that can't be changed.
      const headers = new Headers(response.headers);
      headers.set(HEADERS.traceparent, formatTraceparent(inner.trace));
      headers.set(HEADERS.requestId, inner.requestId);
      return new Response(response.body, { status, headers });
    };
    return telemetry.tracer.span(ctx, route.span, work, beganMs);
  };
}
