/** A pending timer. */
export interface Timer {
  /** Idempotent; the function will not run after this returns. */
  cancel(): void;
}

/**
 * Time, as a port. Nothing in the packages that carry semantics reads time in any other way, so that a simulator can
 * own it.
 */
export interface Clock {
  /**
   * True when time moves only when somebody moves it, as a virtual clock's. Then looking at it costs nothing, and nobody
   * keeps what it said. Default: time passes by itself.
   */
  readonly isStepped?: boolean | undefined;
  /** Milliseconds since the Unix epoch. May jump when the machine's clock is set. */
  now(): number;
  /** Milliseconds from an arbitrary origin; never goes back. For durations. */
  monotonic(): number;
  /** Runs `fn` once after `delayMs`; 0 means the next turn. A delay beyond 2^31−1 ms is waited in parts. */
  setTimer(delayMs: number, fn: () => void): Timer;
  /**
   * Resolves after `delayMs`; rejects with the signal's reason, at once and leaving no timer, when it aborts.
   */
  sleep(delayMs: number, signal?: AbortSignal): Promise<void>;
}
