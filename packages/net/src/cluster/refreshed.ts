import { backoff, type Backoff, type Clock, type Random, type Timer } from '@fairlead/core';
import type { ClusterEndpoint } from './cluster-types.ts';
import type { Discovery, DiscoveryListener } from './discovery.ts';
import { atLeast } from './option-check.ts';

/** When what was found out is asked for again. */
export interface RefreshOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** When the answer doesn't say, and the longest first delay after a failure, in milliseconds. Default 5 000; at least 1. */
  readonly refreshMs?: number;
  /** No sooner than this, whatever the answer says, in milliseconds. Default 1 000; at least 1. */
  readonly minRefreshMs?: number;
  /** No later than this, whatever the answer says, in milliseconds. Default 300 000; at least `minRefreshMs` and `refreshMs`. */
  readonly maxRefreshMs?: number;
}

/** What was found, and how long it may be believed, in milliseconds; `undefined` when that isn't known. */
export interface FoundEndpoints {
  readonly endpoints: readonly ClusterEndpoint[];
  readonly ttlMs: number | undefined;
}

/** When to ask again. */
interface Pace {
  readonly clock: Clock;
  readonly afterAnswerMs: (ttlMs: number | undefined) => number;
  readonly afterFailureMs: (failures: number) => number;
}

const DEFAULTS = { refreshMs: 5_000, minRefreshMs: 1_000, maxRefreshMs: 300_000 };

/**
 * A discovery that asks again and again: when an answer's time is over, and after a failure with growing delays.
 * @throws MISCONFIGURED
 */
export function refreshed(options: RefreshOptions, ask: () => Promise<FoundEndpoints>): Discovery {
  const { clock, random, ...given } = options;
  const { refreshMs, minRefreshMs, maxRefreshMs } = { ...DEFAULTS, ...given };
  atLeast('refreshMs', refreshMs, 1);
  atLeast('minRefreshMs', minRefreshMs, 1);
  atLeast('maxRefreshMs', maxRefreshMs, Math.max(minRefreshMs, refreshMs));
  const delays: Backoff = backoff({ baseMs: refreshMs, maxMs: maxRefreshMs, random });
  const pace: Pace = {
    clock,
    afterAnswerMs: (ttlMs = refreshMs) => Math.min(maxRefreshMs, Math.max(minRefreshMs, ttlMs)),
    afterFailureMs: (failures) => Math.max(minRefreshMs, delays.delayFor(failures)),
  };
  return {
    watch(listener) {
      const asking = new Asking(ask, listener, pace);
      void asking.ask();
      return { close: () => asking.close(), [Symbol.asyncDispose]: () => asking.close() };
    },
  };
}

class Asking {
  readonly #ask: () => Promise<FoundEndpoints>;
  readonly #listener: DiscoveryListener;
  readonly #pace: Pace;
  #timer: Timer | undefined;
  #failures = 0;
  #isClosed = false;

  constructor(ask: () => Promise<FoundEndpoints>, listener: DiscoveryListener, pace: Pace) {
    this.#ask = ask;
    this.#listener = listener;
    this.#pace = pace;
  }

  async ask(): Promise<void> {
    const delayMs = await this.#asked();
    if (!this.#isClosed) this.#timer = this.#pace.clock.setTimer(delayMs, () => void this.ask());
  }

  /** An answer that is on its way is not waited for, and not heard. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#timer?.cancel();
  }

  /** Tells the listener; how long until it is asked again. */
  async #asked(): Promise<number> {
    let found: FoundEndpoints;
    try {
      found = await this.#ask();
    } catch (error) {
      this.#failures += 1;
      if (!this.#isClosed) this.#listener.onFailure(error instanceof Error ? error.message : String(error));
      return this.#pace.afterFailureMs(this.#failures);
    }
    this.#failures = 0;
    if (!this.#isClosed) this.#listener.onEndpoints(found.endpoints);
    return this.#pace.afterAnswerMs(found.ttlMs);
  }
}
