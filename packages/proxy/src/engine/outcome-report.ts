import type { Clock } from '@fairlead/core';
import { constantSpan } from '@fairlead/telemetry';
import type { AccessLineGate, LogOrigin, RedSeries, SpanOptions, Telemetry } from '@fairlead/telemetry';
import type { CompiledRoute } from './compiled-route.ts';
import { ConsumerTable } from './consumer-table.ts';
import type { Identity } from './filter.ts';
import type { RedCounts, RedWindow } from './red-window.ts';
import { RedWindows } from './red-windows.ts';

/** What all requests of one route and method have in common, made once. */
export interface Rubric {
  readonly method: string;
  /** Name of the route with its method; what is counted under. */
  readonly operation: string;
  readonly server: SpanOptions;
  /** Of requests to the upstream. */
  readonly client: SpanOptions;
  readonly lines: AccessLineGate;
  /** Where durations of what went well go. */
  readonly served: RedSeries;
  /** What happened in the last minute to all requests of the route. */
  readonly lately: RedWindow;
  /** The same of attempts, by cluster. */
  readonly called: Map<string, RedSeries>;
  /** Where the last attempt went: mostly the next one does, too, and then nothing has to be looked up. */
  lastCluster: string;
  lastCalled: RedSeries | undefined;
}

/** Of whom and what a request is. */
export interface Subject {
  readonly method: string;
  readonly path: string;
  readonly route: CompiledRoute;
  readonly cluster: string;
  readonly identity: Identity | undefined;
  readonly origin: LogOrigin;
  readonly startedAtMs: number;
}

const UNMATCHED = '_unmatched';
/** Strangers may invent methods; those that are counted by name are these. */
const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);
const OTHER_METHOD = '_OTHER';

/**
 * What the engine tells of its requests: metrics count all; lines about what went well are written as `Telemetry.accessLines`
 * lets them, those about failures always.
 */
export class OutcomeReport {
  readonly #telemetry: Telemetry;
  readonly #served;
  readonly #called;
  readonly #unmatched = new Map<string, Rubric>();
  readonly #clock: Clock;
  /** Who has asked lately. */
  readonly consumers = new ConsumerTable();
  /** By route; that of requests without one under the empty name. */
  readonly #windows: RedWindows;

  constructor(telemetry: Telemetry, clock: Clock) {
    this.#telemetry = telemetry;
    this.#clock = clock;
    this.#windows = new RedWindows(clock);
    this.#served = telemetry.metrics.red({ kind: 'server' });
    this.#called = telemetry.metrics.red({ kind: 'client' });
  }

  /** What requests with this method have in common where no route has been found. */
  unmatched(method: string): Rubric {
    return this.rubric(method, undefined, this.#unmatched);
  }

  /** The rubric of a method, made once in `known`. */
  rubric(method: string, route: CompiledRoute | undefined, known: Map<string, Rubric>): Rubric {
    const name = METHODS.has(method) ? method : OTHER_METHOD;
    const there = known.get(name);
    if (there !== undefined) return there;
    const operation = route === undefined ? UNMATCHED : `${name} ${route.label}`;
    const attributes = { 'http.request.method': name, 'http.route': route?.label };
    const spanName = route === undefined ? name : operation;
    const made: Rubric = {
      // In the order in which a request looks at them.
      method: name,
      lastCluster: '',
      lastCalled: undefined,
      lately: this.#windows.of(route?.name ?? ''),
      served: this.#served.series({ operation }, 'ok'),
      lines: this.#telemetry.accessLines.of(operation),
      operation,
      server: constantSpan({ name: spanName, kind: 'server', attributes }),
      client: constantSpan({ name: spanName, kind: 'client', attributes }),
      called: new Map<string, RedSeries>(),
    };
    known.set(name, made);
    return made;
  }

  /** What happened lately to requests of a route, or to those without one, if there were any. */
  lately(route: string): RedCounts | undefined {
    return this.#windows.read(route);
  }

  /** Forgets routes that are not there any more. */
  keepOnly(routes: ReadonlySet<string>): void {
    this.#windows.keepOnly((route) => route === '' || routes.has(route));
  }

  /** An attempt at a cluster has its answer's head, or none. */
  attempted(rubric: Rubric, cluster: string, outcome: string, durationMs: number): void {
    if (outcome !== 'ok') {
      this.#called.observe({ labels: { peer: cluster, operation: rubric.operation }, outcome, durationMs });
      return;
    }
    if (rubric.lastCalled === undefined || rubric.lastCluster !== cluster) {
      rubric.lastCluster = cluster;
      rubric.lastCalled = this.#seriesOf(rubric, cluster);
    }
    this.#called.count(rubric.lastCalled, durationMs);
  }

  #seriesOf(rubric: Rubric, cluster: string): RedSeries {
    const known =
      rubric.called.get(cluster) ?? this.#called.series({ peer: cluster, operation: rubric.operation }, 'ok');
    rubric.called.set(cluster, known);
    return known;
  }

  /** What came was no request. */
  refused(status: number, cause: string, fault: string): void {
    this.#served.observe({ labels: { operation: UNMATCHED }, outcome: cause, durationMs: 0 });
    this.#windows.ended(this.#windows.of(''), this.#clock.monotonic(), 0, status, cause);
    this.#telemetry.log.info(undefined, 'request', { status, code: cause, parser: fault });
  }

  /** A request is over, at `atMs`. Its origin is asked for only when there is a line to be written. */
  ended(rubric: Rubric, subject: Subject, status: number, cause: string | undefined, atMs: number): void {
    const durationMs = atMs - subject.startedAtMs;
    this.#windows.ended(rubric.lately, atMs, durationMs, status, cause);
    this.consumers.ended(subject.identity, status, cause, atMs);
    if (cause === undefined && status < 500) this.#served.count(rubric.served, durationMs);
    else {
      const labels = { operation: rubric.operation };
      this.#served.observe({ labels, outcome: cause ?? String(status), durationMs });
    }
    const omitted = status < 400 ? rubric.lines.pass(atMs) : 0;
    if (omitted === undefined) return;
    const { method, path, route, cluster, identity } = subject;
    const isMatched = route.label !== '';
    this.#telemetry.log[status >= 500 ? 'warn' : 'info'](subject.origin, 'request', {
      method,
      path: path.slice(0, MOST_PATH),
      route: isMatched ? route.label : undefined,
      to: isMatched ? cluster : undefined,
      subject: identity?.subject,
      status,
      code: cause,
      durationMs: Math.round(durationMs),
      omitted: omitted === 0 ? undefined : omitted,
    });
  }
}

const MOST_PATH = 256;
