import type { ResolvedGradient2 } from './adaptive-options.ts';
import type { LimitRule } from './limit.ts';
import { RunningMean } from './running-mean.ts';

/** How many measurements the long mean takes whole before it begins to smooth. */
const WARM_UP = 10;
/** The most that one measurement may take from the limit before smoothing. */
const STEEPEST = 0.5;

/**
 * Compares each measurement with a long mean of them: while it is at most `tolerance` times as long, the limit grows by
 * `queueSize`, else it sinks in proportion, by half at most. Both through `smoothing`. The mean follows what is usual,
 * also down: when it is more than twice the measurement, as after an overload, it is helped by 5 % a step.
 *
 * Source: Gradient2Limit of Netflix concurrency-limits, as of commit 78a74b98.
 */
export class Gradient2 implements LimitRule {
  readonly algorithm = 'gradient2';
  readonly heedsDrops = false;
  readonly #options: ResolvedGradient2;
  readonly #long: RunningMean;
  #estimate: number;

  constructor(options: ResolvedGradient2) {
    this.#options = options;
    this.#long = new RunningMean(options.longWindow, WARM_UP);
    this.#estimate = options.initial;
  }

  get baseMs(): number {
    return this.#long.value;
  }

  update(durationMs: number, inFlight: number): number {
    const { smoothing, queueSize, tolerance, min, max } = this.#options;
    const estimate = this.#estimate;
    const longMs = this.#long.add(durationMs);
    if (longMs > 2 * durationMs) this.#long.scale(0.95);
    // Whoever uses less than half of the limit says nothing about the other half.
    if (inFlight < estimate / 2) return estimate;
    const gradient = Math.max(STEEPEST, Math.min(1, (tolerance * longMs) / durationMs));
    const wanted = estimate * gradient + queueSize;
    const next = estimate * (1 - smoothing) + wanted * smoothing;
    this.#estimate = Math.max(min, Math.min(max, next));
    return this.#estimate;
  }
}
