import { factsOf } from './failure-facts.ts';
import { wasRetried } from './pushback.ts';
import type { ResolvedRepeat } from './repeat-options.ts';

/** An attempt that failed, and what decides whether there is another. */
export interface Failure {
  /** What it threw, or the value that counts as a failure. */
  readonly failed: unknown;
  /** Whether `failed` was returned, and a predicate called it a failure. */
  readonly returned: boolean;
  /** When the attempt began, monotonic. */
  readonly beganMs: number;
  /** Attempts begun so far, this one included. */
  readonly attempts: number;
  /** Whether the call is idempotent or carries a key by which its destination recognises a repeat. */
  readonly repeatable: boolean;
  /** Left of the whole call, in milliseconds. */
  readonly remainingMs: number;
  /** The time of day, in milliseconds since the epoch. */
  readonly wallMs: number;
}

/** Why there is no further attempt. Labels of metrics. */
export type StopReason = 'attempts' | 'deadline' | 'pushback' | 'not-retriable' | 'not-repeatable';

/** Whether there is a further attempt. */
export type RetryVerdict =
  | {
      readonly kind: 'retry';
      /** The other side wants no attempt before that. 0 when it said nothing. */
      readonly minDelayMs: number;
      /** Whether the other side wants it exactly then; the backoff begins anew after it. */
      readonly exact: boolean;
    }
  | { readonly kind: 'stop'; readonly reason: StopReason };

const RETRY: RetryVerdict = { kind: 'retry', minDelayMs: 0, exact: false };
const STOP: Readonly<Record<StopReason, RetryVerdict>> = {
  attempts: { kind: 'stop', reason: 'attempts' },
  deadline: { kind: 'stop', reason: 'deadline' },
  pushback: { kind: 'stop', reason: 'pushback' },
  'not-retriable': { kind: 'stop', reason: 'not-retriable' },
  'not-repeatable': { kind: 'stop', reason: 'not-repeatable' },
};

/**
 * Whether a call may be made once more after a failure; the budget still has its say. Pushback and its exact delay are
 * gRPC's (A6): never means never (as does a policy below that has retried already), and a delay makes a failure retriable that else were not (but no call repeatable).
 * `Retry-After` is a least delay; what does not fit in the time left fails at once.
 */
export function verdictOf(rules: ResolvedRepeat & { readonly attempts: number }, failure: Failure): RetryVerdict {
  if (failure.remainingMs <= 0) return STOP.deadline;
  const { code, status, unprocessed, retryAfterMs, pushbackMs } = factsOf(failure.failed, failure.wallMs);
  const wanted =
    rules.shouldRepeat?.(failure.failed, failure.attempts) ??
    (!(code !== undefined && rules.exceptCodes.has(code)) &&
      ((pushbackMs ?? -1) >= 0 || isListed(rules, code, status, failure.returned)));
  if (!wanted) return STOP['not-retriable'];
  if ((pushbackMs ?? 0) < 0 || wasRetried(failure.failed, failure.beganMs, rules)) return STOP.pushback;
  if (!(failure.repeatable || unprocessed || rules.anyCall)) return STOP['not-repeatable'];
  if (failure.attempts >= rules.attempts) return STOP.attempts;
  const minDelayMs = pushbackMs ?? retryAfterMs ?? 0;
  if (minDelayMs >= failure.remainingMs) return STOP.deadline;
  return minDelayMs === 0 && pushbackMs === undefined
    ? RETRY
    : { kind: 'retry', minDelayMs, exact: pushbackMs !== undefined };
}

function isListed(
  rules: ResolvedRepeat,
  code: string | undefined,
  status: number | undefined,
  returned: boolean,
): boolean {
  if (code !== undefined && rules.codes.has(code)) return true;
  if (status !== undefined) return rules.statuses.has(status);
  // A value that a predicate has called a failure needs no other sign.
  return rules.unknown || returned;
}
