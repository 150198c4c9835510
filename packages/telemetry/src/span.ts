import type { Context } from '@fairlead/core';

/** What a span is to the exchange it describes, as OpenTelemetry names it. */
export type SpanKind = 'server' | 'client' | 'producer' | 'consumer' | 'internal';

/** What an attribute can hold. */
export type AttributeValue = string | number | boolean | readonly string[];

/** Attributes by name; `undefined` counts as not given. Names follow OpenTelemetry's semantic conventions. */
export type Attributes = Readonly<Record<string, AttributeValue | undefined>>;

/** How a span begins. See `constantSpan` for those that begin the same way every time. */
export interface SpanOptions {
  /** Few different ones: `POST /orders`, `payments.charge`, never an id. */
  readonly name: string;
  readonly kind: SpanKind;
  readonly attributes?: Attributes | undefined;
}

/**
 * A span under way. Ends when the function that it was opened for settles; later changes count for nothing. Where the trace
 * isn't recorded, a server or consumer span keeps nothing until it fails: call `fail` before what else is to be known then.
 */
export interface Span {
  /** Sets an attribute; `undefined` removes it. */
  set(name: string, value: AttributeValue | undefined): void;
  /** Notes something that happened now. */
  event(name: string, attributes?: Attributes): void;
  /** Marks it failed without an exception, such as after an error answer that was handled. */
  fail(errorType: string, message?: string): void;
  /** Ends it already, at a reading of the clock's monotonic time. Default: when its function settles. */
  end(atMs: number): void;
}

/** Opens spans. */
export interface Tracer {
  /** Whether spans go anywhere. */
  readonly isRecording: boolean;
  /**
   * Decides about a trace that begins here at `atMs` (monotonic), as its first span would: for those who open no span for what is
   * not recorded. A span that is opened for the trace before the next decision takes this one over.
   */
  decide(traceId: string, atMs: number): boolean;
  /**
   * Runs `work` in a new span below `ctx`'s. The Context it gets has the new span as its current one, so what is called
   * or published with it hangs below. A failure of `work` is noted and comes out unchanged: `error.type` is its code (or
   * class), and the status is an error, except where a server or consumer answered somebody else's mistake (a kind whose
   * status is below 500). A server or consumer span bears request id and tenant.
   *
   * The first span of a trace that nobody has decided about decides whether it is recorded. One that isn't costs an id, with
   * one exception: a server or consumer span that ends as an error is recorded all the same, with the attribute
   * `fairlead.sampled: false`, which says that the rest of its trace is not there.
   *
   * `beganMs`: when it began, for whoever has read the clock's monotonic time already. Default: now.
   */
  span<T>(
    ctx: Context,
    options: SpanOptions,
    work: (ctx: Context, span: Span) => Promise<T>,
    beganMs?: number,
  ): Promise<T>;
}

/** Something that happened during a span. */
export interface SpanEvent {
  readonly name: string;
  /** Milliseconds since the epoch, with fractions. */
  readonly timeMs: number;
  readonly attributes: Readonly<Record<string, AttributeValue>>;
}

/** A span that has ended. */
export interface FinishedSpan {
  readonly traceId: string;
  readonly spanId: string;
  /** `undefined` for the first span of a trace. */
  readonly parentSpanId: string | undefined;
  readonly traceState: string | undefined;
  readonly name: string;
  readonly kind: SpanKind;
  /** Milliseconds since the epoch, with fractions. */
  readonly startMs: number;
  /** Never before `startMs`. */
  readonly endMs: number;
  readonly attributes: Readonly<Record<string, AttributeValue>>;
  readonly events: readonly SpanEvent[];
  readonly status: { readonly kind: 'unset' } | { readonly kind: 'error'; readonly message: string };
}
