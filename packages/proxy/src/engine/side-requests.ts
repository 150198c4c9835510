import {
  createContext,
  formatTraceparent,
  isError,
  type Clock,
  type Context,
  type Random,
  type ScopedContext,
} from '@fairlead/core';
import { Fields, type Cluster, type OutgoingFields, type Picked } from '@fairlead/net';
import { RejectedError, type Policy } from '@fairlead/policy';
import type { Telemetry } from '@fairlead/telemetry';
import { fail, GATEWAY_ERRORS } from '../errors.ts';
import { checkEdit, checkHost } from './edited-lines.ts';
import { failureAnswer, unpickable } from './failures.ts';
import type { SideAnswer, SideRequest } from './filter.ts';
import type { OutcomeReport, Rubric } from './outcome-report.ts';
import { isIdempotent } from './idempotent.ts';
import { SideCall } from './side-call.ts';

/** What sending them takes. */
export interface SidePorts {
  /** Whom upstreams see as their caller. */
  readonly name: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly telemetry: Telemetry;
  readonly report: OutcomeReport;
}

/** Where the filters of a route find whom they ask. */
export interface SideWorld {
  cluster(name: string): { readonly cluster: Cluster; readonly policy: Policy | undefined } | undefined;
  rubric(method: string): Rubric;
  /** A request that belongs to no passage keeps the snapshot from being closed. */
  began(): void;
  ended(): void;
}

/** The requests that filters send themselves, each under the policy of the cluster that it goes to. */
export class SideRequests {
  readonly #ports: SidePorts;
  /** Those that belong to no passage. */
  readonly #alone = new Set<ScopedContext>();
  #isClosed = false;

  constructor(ports: SidePorts) {
    this.#ports = ports;
  }

  /** @throws what `FilterWorld.ask` throws */
  async ask(request: SideRequest, world: SideWorld): Promise<SideAnswer> {
    const { cluster: name, passage } = request;
    const found = world.cluster(name);
    if (found === undefined) throw fail('INTERNAL', `There is no cluster ${name} that a filter could ask.`);
    if (this.#isClosed) throw fail('UPSTREAM_UNAVAILABLE', 'The gateway is shutting down and asks nobody any more.');
    const lines = linesOf(request);
    using ctx = this.#contextOf(request);
    if (passage === undefined) {
      this.#alone.add(ctx);
      world.began();
    }
    try {
      const asking = new Asking(
        request,
        lines,
        found.cluster,
        world.rubric(passage?.method ?? request.method),
        this.#ports,
      );
      if (found.policy === undefined) return await asking.attempt(ctx);
      const idempotent = isIdempotent(request.method);
      return await found.policy.run(ctx, (inner) => asking.attempt(inner), { idempotent });
    } catch (error) {
      throw sideFailure(name, error);
    } finally {
      if (passage === undefined) {
        this.#alone.delete(ctx);
        world.ended();
      }
    }
  }

  /** Ends those that belong to no passage, and sends no others. */
  close(): void {
    this.#isClosed = true;
    for (const ctx of this.#alone) ctx.cancel();
  }

  #contextOf({ passage, timeoutMs }: SideRequest): ScopedContext {
    if (passage !== undefined) return passage.ctx.withTimeout(timeoutMs);
    const { clock, random, name } = this.#ports;
    return createContext({ clock, random, timeoutMs, caller: { service: name, subject: undefined, roles: [] } });
  }
}

/** One of them, over all its attempts. */
class Asking {
  readonly #request: SideRequest;
  readonly #lines: string;
  readonly #cluster: Cluster;
  readonly #rubric: Rubric;
  readonly #ports: SidePorts;
  #last: Picked | undefined;
  #hasRepeatedStale = false;

  constructor(request: SideRequest, lines: string, cluster: Cluster, rubric: Rubric, ports: SidePorts) {
    this.#request = request;
    this.#lines = lines;
    this.#cluster = cluster;
    this.#rubric = rubric;
    this.#ports = ports;
  }

  attempt(ctx: Context): Promise<SideAnswer> {
    return this.#ports.telemetry.tracer.span(ctx, this.#rubric.client, async (inner, span) => {
      span.set('peer.service', this.#cluster.name);
      const answer = await this.#carried(inner, false);
      span.set('http.response.status_code', answer.status);
      if (answer.status >= 500) span.fail(String(answer.status));
      return answer;
    });
  }

  #carried(ctx: Context, isFresh: boolean): Promise<SideAnswer> {
    ctx.throwIfAborted();
    const { clock, report } = this.#ports;
    const { method, body, maxBodyBytes, cluster: name } = this.#request;
    const picked = this.#cluster.pick(undefined, isFresh ? undefined : this.#last);
    if (picked === undefined) return Promise.reject(unpickable(name, this.#cluster.refusal));
    this.#last = picked;
    const { promise, resolve, reject } = Promise.withResolvers<SideAnswer>();
    const head = this.#head(picked, ctx);
    const call = new SideCall({ method, head, body, maxAnswerBytes: maxBodyBytes }, picked, clock, {
      counted: (said, latencyMs) => report.attempted(this.#rubric, name, said, latencyMs),
      answered: ({ status, kept }, whole) => resolve({ status, fields: new Fields(kept), body: whole }),
      failed: (reason, wasKept) => {
        // A kept connection had died meanwhile: whoever may be asked twice is, once.
        const mayRepeat = reason.details['processed'] === 'no' || isIdempotent(method);
        if (!wasKept || !mayRepeat || this.#hasRepeatedStale) return reject(reason);
        this.#hasRepeatedStale = true;
        resolve(this.#carried(ctx, true));
      },
    });
    const leave = ctx.onEnd((reason) => {
      call.stop(reason.code === 'DEADLINE_EXCEEDED' ? 'timeout' : 'cancelled');
      reject(reason);
    });
    call.start(isFresh);
    return promise.finally(leave);
  }

  #head(picked: Picked, { trace, requestId }: Context): string {
    const { method, target, host, body } = this.#request;
    const hostLine = host === undefined ? picked.pool.hostLine : `host: ${host}\r\n`;
    const state = trace.state === undefined ? '' : `tracestate: ${trace.state}\r\n`;
    const traced = `traceparent: ${formatTraceparent(trace)}\r\nx-request-id: ${requestId}\r\n${state}`;
    // Methods whose requests have no body say nothing of its length (RFC 9110, section 8.6).
    const isSilent = body === undefined && isIdempotent(method) && method !== 'PUT';
    const framing = isSilent ? '' : `content-length: ${body?.length ?? 0}\r\n`;
    return `${method} ${target} HTTP/1.1\r\n${hostLine}${this.#lines}${traced}${framing}\r\n`;
  }
}

/** What a request's framing, trace and connection say is the proxy's own affair. */
const OWN = new Set([
  'connection',
  'content-length',
  'expect',
  'host',
  'keep-alive',
  'proxy-connection',
  'te',
  'traceparent',
  'tracestate',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'x-request-id',
]);
const METHOD = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const TARGET = /^(?:\/[\x21-\x7e]*|\*)$/;

/** @throws TypeError when the request is none that HTTP can carry */
function linesOf({ method, target, host, fields = {} }: SideRequest): string {
  if (!METHOD.test(method)) throw new TypeError(`${JSON.stringify(method)} is no method.`);
  if (!TARGET.test(target)) throw new TypeError(`${JSON.stringify(target)} is no path with a query. Encode it.`);
  if (host !== undefined) checkHost(host);
  return fieldLines(fields);
}

function fieldLines(fields: OutgoingFields): string {
  let lines = '';
  for (const [name, value] of Object.entries(fields)) {
    if (value === undefined || OWN.has(name.toLowerCase())) continue;
    for (const one of typeof value === 'string' ? [value] : value) {
      checkEdit(name, one);
      lines += `${name}: ${one}\r\n`;
    }
  }
  return lines;
}

/** What a filter is told; thrown on, it is what its client is told. */
function sideFailure(cluster: string, error: unknown): unknown {
  if (isError(error, 'CANCELLED') || (error instanceof RejectedError && error.kind === 'cancelled')) return error;
  const { cause, detail, members = {}, retryAfterMs, because } = failureAnswer(cluster, error);
  return fail(isOurs(cause) ? cause : 'INTERNAL', detail, {
    details: members,
    cause: because,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  });
}

function isOurs(code: string): code is keyof typeof GATEWAY_ERRORS {
  return code in GATEWAY_ERRORS;
}
