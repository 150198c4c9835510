import type { HedgeDelayRule } from './hedge-options.ts';

/** How many new durations it takes, as a share of the window, until the percentile is worked out again. */
const REFRESH_SHARE = 16;

/**
 * How long an attempt has before it gets company: fixed, or a percentile (nearest rank) of how long first attempts lately
 * took to succeed.
 *
 * Of a first attempt that lost its race, failed or was given up, the duration is only known to be longer than what it had.
 * Leaving those out would cut off the slow tail, and the percentile would hedge itself shorter and shorter; taking one
 * that failed quickly for a quick success would too. So they count with what they had if that was longer than the delay.
 * Later attempts are not recorded at all: one that is cancelled early says nothing.
 */
export class HedgeDelay {
  readonly #rule: HedgeDelayRule;
  readonly #durations: Float64Array;
  readonly #sorted: Float64Array;
  #at = 0;
  #samples = 0;
  #fresh = 0;
  #delayMs: number;

  constructor(rule: HedgeDelayRule) {
    this.#rule = rule;
    const window = rule.kind === 'fixed' ? 0 : rule.window;
    this.#durations = new Float64Array(window);
    this.#sorted = new Float64Array(window);
    this.#delayMs = rule.kind === 'fixed' ? rule.delayMs : Infinity;
  }

  /** A first attempt would have taken at least so long to succeed. */
  recordAtLeast(durationMs: number): void {
    if (durationMs >= this.#delayMs) this.record(durationMs);
  }

  /** A first attempt succeeded after so long. */
  record(durationMs: number): void {
    const rule = this.#rule;
    if (rule.kind === 'fixed') return;
    this.#durations[this.#at] = durationMs;
    this.#at = (this.#at + 1) % rule.window;
    this.#samples = Math.min(rule.window, this.#samples + 1);
    this.#fresh++;
    if (this.#samples < rule.minSamples) return;
    if (this.#delayMs === Infinity || this.#fresh * REFRESH_SHARE >= rule.window) {
      this.#fresh = 0;
      const sorted = this.#sorted.subarray(0, this.#samples);
      sorted.set(this.#durations.subarray(0, this.#samples));
      sorted.sort();
      const rank = Math.max(1, Math.ceil(rule.quantile * this.#samples));
      this.#delayMs = Math.max(rule.minDelayMs, sorted[rank - 1] ?? Infinity);
    }
  }

  /** Milliseconds an attempt has; `Infinity` while too little is known to hedge. */
  delayMs(): number {
    return this.#delayMs;
  }
}
