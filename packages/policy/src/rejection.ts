/** Why a policy did not let a call through. Labels of metrics: few, and they never change. */
export type RejectionCause =
  | 'deadline'
  | 'rate-limited'
  | 'quota'
  | 'limit-unknown'
  | 'shed'
  | 'budget'
  | 'open'
  | 'full'
  | 'queue-timeout'
  | 'cancelled';

/** A call, or a further attempt, that a policy did not let through, with all that is known about why. */
export interface Rejection {
  readonly cause: RejectionCause;
  /** Name of the policy. */
  readonly policy: string;
  /** The section of its specification that decided, such as `breaker`. */
  readonly rule: string;
  /** What was measured when it decided, by name with unit, such as `failureRatio` or `queued`. */
  readonly measured: Readonly<Record<string, number | string>>;
  /** When a repeat may be let through, in milliseconds; `undefined` when nobody can tell. */
  readonly retryAfterMs: number | undefined;
}
