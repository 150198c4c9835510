import { CORE_ERRORS, FairleadError } from './errors.ts';
import type { Random } from './random.ts';

/** How the delays between attempts grow. */
export interface BackoffOptions {
  /** Longest delay before the second attempt, in milliseconds; it doubles with each. 0 means no delay at all. */
  readonly baseMs: number;
  /** The most that any delay can be, in milliseconds. */
  readonly maxMs: number;
  readonly random: Random;
}

/** Delays between attempts. Keeps no state. */
export interface Backoff {
  /** Milliseconds to wait after the failure of attempt number `attempt`, the first being 1. */
  delayFor(attempt: number): number;
}

/**
 * Exponential backoff with full jitter: a uniformly random share of `min(maxMs, baseMs · 2^(attempt−1))` (Marc Brooker,
 * "Exponential Backoff And Jitter", 2015). For the loops of the platform itself; calls have policies.
 * @throws MISCONFIGURED when `baseMs` or `maxMs` is negative or not a number
 */
export function backoff(options: BackoffOptions): Backoff {
  const { baseMs, maxMs, random } = options;
  if (!(baseMs >= 0 && maxMs >= baseMs && maxMs < Infinity)) {
    throw new FairleadError(
      CORE_ERRORS.MISCONFIGURED,
      'MISCONFIGURED',
      `A backoff from ${baseMs} ms to ${maxMs} ms makes no sense; give 0 ≤ baseMs ≤ maxMs.`,
    );
  }
  return {
    delayFor: (attempt) => random.next() * Math.min(maxMs, baseMs * 2 ** Math.max(0, attempt - 1)),
  };
}
