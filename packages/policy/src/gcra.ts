import type { ResolvedRate } from './rate-limit-options.ts';

/** A limit, as it is now. */
export interface GcraState {
  /** Calls in `perMs`, in the long run. */
  readonly count: number;
  readonly perMs: number;
  readonly burst: number;
  /** How much could be let through at once now. */
  readonly available: number;
}

/** In usual calls. Times are sums and differences; what their last digits say turns nobody away who came when told. */
const ROUNDING = 1e-6;

/**
 * The generic cell rate algorithm, counted as the debt of a bucket that leaks: in any stretch of time, wherever it
 * begins, it lets through no more than the burst and the rate's share of that stretch. Two numbers, and no window whose
 * edge would let twice as many through.
 *
 * Source: ITU-T I.371, annex A, whose continuous-state leaky bucket decides the same as its virtual scheduling.
 */
export class Gcra {
  readonly #rate: ResolvedRate;
  readonly #leakPerMs: number;
  /** What has been let through and not yet leaked at `#atMs`, in usual calls. */
  #debt: number;
  #atMs: number;

  /** @param debt what it begins with, as if so much had just been let through */
  constructor(rate: ResolvedRate, debt = 0, nowMs = 0) {
    this.#rate = rate;
    this.#leakPerMs = rate.count / rate.perMs;
    this.#debt = Math.min(debt, rate.burst);
    this.#atMs = nowMs;
  }

  get rate(): ResolvedRate {
    return this.#rate;
  }

  /**
   * 0: let through and counted. Otherwise not counted, and how long until it would be, in milliseconds; `Infinity` for
   * what weighs more than the burst.
   */
  admitAfterMs(nowMs: number, cost = 1): number {
    const afterMs = this.afterMs(nowMs, cost);
    if (afterMs === 0) this.take(nowMs, cost);
    return afterMs;
  }

  /** The same, but nothing is counted: for whoever must ask several limits before any of them counts. */
  afterMs(nowMs: number, cost = 1): number {
    const { burst } = this.#rate;
    if (cost > burst) return Infinity;
    const over = this.debt(nowMs) + cost - burst;
    return over <= ROUNDING ? 0 : over / this.#leakPerMs;
  }

  /** Counts what `afterMs` let through. */
  take(nowMs: number, cost = 1): void {
    this.#debt = this.debt(nowMs) + cost;
    if (nowMs > this.#atMs) this.#atMs = nowMs;
  }

  /** What has been let through and not yet leaked, in usual calls; 0 is as good as new. */
  debt(nowMs: number): number {
    return nowMs <= this.#atMs ? this.#debt : Math.max(0, this.#debt - (nowMs - this.#atMs) * this.#leakPerMs);
  }

  inspect(nowMs: number): GcraState {
    const { count, perMs, burst } = this.#rate;
    const available = Math.max(0, burst - this.debt(nowMs));
    return { count, perMs, burst, available };
  }
}
