import { createContext, parseTraceparent, type Context, type ScopedContext } from '@fairlead/core';
import type { RequestHead } from '@fairlead/net';
import type { Span } from '@fairlead/telemetry';
import type { EngineCore } from './engine-core.ts';
import type { Identity } from './filter.ts';
import type { Ended, Rubric } from './outcome-report.ts';

/** What a Context is made of besides the trace. */
export interface ContextFacts {
  readonly identity: Identity | undefined;
  /** Milliseconds left of its time; `undefined` without a limit. */
  readonly leftMs: number | undefined;
}

/** A span under way, ended by calling it. */
interface OpenSpan {
  readonly span: Span;
  readonly ctx: Context;
  readonly end: () => void;
}

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
  #scope: ScopedContext | undefined;
  #ctx: Context | undefined;
  #ctxIdentity: Identity | undefined;
  #server: OpenSpan | undefined;
  #client: OpenSpan | undefined;

  constructor(core: EngineCore, head: RequestHead, startedAtMs: number) {
    this.#core = core;
    this.#startedAtMs = startedAtMs;
    // Most requests come from where nobody traces.
    if (head.isNoted) {
      const { fields } = head;
      const named = parseTraceparent(fields.get('traceparent'), fields.get('tracestate'));
      const requestId = fields.get('x-request-id');
      this.traceId = named?.traceId ?? core.ids.traceId();
      this.#parentSpanId = named?.spanId;
      this.#state = named?.state;
      this.requestId = requestId !== undefined && REQUEST_ID.test(requestId) ? requestId : this.traceId;
    } else {
      this.traceId = core.ids.traceId();
      this.#parentSpanId = undefined;
      this.#state = undefined;
      this.requestId = this.traceId;
    }
    this.isSampled = core.telemetry.tracer.decide(this.traceId, startedAtMs);
  }

  /** The fields of an answer that let it be looked up. */
  get answerLines(): string {
    return `traceparent: 00-${this.traceId}-${this.#ownSpanId}-${this.#flags}\r\nx-request-id: ${this.requestId}\r\n`;
  }

  /** The fields that carry the trace on. */
  get upstreamLines(): string {
    const spanId = this.#client?.ctx.trace.spanId ?? this.#ownSpanId;
    const lines = `traceparent: 00-${this.traceId}-${spanId}-${this.#flags}\r\nx-request-id: ${this.requestId}\r\n`;
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
  close(facts: ContextFacts, rubric: Rubric, ended: Ended, because: unknown): void {
    this.attempted(undefined, ended.cause);
    const { tracer } = this.#core.telemetry;
    const hasFailed = ended.status >= 500;
    if (tracer.isRecording && (this.isSampled || hasFailed)) {
      const { span, end } = this.#server ?? this.#openServer(facts, rubric);
      if (hasFailed) span.fail(ended.cause ?? String(ended.status));
      if (hasFailed && because instanceof Error) span.event('failure', { 'error.message': because.message });
      this.#core.report.describe(span, ended);
      end();
    }
    this.#scope?.[Symbol.dispose]();
  }

  #openServer(facts: ContextFacts, rubric: Rubric): OpenSpan {
    const parent = this.#scoped(facts.leftMs).derive({ tenant: facts.identity?.tenant });
    const opened = this.#openSpan(parent, rubric.server, this.#startedAtMs);
    this.#server = opened;
    this.#spanId = opened.ctx.trace.spanId;
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
    if (this.#spanId === '') this.#spanId = this.#core.ids.spanId();
    return this.#spanId;
  }

  get #flags(): string {
    return this.isSampled ? '01' : '00';
  }
}
