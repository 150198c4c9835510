import { FairleadError, statusOf, type Clock, type Context } from '@fairlead/core';
import type { Redaction } from './redaction.ts';
import { safe, type SpanShape } from './span-shape.ts';
import type { Attributes, AttributeValue, FinishedSpan, Span, SpanEvent } from './span.ts';

const MAX_ATTRIBUTES = 128;
const MAX_EVENTS = 128;
/** Shared by the spans that have nothing else to say: thousands wait to be delivered. */
const NO_EVENTS: readonly SpanEvent[] = Object.freeze([]);
const UNSET: FinishedSpan['status'] = Object.freeze({ kind: 'unset' });

/** A span as it is written down: what it has in common with others stays where that is. Read it when it has ended. */
export class RecordedSpan implements Span {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string | undefined;
  readonly traceState: string | undefined;
  /** Milliseconds since the epoch, with fractions. */
  readonly startMs: number;
  readonly #startedMs: number;
  readonly #clock: Clock;
  readonly #redaction: Redaction;
  readonly #attributes: Record<string, AttributeValue> = {};
  #shape: SpanShape;
  #count = 0;
  #events: SpanEvent[] | undefined;
  #status: FinishedSpan['status'] = UNSET;
  #endMs: number | undefined;

  /** Begins at `startMs`, which is when `clock` was at `startedMs`. */
  constructor(
    parent: Context,
    inner: Context,
    shape: SpanShape,
    redaction: Redaction,
    clock: Clock,
    startMs: number,
    startedMs: number,
  ) {
    const { trace } = parent;
    this.traceId = trace.traceId;
    this.spanId = inner.trace.spanId;
    this.parentSpanId = trace.root === true ? undefined : trace.spanId;
    this.traceState = trace.state;
    this.startMs = startMs;
    this.#startedMs = startedMs;
    this.#clock = clock;
    this.#redaction = redaction;
    this.#shape = shape;
    if (shape.kind === 'server' || shape.kind === 'consumer') {
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
    return this.#endMs ?? this.#nowMs();
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
      this.#attributes[name] = safe(this.#redaction, name, value);
    }
  }

  event(name: string, attributes: Attributes = {}): void {
    this.#events ??= [];
    if (this.#endMs !== undefined || this.#events.length >= MAX_EVENTS) return;
    const given = Object.entries(attributes).flatMap(([key, value]): [string, AttributeValue][] =>
      value === undefined ? [] : [[key, safe(this.#redaction, key, value)]],
    );
    this.#events.push({ name, timeMs: this.#nowMs(), attributes: Object.fromEntries(given) });
  }

  fail(errorType: string, message = ''): void {
    if (this.#endMs !== undefined) return;
    this.set('error.type', errorType);
    this.#status = { kind: 'error', message: this.#redaction.text(message) };
  }

  /** Notes that the work has failed with `error`. */
  threw(error: unknown): void {
    const type = error instanceof FairleadError ? error.code : error instanceof Error ? error.name : typeof error;
    const message = error instanceof Error ? error.message : String(error);
    const answers = this.#shape.kind === 'server' || this.#shape.kind === 'consumer';
    if (answers && error instanceof FairleadError && statusOf(error.kind) < 500) this.set('error.type', type);
    else this.fail(type, message);
  }

  /** Ends it: nothing changes any more. */
  end(): void {
    this.#endMs ??= this.#nowMs();
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
  #nowMs(): number {
    return this.startMs + (this.#clock.monotonic() - this.#startedMs);
  }
}
