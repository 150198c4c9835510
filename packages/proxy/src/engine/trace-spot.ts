import { createContext, parseTraceparent, type Context, type ScopedContext } from '@fairlead/core';
import type { RequestHead } from '@fairlead/net';
import type { LogOrigin, Span } from '@fairlead/telemetry';
import type { EngineCore } from './engine-core.ts';
import type { Identity } from './filter.ts';
import type { Rubric } from './outcome-report.ts';
import { spanIdIn, traceIdIn } from './trace-ids.ts';

/** What a Context is made of besides the trace. */
export interface ContextFacts {
  readonly identity: Identity | undefined;
  /** Milliseconds left of its time; `undefined` without a limit. */
  readonly leftMs: number | undefined;
  readonly path: string;
}

/** A span under way, ended by calling it. */
interface OpenSpan {
  readonly span: Span;
  readonly ctx: Context;
  readonly end: () => void;
}

const MOST_PATH = 256;
const RECORDED = '-01\r\nx-request-id: ';
const UNRECORDED = '-00\r\nx-request-id: ';
const REQUEST_ID = /^[A-Za-z0-9._~:+/=@-]{1,128}$/;
const NO_ROLES: readonly string[] = [];

/**
 * Where a request stands in its trace. As long as the trace isn't recorded and nobody asks for a Context, that is two ids;
 * spans are opened for those that are recorded, and for failures when they have happened (ADR 30).
 */
export class TraceSpot {
  readonly traceId: string;
  readonly requestId: string;
  readonly isSampled: boolean;
  readonly #core: EngineCore;
  readonly #parentSpanId: string | undefined;
  readonly #state: string | undefined;
  readonly #startedAtMs: number;
  #spanId = '';
  /** What is written of it; most requests write the same both ways. */
  #lines = '';
  #scope: ScopedContext | undefined;
  #ctx: Context | undefined;
  #ctxIdentity: Identity | undefined;
  #server: OpenSpan | undefined;
  #client: OpenSpan | undefined;

  constructor(core: EngineCore, head: RequestHead, startedAtMs: number) {
    this.#core = core;
    this.#startedAtMs = startedAtMs;
    // Most requests come from where nobody traces.
    const lines = head.isNoted ? '' : core.ids.lines();
    if (head.isNoted) {
      const { fields } = head;
      const named = parseTraceparent(fields.get('traceparent'), fields.get('tracestate'));
      const requestId = fields.get('x-request-id');
      this.traceId = named?.traceId ?? core.ids.traceId();
      this.#parentSpanId = named?.spanId;
      this.#state = named?.state;
      this.requestId = requestId !== undefined && REQUEST_ID.test(requestId) ? requestId : this.traceId;
    } else {
      this.traceId = traceIdIn(lines);
      this.#parentSpanId = undefined;
      this.#state = undefined;
      this.requestId = this.traceId;
    }
    this.isSampled = core.telemetry.tracer.decide(this.traceId, startedAtMs);
    if (!this.isSampled) this.#lines = lines;
  }

  /** The fields of an answer that let it be looked up. */
  get answerLines(): string {
    if (this.#lines === '') {
      this.#lines = `traceparent: 00-${this.traceId}-${this.#ownSpanId}${this.isSampled ? RECORDED : UNRECORDED}${this.requestId}\r\n`;
    }
    return this.#lines;
  }

  /** The fields that carry the trace on. */
  get upstreamLines(): string {
    const client = this.#client;
    const lines =
      client === undefined
        ? this.answerLines
        : `traceparent: 00-${this.traceId}-${client.ctx.trace.spanId}${RECORDED}${this.requestId}\r\n`;
    return this.#state === undefined ? lines : `${lines}tracestate: ${this.#state}\r\n`;
  }

  /** The Context of the request, with what is known of who asks. */
  context(facts: ContextFacts): Context {
    const { identity } = facts;
    if (this.#ctx !== undefined && this.#ctxIdentity === identity) return this.#ctx;
    const base = this.#server?.ctx ?? this.#scoped(facts.leftMs);
    this.#ctxIdentity = identity;
    this.#ctx =
      identity === undefined
        ? base
        : base.derive({
            tenant: identity.tenant,
            caller: { service: this.#core.name, subject: identity.subject, roles: identity.roles ?? NO_ROLES },
          });
    return this.#ctx;
  }

  /** What a line about the request says: that of its Context, which need not be made for it. */
  origin(facts: ContextFacts): LogOrigin {
    if (this.#scope !== undefined) return this.context(facts);
    const { traceId, requestId } = this;
    const trace = { traceId, spanId: this.#parentSpanId ?? this.#ownSpanId };
    return { trace, requestId, tenant: facts.identity?.tenant, correlationId: requestId };
  }

  /** Begins the span of the request, if its trace is recorded. */
  open(facts: ContextFacts, rubric: Rubric): void {
    if (this.isSampled && this.#core.telemetry.tracer.isRecording && this.#server === undefined) {
      this.#openServer(facts, rubric);
    }
  }

  /** Begins the span of an attempt, if the request has one. */
  attempt(facts: ContextFacts, rubric: Rubric, cluster: string): void {
    if (this.#server === undefined || !this.isSampled) return;
    this.#client = this.#openSpan(this.context(facts), rubric.client, undefined);
    this.#client?.span.set('peer.service', cluster);
  }

  /** The attempt has its answer's head, or will have none. */
  attempted(status: number | undefined, failure: string | undefined): void {
    const client = this.#client;
    if (client === undefined) return;
    this.#client = undefined;
    if (status !== undefined) client.span.set('http.response.status_code', status);
    if (failure !== undefined) client.span.fail(failure);
    client.end();
  }

  /** Whoever waits by the Context need not wait any more. */
  cancel(reason?: Error): void {
    this.#scope?.cancel(reason);
  }

  /** The request is over. What isn't recorded is told of if it failed. */
  close(facts: ContextFacts, rubric: Rubric, status: number, cause: string | undefined, because: unknown): void {
    this.attempted(undefined, cause);
    const { tracer } = this.#core.telemetry;
    const hasFailed = status >= 500;
    if (tracer.isRecording && (this.isSampled || hasFailed)) {
      const { span, end } = this.#server ?? this.#openServer(facts, rubric);
      if (hasFailed) span.fail(cause ?? String(status));
      if (hasFailed && because instanceof Error) span.event('failure', { 'error.message': because.message });
      span.set('url.path', facts.path.slice(0, MOST_PATH));
      span.set('http.response.status_code', status);
      span.set('fairlead.tenant', facts.identity?.tenant);
      end();
    }
    this.#scope?.[Symbol.dispose]();
  }

  #openServer(facts: ContextFacts, rubric: Rubric): OpenSpan {
    const parent = this.#scoped(facts.leftMs).derive({ tenant: facts.identity?.tenant });
    const opened = this.#openSpan(parent, rubric.server, this.#startedAtMs);
    this.#server = opened;
    this.#spanId = opened.ctx.trace.spanId;
    this.#lines = '';
    this.#ctx = undefined;
    return opened;
  }

  #openSpan(ctx: Context, options: Rubric['server'], beganMs: number | undefined): OpenSpan {
    const { promise, resolve } = Promise.withResolvers<void>();
    let opened: OpenSpan | undefined;
    const work = (inner: Context, span: Span): Promise<void> => {
      opened = { span, ctx: inner, end: resolve };
      return promise;
    };
    void this.#core.telemetry.tracer.span(ctx, options, work, beganMs);
    // A tracer begins its work before it returns.
    if (opened === undefined) throw new TypeError('The tracer has not begun its work at once.');
    return opened;
  }

  #scoped(leftMs: number | undefined): ScopedContext {
    const { clock, random } = this.#core;
    return (this.#scope ??= createContext({
      clock,
      random,
      timeoutMs: leftMs,
      requestId: this.requestId,
      trace: {
        traceId: this.traceId,
        spanId: this.#parentSpanId ?? this.#ownSpanId,
        sampled: this.isSampled,
        state: this.#state,
        root: this.#parentSpanId === undefined,
      },
      caller: { service: this.#core.name, subject: undefined, roles: NO_ROLES },
    }));
  }

  get #ownSpanId(): string {
    if (this.#spanId === '') this.#spanId = this.#lines === '' ? this.#core.ids.spanId() : spanIdIn(this.#lines);
    return this.#spanId;
  }
}
