import { FairleadError, statusOf, type Clock, type Context } from '@fairlead/core';
import type { Redaction } from './redaction.ts';
import { safe, type SpanShape } from './span-shape.ts';
import type { Attributes, AttributeValue, FinishedSpan, Span, SpanEvent, SpanOptions } from './span.ts';

const MAX_ATTRIBUTES = 128;
const MAX_EVENTS = 128;
/** Shared by the spans that have nothing else to say: thousands wait to be delivered. */
const NO_EVENTS: readonly SpanEvent[] = Object.freeze([]);
const UNSET: FinishedSpan['status'] = Object.freeze({ kind: 'unset' });

/** What the spans of a tracer are made with. */
export interface SpanSetting {
  readonly clock: Clock;
  readonly redaction: Redaction;
  readonly shapeOf: (options: SpanOptions) => SpanShape;
  /** What the wall clock says, or said, at a monotonic time. */
  readonly wallTimeAt: (monotonicMs: number) => number;
}

/** A span as it is written down: what it has in common with others stays where that is. Read it when it has ended. */
export class RecordedSpan implements Span {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string | undefined;
  readonly traceState: string | undefined;
  /** Milliseconds since the epoch, with fractions. */
  readonly startMs: number;
  readonly #startedMs: number;
  readonly #setting: SpanSetting;
  readonly #attributes: Record<string, AttributeValue> = {};
  #shape: SpanShape;
  #count = 0;
  #events: SpanEvent[] | undefined;
  #status: FinishedSpan['status'] = UNSET;
  #endMs: number | undefined;

  /** Begins when the clock's monotonic time is, or was, `startedMs`. */
  constructor(setting: SpanSetting, parent: Context, inner: Context, options: SpanOptions, startedMs: number) {
    const { trace } = parent;
    this.traceId = trace.traceId;
    this.spanId = inner.trace.spanId;
    this.parentSpanId = trace.root === true ? undefined : trace.spanId;
    this.traceState = trace.state;
    this.startMs = setting.wallTimeAt(startedMs);
    this.#startedMs = startedMs;
    this.#setting = setting;
    this.#shape = setting.shapeOf(options);
    if (options.kind === 'server' || options.kind === 'consumer') {
      this.set('fairlead.request_id', parent.requestId);
      this.set('fairlead.tenant', parent.tenant);
    }
  }

  /** What it shares; its attributes hold besides those of its own. */
  get shape(): SpanShape {
    return this.#shape;
  }

  get attributes(): Readonly<Record<string, AttributeValue>> {
    return this.#attributes;
  }

  get events(): readonly SpanEvent[] {
    return this.#events ?? NO_EVENTS;
  }

  get status(): FinishedSpan['status'] {
    return this.#status;
  }

  /** When it ended; while it goes on, now. */
  get endMs(): number {
    return this.#endMs ?? this.#timeAt(this.#setting.clock.monotonic());
  }

  set(name: string, value: AttributeValue | undefined): void {
    if (this.#endMs !== undefined) return;
    if (Object.hasOwn(this.#shape.attributes, name)) this.#takeApart();
    const known = Object.hasOwn(this.#attributes, name);
    if (value === undefined) {
      if (!known) return;
      this.#count--;
      delete this.#attributes[name];
    } else if ((known || this.#count + this.#shape.size < MAX_ATTRIBUTES) && name !== '__proto__') {
      if (!known) this.#count++;
      this.#attributes[name] = safe(this.#setting.redaction, name, value);
    }
  }

  event(name: string, attributes: Attributes = {}): void {
    this.#events ??= [];
    if (this.#endMs !== undefined || this.#events.length >= MAX_EVENTS) return;
    const given = Object.entries(attributes).flatMap(([key, value]): [string, AttributeValue][] =>
      value === undefined ? [] : [[key, safe(this.#setting.redaction, key, value)]],
    );
    this.#events.push({
      name,
      timeMs: this.#timeAt(this.#setting.clock.monotonic()),
      attributes: Object.fromEntries(given),
    });
  }

  fail(errorType: string, message = ''): void {
    if (this.#endMs !== undefined) return;
    this.set('error.type', errorType);
    this.#status = { kind: 'error', message: this.#setting.redaction.text(message) };
  }

  /** Notes that the work has failed with `error`. */
  threw(error: unknown): void {
    const type = error instanceof FairleadError ? error.code : error instanceof Error ? error.name : typeof error;
    const message = error instanceof Error ? error.message : String(error);
    const answers = this.#shape.kind === 'server' || this.#shape.kind === 'consumer';
    if (answers && isMistakeOfCaller(error)) this.set('error.type', type);
    else this.fail(type, message);
  }

  end(atMs: number): void {
    this.#endMs ??= this.#timeAt(atMs);
  }

  /** Ends it, unless it has ended. It is what is to be recorded. */
  settle(): RecordedSpan {
    this.#endMs ??= this.endMs;
    return this;
  }

  /** The same as a plain object. */
  toFinishedSpan(): FinishedSpan {
    const { traceId, spanId, parentSpanId, traceState, startMs, endMs, events, status } = this;
    const { name, kind } = this.#shape;
    const attributes = { ...this.#shape.attributes, ...this.#attributes };
    return { traceId, spanId, parentSpanId, traceState, name, kind, startMs, endMs, attributes, events, status };
  }

  /** One of the shared attributes is going to differ: from now on all of them are this span's own. */
  #takeApart(): void {
    const { attributes, size, name, kind } = this.#shape;
    Object.assign(this.#attributes, attributes);
    this.#count += size;
    this.#shape = { name, kind, attributes: {}, size: 0, isLasting: false };
  }

  /** Time as it passes, whatever happens to the wall clock. */
  #timeAt(monotonicMs: number): number {
    return this.startMs + Math.max(0, monotonicMs - this.#startedMs);
  }
}

/** Whether who answers with this error has not failed. */
export function isMistakeOfCaller(error: unknown): boolean {
  return error instanceof FairleadError && statusOf(error.kind) < 500;
}
