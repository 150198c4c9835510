import { createContext, newSpanId, newTraceId, type Clock, type Random, type ScopedContext } from '@fairlead/core';

/**
 * A root Context for what a loop does on nobody's behalf. Its trace is not sampled: a statement four times a second
 * would bury the traces that somebody looks for.
 */
export function loopContext(options: {
  readonly clock: Clock;
  readonly random: Random;
  readonly signal?: AbortSignal;
  readonly timeoutMs?: number;
}): ScopedContext {
  const { random } = options;
  const trace = { traceId: newTraceId(random), spanId: newSpanId(random), sampled: false, state: undefined };
  return createContext({ ...options, trace });
}
