import { createContext, type Context, type ScopedContext } from '@fairlead/core';

/** When a detached Context ends besides by being cancelled. */
interface OwnEnd {
  readonly signal?: AbortSignal;
  readonly timeoutMs?: number;
}

/** The facts of a Context with a life of its own, which `end` bounds and nothing else. */
export function detachedFrom(ctx: Context, end: OwnEnd = {}): ScopedContext {
  const { clock, random, trace, requestId, tenant, caller, idempotencyKey } = ctx;
  const { criticality, correlationId, causationId, baggage } = ctx;
  return createContext({
    clock,
    random,
    trace,
    requestId,
    tenant,
    caller,
    idempotencyKey,
    criticality,
    correlationId,
    causationId,
    baggage,
    ...end,
  });
}
