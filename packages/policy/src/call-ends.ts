import type { Context, FairleadError } from '@fairlead/core';
import type { CallParts } from './call-parts.ts';
import { fail } from './errors.ts';
import { durationText } from './readers.ts';
import type { Rejection } from './rejection.ts';

/** Why a Context has ended; `undefined` while it lives. */
export function reasonOf(ctx: Context): FairleadError | undefined {
  try {
    ctx.throwIfAborted();
    return undefined;
  } catch (reason) {
    // A Context ends with nothing else.
    return reason as FairleadError;
  }
}

/** The error that ends an attempt which took too long: `limit` in its details says which of the policy's limits it met. */
export function timeoutError(parts: CallParts, attempt: number, isTotal: boolean, heldMs: number): FairleadError {
  const { name, attemptMs, totalMs } = parts;
  const timeoutMs = isTotal ? totalMs : attemptMs;
  const message = isTotal
    ? `${name}: the call did not end within its total of ${durationText(timeoutMs)}; ` +
      `attempt ${attempt} was ended after ${Math.round(heldMs)} ms.`
    : `${name}: attempt ${attempt} did not end within ${durationText(timeoutMs)}.`;
  return fail('DEADLINE_EXCEEDED', message, {
    details: { policy: name, limit: isTotal ? 'total' : 'attempt', timeoutMs, attempt },
  });
}

/** There is no time left, or too little. */
export function deadlineRejection(parts: CallParts, startedAtMs: number, endsAtMs: number, nowMs: number): Rejection {
  return {
    cause: 'deadline',
    policy: parts.name,
    rule: endsAtMs - startedAtMs < parts.totalMs ? 'caller' : 'timeout.total',
    measured: { elapsedMs: nowMs - startedAtMs, remainingMs: Math.max(0, endsAtMs - nowMs) },
    retryAfterMs: undefined,
  };
}

/** The caller has given up, or has no time left. */
export function endedRejection(reason: FairleadError | undefined, late: Rejection): Rejection {
  return reason?.code === 'CANCELLED' ? { ...late, cause: 'cancelled', rule: 'caller' } : late;
}
