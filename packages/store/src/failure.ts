import { FairleadError, type Backoff, type Context } from '@fairlead/core';
import { RejectedError } from '@fairlead/policy';

/** Why an event or a job failed, for those who will look at it. */
export interface Failure {
  readonly code: string;
  readonly message: string;
  readonly traceId: string;
  /**
   * Something that the handler needs had certainly not begun: a breaker is open, a connection was refused. Waiting is the
   * cure, so it doesn't count as an attempt.
   */
  readonly postponed: boolean;
  /** When it said that a repeat may succeed, in milliseconds; 0 when it said nothing. */
  readonly retryAfterMs: number;
}

const MAX_MESSAGE_LENGTH = 2_000;
/** How often the delay of a postponed event doubles: asking again costs little, and people wait for the answer. */
const POSTPONED_STEPS = 5;

/** What is kept of an error. */
export function failureOf(error: unknown, ctx: Context): Failure {
  const code = error instanceof FairleadError ? error.code : 'INTERNAL';
  const message = error instanceof Error ? error.message : String(error);
  return {
    code,
    // Postgres text can't hold NUL.
    message: message.replaceAll('\0', '').slice(0, MAX_MESSAGE_LENGTH),
    traceId: ctx.trace.traceId,
    postponed: error instanceof FairleadError && isPostponement(error),
    retryAfterMs: error instanceof FairleadError ? (error.retryAfterMs ?? 0) : 0,
  };
}

/** What comes after an attempt, which `tried` counts already but for whether this failure postpones it. */
export function nextAttempt(
  tried: { readonly attempts: number; readonly postponed: number },
  failure: Failure | undefined,
  limits: { readonly maxAttempts: number; readonly attemptDelays: Backoff },
): { readonly dead: boolean; readonly delayMs: number } {
  const postponed = failure?.postponed === true;
  const counted = tried.attempts - tried.postponed;
  const steps = postponed ? Math.min(tried.attempts, POSTPONED_STEPS) : counted;
  return {
    dead: !postponed && counted >= limits.maxAttempts,
    delayMs: (failure?.retryAfterMs ?? 0) + limits.attemptDelays.delayFor(steps),
  };
}

/** Whether something is not there or has no room, and had certainly not begun what it was asked for. */
function isPostponement(error: FairleadError): boolean {
  if (error instanceof RejectedError) return error.kind !== 'cancelled';
  return (error.kind === 'unavailable' || error.kind === 'exhausted') && error.details['processed'] === 'no';
}
