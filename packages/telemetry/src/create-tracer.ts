import { FairleadError, newSpanId, statusOf, type Clock, type Context } from '@fairlead/core';
import type { Redaction } from './redaction.ts';
import type {
  Attributes,
  AttributeValue,
  FinishedSpan,
  Span,
  SpanEvent,
  SpanKind,
  SpanOptions,
  Tracer,
} from './span.ts';

/** What a tracer is made of. */
export interface CreateTracerOptions {
  readonly clock: Clock;
  readonly redaction: Redaction;
  /** Takes a span that has ended; must not throw. */
  readonly record: (span: FinishedSpan) => void;
}

const MAX_ATTRIBUTES = 128;
const MAX_EVENTS = 128;
/** Shared by the spans that have nothing else to say: thousands wait to be delivered. */
const NO_EVENTS: readonly SpanEvent[] = Object.freeze([]);
const UNSET: FinishedSpan['status'] = Object.freeze({ kind: 'unset' });

/** A tracer. Ids come from the Context's random source, times from `clock`; without options nothing is recorded. */
export function createTracer(options: CreateTracerOptions | undefined): Tracer {
  if (options === undefined) return { span: async (ctx, _, work) => work(below(ctx), NO_SPAN) };
  const { record, redaction } = options;
  const timeMs = wallTime(options.clock);
  return {
    async span(ctx, spanOptions, work) {
      const inner = below(ctx);
      if (!ctx.trace.sampled) return work(inner, NO_SPAN);
      const recording = new Recording(ctx, inner, spanOptions, redaction, stopwatch(options.clock, timeMs()));
      try {
        return await work(inner, recording);
      } catch (error) {
        recording.threw(error);
        throw error;
      } finally {
        record(recording.finish());
      }
    },
  };
}

/** The Context with a new span as its current one. */
function below(ctx: Context): Context {
  const { traceId, sampled, state } = ctx.trace;
  return ctx.derive({ trace: { traceId, spanId: newSpanId(ctx.random), sampled, state } });
}

const NO_SPAN: Span = { set() {}, event() {}, fail() {} };

/**
 * Wall time with the resolution of monotonic time, so that the spans of a process are in order to the microsecond. It
 * follows the wall clock when that is set.
 */
function wallTime(clock: Clock): () => number {
  let offsetMs = -Infinity;
  return () => {
    const wallMs = clock.now();
    const elapsedMs = clock.monotonic();
    const differenceMs = offsetMs + elapsedMs - wallMs;
    // `now` is whole milliseconds, so up to 1 ms behind is agreement; beyond 10 it was set (or drifted).
    if (!(differenceMs >= -10 && differenceMs <= 10)) offsetMs = wallMs - elapsedMs;
    return offsetMs + elapsedMs;
  };
}

/** Time as it passes from a moment on, whatever happens to the wall clock. */
function stopwatch(clock: Clock, startMs: number): Stopwatch {
  const startedMs = clock.monotonic();
  return { startMs, nowMs: () => startMs + (clock.monotonic() - startedMs) };
}

interface Stopwatch {
  readonly startMs: number;
  nowMs(): number;
}

class Recording implements Span {
  readonly #parent: Context;
  readonly #inner: Context;
  readonly #kind: SpanKind;
  readonly #name: string;
  readonly #redaction: Redaction;
  readonly #stopwatch: Stopwatch;
  readonly #attributes: Record<string, AttributeValue> = {};
  #count = 0;
  #events: SpanEvent[] | undefined;
  #status: FinishedSpan['status'] = UNSET;
  #finished = false;

  constructor(parent: Context, inner: Context, options: SpanOptions, redaction: Redaction, stopwatch: Stopwatch) {
    this.#parent = parent;
    this.#inner = inner;
    this.#kind = options.kind;
    this.#name = options.name;
    this.#redaction = redaction;
    this.#stopwatch = stopwatch;
    if (options.kind === 'server' || options.kind === 'consumer') {
      this.set('fairlead.request_id', parent.requestId);
      this.set('fairlead.tenant', parent.tenant);
    }
    const { attributes } = options;
    if (attributes !== undefined) for (const name of Object.keys(attributes)) this.set(name, attributes[name]);
  }

  set(name: string, value: AttributeValue | undefined): void {
    if (this.#finished) return;
    const known = Object.hasOwn(this.#attributes, name);
    if (value === undefined) {
      if (!known) return;
      this.#count--;
      delete this.#attributes[name];
    } else if ((known || this.#count < MAX_ATTRIBUTES) && name !== '__proto__') {
      if (!known) this.#count++;
      this.#attributes[name] = this.#safe(name, value);
    }
  }

  event(name: string, attributes: Attributes = {}): void {
    this.#events ??= [];
    if (this.#finished || this.#events.length >= MAX_EVENTS) return;
    const given = Object.entries(attributes).flatMap(([key, value]): [string, AttributeValue][] =>
      value === undefined ? [] : [[key, this.#safe(key, value)]],
    );
    this.#events.push({ name, timeMs: this.#stopwatch.nowMs(), attributes: Object.fromEntries(given) });
  }

  fail(errorType: string, message = ''): void {
    if (this.#finished) return;
    this.set('error.type', errorType);
    this.#status = { kind: 'error', message: this.#redaction.text(message) };
  }

  threw(error: unknown): void {
    const type = error instanceof FairleadError ? error.code : error instanceof Error ? error.name : typeof error;
    const message = error instanceof Error ? error.message : String(error);
    const answers = this.#kind === 'server' || this.#kind === 'consumer';
    if (answers && error instanceof FairleadError && statusOf(error.kind) < 500) this.set('error.type', type);
    else this.fail(type, message);
  }

  finish(): FinishedSpan {
    this.#finished = true;
    const { trace } = this.#parent;
    return {
      traceId: trace.traceId,
      spanId: this.#inner.trace.spanId,
      parentSpanId: trace.root === true ? undefined : trace.spanId,
      traceState: trace.state,
      name: this.#name,
      kind: this.#kind,
      startMs: this.#stopwatch.startMs,
      endMs: this.#stopwatch.nowMs(),
      attributes: this.#attributes,
      events: this.#events ?? NO_EVENTS,
      status: this.#status,
    };
  }

  #safe(name: string, value: AttributeValue): AttributeValue {
    if (this.#redaction.isSecretName(name)) return '[redacted]';
    if (typeof value === 'string') return this.#redaction.text(value);
    return Array.isArray(value) ? value.map((item) => this.#redaction.text(item)) : value;
  }
}
