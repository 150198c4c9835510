import type { OutcomeWindow } from './outcome-window.ts';

/** Numbers a bucket has: calls, failures, slow calls. */
const WIDTH = 3;

/**
 * The calls of the latest so much time. Time is cut into buckets at multiples of a bucket's length, and a bucket is
 * forgotten whole when the window has left it, whether or not anything happens meanwhile: what is remembered is never
 * older than the window and always younger than the window less one bucket. The model is resilience4j's
 * `SlidingTimeWindowMetrics`.
 */
export class TimeWindow implements OutcomeWindow {
  calls = 0;
  failures = 0;
  slow = 0;
  readonly #bucketMs: number;
  readonly #buckets: number;
  readonly #counts: Uint32Array;
  /** Number of the current bucket since the origin of time. */
  #bucket = -Infinity;
  #bucketEndMs = -Infinity;
  /** Where the current bucket's counts begin. */
  #at = 0;

  /**
   * @param windowMs how much time, in milliseconds
   * @param buckets in how many parts it is forgotten, at least 1
   */
  constructor(windowMs: number, buckets: number) {
    this.#bucketMs = windowMs / buckets;
    this.#buckets = buckets;
    this.#counts = new Uint32Array(buckets * WIDTH);
  }

  add(failed: boolean, slow: boolean, nowMs: number): void {
    if (nowMs >= this.#bucketEndMs) this.#turnTo(nowMs);
    const at = this.#at;
    const counts = this.#counts;
    counts[at] = (counts[at] ?? 0) + 1;
    this.calls++;
    if (failed) {
      counts[at + 1] = (counts[at + 1] ?? 0) + 1;
      this.failures++;
    }
    if (slow) {
      counts[at + 2] = (counts[at + 2] ?? 0) + 1;
      this.slow++;
    }
  }

  advance(nowMs: number): void {
    if (nowMs >= this.#bucketEndMs) this.#turnTo(nowMs);
  }

  clear(): void {
    this.#counts.fill(0);
    this.calls = 0;
    this.failures = 0;
    this.slow = 0;
  }

  #turnTo(nowMs: number): void {
    const bucket = Math.floor(nowMs / this.#bucketMs);
    const counts = this.#counts;
    for (let left = Math.min(this.#buckets, bucket - this.#bucket); left > 0; left--) {
      const at = this.#at + WIDTH === counts.length ? 0 : this.#at + WIDTH;
      this.calls -= counts[at] ?? 0;
      this.failures -= counts[at + 1] ?? 0;
      this.slow -= counts[at + 2] ?? 0;
      counts.fill(0, at, at + WIDTH);
      this.#at = at;
    }
    this.#bucket = bucket;
    this.#bucketEndMs = (bucket + 1) * this.#bucketMs;
  }
}
