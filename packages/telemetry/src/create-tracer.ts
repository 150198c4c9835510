import { newSpanId, type Clock, type Context } from '@fairlead/core';
import { RecordedSpan, type SpanSetting } from './recorded-span.ts';
import type { Redaction } from './redaction.ts';
import type { Sampler } from './sampling.ts';
import { spanShapes } from './span-shape.ts';
import type { Span, SpanKind, Tracer } from './span.ts';
import { UnsampledSpan } from './unsampled-span.ts';

/** What a tracer is made of. */
export interface CreateTracerOptions {
  readonly clock: Clock;
  readonly sampler: Sampler;
  readonly redaction: Redaction;
  /** Takes a span that has ended; must not throw. Default: nobody takes any, and all that is left of spans is that traces are decided about. */
  readonly record?: ((span: RecordedSpan) => void) | undefined;
}

/** A tracer that counts what it doesn't record. */
export interface CountingTracer extends Tracer {
  /** Traces that it has decided not to record. */
  readonly tracesUnsampled: number;
  /** Spans of traces that aren't recorded, whoever has decided so. */
  readonly spansUnsampled: number;
}

/** A tracer. Ids come from the Context's random source, times from `clock`. */
export function createTracer({ clock, sampler, redaction, record }: CreateTracerOptions): CountingTracer {
  const setting: SpanSetting = { clock, redaction, shapeOf: spanShapes(redaction), wallTimeAt: wallTime(clock) };
  let tracesUnsampled = 0;
  let spansUnsampled = 0;

  let decidedTraceId = '';
  let lastDecision = false;

  function decide(traceId: string, atMs: number): boolean {
    if (traceId === decidedTraceId) return lastDecision;
    const sampled = sampler.samples(traceId, atMs);
    if (!sampled) tracesUnsampled += 1;
    decidedTraceId = traceId;
    lastDecision = sampled;
    return sampled;
  }

  return {
    isRecording: record !== undefined,
    decide(traceId, atMs) {
      // Whoever asks has decided nothing about this one yet.
      decidedTraceId = '';
      return decide(traceId, atMs);
    },
    get tracesUnsampled() {
      return tracesUnsampled;
    },
    get spansUnsampled() {
      return spansUnsampled;
    },
    async span(ctx, options, work, beganMs) {
      const { traceId, sampled: wasSampled, undecided } = ctx.trace;
      const isEntrance = ENTRANCES.has(options.kind);
      const decides = undecided === true || (isEntrance && !sampler.followsCaller);
      // Most spans of a busy service: nobody will ask when they were.
      const isTimed = decides || isEntrance || wasSampled;
      const startedMs = isTimed ? (beganMs ?? clock.monotonic()) : 0;
      const sampled = decides ? decide(traceId, startedMs) : wasSampled;
      decidedTraceId = '';
      const inner = below(ctx, sampled);
      if (!sampled) spansUnsampled += 1;
      if (record === undefined || !(sampled || isEntrance)) return work(inner, NO_SPAN);

      const span = sampled
        ? new RecordedSpan(setting, ctx, inner, options, startedMs)
        : new UnsampledSpan(setting, ctx, inner, options, startedMs);
      try {
        return await work(inner, span);
      } catch (error) {
        span.threw(error);
        throw error;
      } finally {
        const recorded = span.settle();
        if (recorded !== undefined) record(recorded);
      }
    },
  };
}

/** A tracer that records nothing and leaves it to others to decide what they record. */
export const passingTracer: Tracer = {
  isRecording: false,
  decide: () => true,
  span: async (ctx, _, work) => work(below(ctx, ctx.trace.sampled), NO_SPAN),
};

/** Where work comes in from others. */
const ENTRANCES: ReadonlySet<SpanKind> = new Set(['server', 'consumer']);

/** The Context with a new span as its current one. */
function below(ctx: Context, sampled: boolean): Context {
  const { traceId, state } = ctx.trace;
  return ctx.derive({ trace: { traceId, spanId: newSpanId(ctx.random), sampled, state } });
}

const NO_SPAN: Span = { set() {}, event() {}, fail() {}, end() {} };

/**
 * Wall time with the resolution of monotonic time, so that the spans of a process are in order to the microsecond. It
 * follows the wall clock when that is set.
 */
function wallTime(clock: Clock): (monotonicMs: number) => number {
  let offsetMs = -Infinity;
  return (monotonicMs) => {
    const nowMs = clock.monotonic();
    const wallMs = clock.now();
    const differenceMs = offsetMs + nowMs - wallMs;
    // `now` is whole milliseconds, so up to 1 ms behind is agreement; beyond 10 it was set (or drifted).
    if (!(differenceMs >= -10 && differenceMs <= 10)) offsetMs = wallMs - nowMs;
    return offsetMs + monotonicMs;
  };
}
