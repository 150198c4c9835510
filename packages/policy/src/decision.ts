/** Why a policy did not let a call through, or stopped it. Labels of metrics: few, and they never change. */
export type RejectionCause =
  | 'deadline'
  | 'rate-limited'
  | 'quota'
  | 'shed'
  | 'budget'
  | 'open'
  | 'full'
  | 'queue-timeout'
  | 'cancelled';

/** A call that a policy did not let through, with all that is known about why. */
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

/** The work succeeded, or a fallback stood in for it. */
export interface Succeeded<Value> {
  readonly kind: 'ok';
  readonly value: Value;
  /** How often the work was begun; 0 when it was not. */
  readonly attempts: number;
  /** Where the value comes from: the work itself, a stored answer, another caller's call, or a fallback. */
  readonly from: 'call' | 'cache' | 'shared' | 'stale' | 'fallback' | 'deferred';
}

/** The work was begun and failed. */
export interface Failed {
  readonly kind: 'failed';
  /** What the last attempt threw, or the timeout that ended it. */
  readonly error: unknown;
  readonly attempts: number;
}

/** The policy did not let the work through. */
export interface Rejected {
  readonly kind: 'rejected';
  readonly rejection: Rejection;
  readonly attempts: number;
}

/** What became of a call, as a value. */
export type Decision<Value> = Succeeded<Value> | Failed | Rejected;
