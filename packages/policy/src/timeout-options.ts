import type { Problems } from './problems.ts';
import { durationText, Fields, type DurationText } from './readers.ts';

/**
 * How long a call may take. No time is ever up early. It is late by as much as the event loop is busy when it comes, and, where
 * a call is not the first of this policy to begin in a turn of the event loop, by what else the process does in that turn.
 */
export interface TimeoutSpec {
  /** For everything together: waiting, attempts and backoff. Never lengthens the caller's deadline. Default: only that. */
  readonly total?: DurationText;
  /** For one attempt, and never more than what is left of the total. Default: what is left. */
  readonly attempt?: DurationText;
  /**
   * After its end (a timeout, an abort, a lost race), work that has not settled for so long is called stuck. Default: ten
   * times `attempt`, or of `total` when an attempt has no timeout, or 10 minutes when neither has one.
   */
  readonly stuckAfter?: DurationText;
  /**
   * How many stuck attempts at a time are too many: whoever serves should then be given no new work (`late.tooMany` of
   * `inspect`). Default 0: no number is.
   */
  readonly stuckLimit?: number;
}

/** How long a call may take, in milliseconds. */
export interface ResolvedTimeout {
  /** `Infinity` for no end of its own. */
  readonly totalMs: number;
  /** `Infinity` for what is left. */
  readonly attemptMs: number;
  readonly stuckAfterMs: number;
  /** 0: no number is too many. */
  readonly stuckLimit: number;
}

const KEYS = { total: true, attempt: true, stuckAfter: true, stuckLimit: true } as const;
const STUCK_TIMES = 10;
const STUCK_WITHOUT_TIMEOUT_MS = 600_000;

/** Reads `timeout`; without one nothing ends but by the caller. */
export function resolveTimeout(spec: unknown, place: Problems): ResolvedTimeout {
  const fields = new Fields<TimeoutSpec>(spec ?? {}, place, KEYS);
  const totalMs = fields.durationMs('total', Infinity, { min: 1 });
  const attemptMs = fields.durationMs('attempt', Infinity, { min: 1 });
  if (attemptMs !== Infinity && attemptMs > totalMs) {
    fields
      .at('attempt')
      .add(
        `${durationText(attemptMs)} is longer than timeout.total, ${durationText(totalMs)}; ` +
          `no attempt can take that long: give at most ${durationText(totalMs)}, or a longer total`,
      );
  }
  const shortest = Math.min(attemptMs, totalMs);
  const stuckAfterMs = shortest === Infinity ? STUCK_WITHOUT_TIMEOUT_MS : STUCK_TIMES * shortest;
  return {
    totalMs,
    attemptMs,
    stuckAfterMs: fields.durationMs('stuckAfter', stuckAfterMs),
    stuckLimit: fields.count('stuckLimit', 0),
  };
}
