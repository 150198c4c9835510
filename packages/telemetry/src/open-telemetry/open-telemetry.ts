import type { Context } from '@fairlead/core';
import { context, createTraceState, trace, TraceFlags } from '@opentelemetry/api';

const PROBE = context.active().setValue(Symbol('fairlead'), true);
const isActive = (): boolean => context.active() === PROBE;

/**
 * Runs `work` with our current span as OpenTelemetry's active one, so that third-party instrumentation hangs its spans
 * below ours. Costs next to nothing when no OpenTelemetry SDK is installed. Our own code never reads it.
 */
export function withOpenTelemetry<T>(ctx: Context, work: () => T): T {
  // Without an SDK nothing that is made active becomes so, and there is nobody to make a span context for.
  if (!context.with(PROBE, isActive)) return work();
  const { traceId, spanId, sampled, state } = ctx.trace;
  const active = trace.setSpanContext(context.active(), {
    traceId,
    spanId,
    traceFlags: sampled ? TraceFlags.SAMPLED : TraceFlags.NONE,
    isRemote: false,
    ...(state === undefined ? {} : { traceState: createTraceState(state) }),
  });
  return context.with(active, work);
}
