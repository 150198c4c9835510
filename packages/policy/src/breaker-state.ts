/** How a breaker is told to be. `auto`: as its rules say. The others last until it is told otherwise. */
export type BreakerMode = 'auto' | 'open' | 'closed' | 'disabled' | 'metrics-only';

/**
 * What a breaker is doing. `closed`: all calls pass and are judged. `open`: none passes. `half-open`: some pass, as
 * probes. By order: `forced-open`: none passes; `forced-closed`: all pass and are measured; `disabled`: all pass and
 * nothing is measured; `metrics-only`: all pass, are measured and judged, and the judgement is only told.
 */
export type BreakerStateName =
  | 'closed'
  | 'open'
  | 'half-open'
  | 'forced-open'
  | 'forced-closed'
  | 'disabled'
  | 'metrics-only';

/**
 * Why a breaker is in its state. `failure-ratio`, `slow-ratio`: a rule was met, by the window or by the probes.
 * `waited`: it was open long enough. `recovered`: the probes did well. `lease`: too many probes were never heard of.
 * `forced`: by order.
 */
export type BreakerCause = 'failure-ratio' | 'slow-ratio' | 'waited' | 'recovered' | 'lease' | 'forced';

/** What a breaker judges by. */
export interface BreakerMeasure {
  readonly calls: number;
  readonly failures: number;
  readonly slow: number;
  /** 0 to 1; 0 without calls. */
  readonly failureRatio: number;
  readonly slowRatio: number;
}

/** A change of state. From `metrics-only` to itself: a rule was met, and it would have opened. */
export interface BreakerTransition {
  readonly from: BreakerStateName;
  readonly to: BreakerStateName;
  readonly cause: BreakerCause;
  /** Monotonic time at which it came about, which may be earlier than when it was noticed. */
  readonly atMs: number;
  /** What it was decided by. */
  readonly measured: BreakerMeasure;
  /** For how long it opened, in milliseconds; 0 when it did not open by itself. */
  readonly openForMs: number;
}

/** Everything about a breaker, as it is now. JSON can carry it. */
export interface BreakerState {
  readonly state: BreakerStateName;
  /** Why; `undefined` for the state that it began in. */
  readonly cause: BreakerCause | undefined;
  /** For how long, in milliseconds; `undefined` for the state that it began in. */
  readonly forMs: number | undefined;
  /** Grows with every change of state; results of calls that were let through under an older one count for nothing. */
  readonly generation: number;
  /** The window while calls pass, the probes while it is half-open, and what it was opened by while it is open. */
  readonly measured: BreakerMeasure;
  /** When calls may pass again, in milliseconds; 0 when they do, `undefined` when nobody can tell. */
  readonly retryAfterMs: number | undefined;
  /** Openings since it was last closed: what the open time grows by. */
  readonly openings: number;
  /** Half-open only: probes that are out, and that may still be let through. */
  readonly probes: { readonly out: number; readonly free: number } | undefined;
  readonly counts: BreakerCounts;
}

/** What has happened since a breaker was made. Numbers of it only grow. */
export interface BreakerCounts {
  /** Openings by its own rules. */
  readonly opened: number;
  /** Openings that `metrics-only` kept it from. */
  readonly wouldHaveOpened: number;
  /** Calls that it did not let through. */
  readonly refused: number;
  /** Results that came when the state they belonged to, or their lease, was over. */
  readonly late: number;
  /** Results that say nothing about whom was called. */
  readonly ignored: number;
  /** Probes whose lease ended before they were heard of. */
  readonly leasesEnded: number;
}
