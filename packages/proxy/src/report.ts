import type { Clock, Context } from '@fairlead/core';
import { constantSpan } from '@fairlead/telemetry';
import type { AccessLineGate, Span, SpanOptions, Telemetry } from '@fairlead/telemetry';
import type { ResolvedRoute } from './options.ts';

/** What all exchanges of one route and method have in common, made once. */
export interface Rubric {
  readonly method: string;
  readonly route: ResolvedRoute | undefined;
  /** Name of the route with its method; the method alone without a route. */
  readonly name: string;
  readonly server: SpanOptions;
  /** Of requests to the service. */
  readonly client: SpanOptions;
  readonly lines: AccessLineGate;
}

/** How an exchange ended. */
export interface Outcome {
  readonly status: number;
  /** `undefined` when the service's own answer went through, whatever it said. */
  readonly code: string | undefined;
}

/** Of whom and what an exchange was. */
export interface Subject {
  readonly path: string;
  readonly tenant: string | undefined;
  readonly subject: string | undefined;
}

/** What a gateway tells of its exchanges. */
export interface Report {
  rubric(method: string, route: ResolvedRoute | undefined): Rubric;
  /** Tells of an exchange that ends now and began at `startedAt` (monotonic). */
  ended(ctx: Context, span: Span, startedAt: number, rubric: Rubric, about: Subject, outcome: Outcome): void;
}

/**
 * Span, metric and access line of each exchange, with one duration. Failures are told of whole. Of what went well, metrics count
 * all, and lines are written as `Telemetry.accessLines` lets them; `omitted` then says how many have been left out before one.
 */
export function report({ metrics, log, accessLines }: Telemetry, clock: Clock): Report {
  const served = metrics.red({ kind: 'server' });
  // Few: routes by the methods that Node's parser knows.
  const rubrics = new Map<ResolvedRoute | undefined, Map<string, Rubric>>();

  function make(method: string, route: ResolvedRoute | undefined): Rubric {
    const name = route === undefined ? method : `${method} ${route.path}`;
    const attributes = { 'http.request.method': method, 'http.route': route?.path };
    return {
      method,
      route,
      name,
      server: constantSpan({ name, kind: 'server', attributes }),
      client: constantSpan({ name, kind: 'client', attributes: { ...attributes, 'peer.service': route?.service } }),
      lines: accessLines.of(route === undefined ? UNMATCHED : name),
    };
  }

  return {
    rubric(method, route) {
      const byMethod = rubrics.get(route) ?? new Map<string, Rubric>();
      rubrics.set(route, byMethod);
      const rubric = byMethod.get(method) ?? make(method, route);
      byMethod.set(method, rubric);
      return rubric;
    },
    ended(ctx, span, startedAt, { method, route, name, lines }, { path, tenant, subject }, { status, code }) {
      const endedAt = clock.monotonic();
      const durationMs = endedAt - startedAt;
      if (status >= 500) span.fail(code ?? String(status));
      span.set('url.path', path);
      span.set('http.response.status_code', status);
      span.set('fairlead.tenant', tenant);
      span.end(endedAt);
      const operation = route === undefined ? UNMATCHED : name;
      served.observe({ labels: { operation }, outcome: code ?? (status >= 500 ? String(status) : 'ok'), durationMs });
      const omitted = status < 400 ? lines.pass(endedAt) : 0;
      if (omitted === undefined) return;
      log[status >= 500 ? 'warn' : 'info'](ctx.derive({ tenant }), 'request', {
        method,
        path,
        route: route?.path,
        to: route?.service,
        subject,
        status,
        code,
        durationMs: Math.round(durationMs),
        omitted: omitted === 0 ? undefined : omitted,
      });
    },
  };
}

const UNMATCHED = '_unmatched';
