import { newSpanId, type Clock, type Context } from '@fairlead/core';
import { RecordedSpan } from './recorded-span.ts';
import type { Redaction } from './redaction.ts';
import { spanShapes } from './span-shape.ts';
import type { Span, Tracer } from './span.ts';

/** What a tracer is made of. */
export interface CreateTracerOptions {
  readonly clock: Clock;
  readonly redaction: Redaction;
  /** Takes a span that has ended; must not throw. */
  readonly record: (span: RecordedSpan) => void;
}

/** A tracer. Ids come from the Context's random source, times from `clock`; without options nothing is recorded. */
export function createTracer(options: CreateTracerOptions | undefined): Tracer {
  if (options === undefined) return { span: async (ctx, _, work) => work(below(ctx), NO_SPAN) };
  const { clock, record, redaction } = options;
  const shapeOf = spanShapes(redaction);
  const timeAt = wallTime(clock);
  return {
    async span(ctx, spanOptions, work) {
      const inner = below(ctx);
      if (!ctx.trace.sampled) return work(inner, NO_SPAN);
      const startedMs = clock.monotonic();
      const startMs = timeAt(startedMs);
      const span = new RecordedSpan(ctx, inner, shapeOf(spanOptions), redaction, clock, startMs, startedMs);
      try {
        return await work(inner, span);
      } catch (error) {
        span.threw(error);
        throw error;
      } finally {
        span.end();
        record(span);
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
function wallTime(clock: Clock): (monotonicMs: number) => number {
  let offsetMs = -Infinity;
  return (monotonicMs) => {
    const wallMs = clock.now();
    const differenceMs = offsetMs + monotonicMs - wallMs;
    // `now` is whole milliseconds, so up to 1 ms behind is agreement; beyond 10 it was set (or drifted).
    if (!(differenceMs >= -10 && differenceMs <= 10)) offsetMs = wallMs - monotonicMs;
    return offsetMs + monotonicMs;
  };
}
