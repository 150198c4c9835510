import type { ResolvedAimd } from './adaptive-options.ts';
import type { LimitRule } from './limit.ts';

/**
 * One slot more for a measurement without a drop while at least half of the limit is in use, the `backoff` share of the
 * limit for one with a drop or above `timeoutMs`.
 *
 * Source: AIMDLimit of Netflix concurrency-limits, as of commit 78a74b98; additive increase, multiplicative decrease is
 * Chiu and Jain's (1989).
 */
export class Aimd implements LimitRule {
  readonly algorithm = 'aimd';
  readonly heedsDrops = true;
  readonly baseMs = 0;
  readonly #options: ResolvedAimd;
  #limit: number;

  constructor(options: ResolvedAimd) {
    this.#options = options;
    this.#limit = options.initial;
  }

  update(durationMs: number, inFlight: number, dropped: boolean): number {
    const { backoff, timeoutMs, min, max } = this.#options;
    // Whole slots all the way, as the source has it: what is lost by rounding down is part of the decrease.
    if (dropped || durationMs > timeoutMs) this.#limit = Math.floor(this.#limit * backoff);
    else if (inFlight * 2 >= this.#limit) this.#limit += 1;
    this.#limit = Math.max(min, Math.min(max, this.#limit));
    return this.#limit;
  }
}
