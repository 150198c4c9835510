import type { Random } from '@fairlead/core';
import type { ResolvedVegas } from './adaptive-options.ts';
import type { LimitRule } from './limit.ts';

/**
 * The shortest duration seen is taken for that without queueing, and limit · (1 − shortest ÷ measured) for the queue at
 * the other side: short, and the limit grows; longer than `beta`, and it sinks. The shortest is forgotten now and then,
 * or a dependency that became slower for good would starve.
 *
 * Source: VegasLimit of Netflix concurrency-limits, as of commit 78a74b98, after TCP Vegas (Brakmo and Peterson, 1995).
 */
export class Vegas implements LimitRule {
  readonly algorithm = 'vegas';
  readonly heedsDrops = true;
  readonly #options: ResolvedVegas;
  readonly #random: Random;
  #limit: number;
  #shortestMs = 0;
  #sinceProbe = 0;
  #probeShare: number;

  constructor(options: ResolvedVegas, random: Random) {
    this.#options = options;
    this.#random = random;
    this.#limit = options.initial;
    this.#probeShare = this.#drawShare();
  }

  get baseMs(): number {
    return this.#shortestMs;
  }

  update(durationMs: number, inFlight: number, dropped: boolean): number {
    this.#sinceProbe += 1;
    if (this.#sinceProbe >= this.#probeShare * this.#options.probeEvery * this.#limit) {
      this.#sinceProbe = 0;
      this.#probeShare = this.#drawShare();
      this.#shortestMs = durationMs;
      return this.#limit;
    }
    if (this.#shortestMs === 0 || durationMs < this.#shortestMs) {
      this.#shortestMs = durationMs;
      return this.#limit;
    }
    const { smoothing, min, max } = this.#options;
    const wanted = Math.max(min, Math.min(max, this.#wanted(durationMs, inFlight, dropped)));
    this.#limit = (1 - smoothing) * this.#limit + smoothing * wanted;
    return this.#limit;
  }

  #wanted(durationMs: number, inFlight: number, dropped: boolean): number {
    const limit = this.#limit;
    const step = logarithm(limit);
    if (dropped) return limit - step;
    // Whoever uses less than half of the limit says nothing about the other half.
    if (inFlight * 2 < limit) return limit;
    const queue = Math.ceil(limit * (1 - this.#shortestMs / durationMs));
    const { alpha = 3 * step, beta = 6 * step } = this.#options;
    if (queue <= step) return limit + beta;
    if (queue < alpha) return limit + step;
    if (queue > beta) return limit - step;
    return limit;
  }

  #drawShare(): number {
    return 0.5 + this.#random.next() / 2;
  }
}

/** The whole part of log10, at least 1. */
function logarithm(limit: number): number {
  return Math.max(1, Math.floor(Math.log10(limit)));
}
