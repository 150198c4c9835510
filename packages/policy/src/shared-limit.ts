import type { Clock, Context } from '@fairlead/core';
import { reasonOf } from './call-ends.ts';
import type { LimitStore, LimitVerdict } from './limit-store.ts';
import type { ResolvedRate, ResolvedSharedLimit } from './rate-limit-options.ts';

/** How it goes with the store of shared limits, as it is now. */
export interface SharedLimitState {
  /** Questions that the store answered. */
  readonly answered: number;
  /** Questions that it failed to answer, or not in time. */
  readonly failed: number;
  /** Calls that were decided without a question, as it had just failed. */
  readonly skipped: number;
  /** For how long nobody asks, in milliseconds. */
  readonly pausedMs: number;
  /** What was last wrong. */
  readonly lastFailure: string | undefined;
}

/** A store didn't say. */
export interface UnknownLimit {
  readonly kind: 'unknown';
  /** When it will be asked again, in milliseconds. */
  readonly retryAfterMs: number;
}

/** Of the time that a call has left, as much as it may spend on asking. */
const SHARE_OF_CALL = 0.25;

/**
 * Asks the store, and waits neither longer than it may nor again for what has just failed: a store that is down costs
 * one call in a while its time, not every call.
 */
export class SharedLimit {
  readonly #options: ResolvedSharedLimit;
  readonly #store: LimitStore;
  readonly #clock: Clock;
  readonly #onFailure: ((failure: string) => void) | undefined;
  #pausedUntilMs = -Infinity;
  #answered = 0;
  #failed = 0;
  #skipped = 0;
  #lastFailure: string | undefined;

  /** @param onFailure told of what was wrong, once for each question that the store failed to answer */
  constructor(
    options: ResolvedSharedLimit,
    store: LimitStore,
    clock: Clock,
    onFailure: ((failure: string) => void) | undefined,
  ) {
    this.#options = options;
    this.#store = store;
    this.#clock = clock;
    this.#onFailure = onFailure;
  }

  /** Never rejects. A caller who leaves is answered at once; look at `ctx` before the answer. */
  async ask(ctx: Context, key: string, rate: ResolvedRate, cost: number): Promise<LimitVerdict | UnknownLimit> {
    const pausedMs = this.#pausedUntilMs - this.#clock.monotonic();
    if (pausedMs > 0) {
      this.#skipped++;
      return { kind: 'unknown', retryAfterMs: pausedMs };
    }
    const timeoutMs = Math.min(this.#options.timeoutMs, SHARE_OF_CALL * ctx.remainingMs());
    using scope = ctx.withTimeout(timeoutMs);
    try {
      const verdict = await firstOf(scope, () => this.#store.admit(scope, key, rate, cost));
      this.#answered++;
      return verdict;
    } catch (error) {
      // That the caller left says nothing about the store, nor does having had less time than was meant.
      if (reasonOf(ctx) !== undefined) return { kind: 'unknown', retryAfterMs: 0 };
      this.#failed++;
      const isHurried = reasonOf(scope) !== undefined && timeoutMs < this.#options.timeoutMs;
      if (isHurried) return { kind: 'unknown', retryAfterMs: 0 };
      this.#lastFailure = error instanceof Error ? error.message : String(error);
      this.#pausedUntilMs = this.#clock.monotonic() + this.#options.pauseMs;
      this.#onFailure?.(this.#lastFailure);
      return { kind: 'unknown', retryAfterMs: this.#options.pauseMs };
    }
  }

  inspect(nowMs: number): SharedLimitState {
    return {
      answered: this.#answered,
      failed: this.#failed,
      skipped: this.#skipped,
      pausedMs: Math.max(0, this.#pausedUntilMs - nowMs),
      lastFailure: this.#lastFailure,
    };
  }
}

/** What `begin` gives, or the end of `ctx` if that comes first; a store need not heed its Context. */
function firstOf<Value>(ctx: Context, begin: () => Promise<Value>): Promise<Value> {
  return new Promise((resolve, reject) => {
    const stop = ctx.onEnd(reject);
    const begun = new Promise<Value>((given) => given(begin()));
    begun
      .then(resolve, reject)
      .finally(stop)
      .catch(() => undefined);
  });
}
