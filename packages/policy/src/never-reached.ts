import { Problems } from './problems.ts';
import { resolveRate, type RateSpec } from './rate-limit-options.ts';

/** A rate that another one makes meaningless, both by their places in a list. */
export interface NeverReached {
  readonly at: number;
  /** The stricter one. */
  readonly because: number;
}

/**
 * Rates of one limit that contradict each other: another one lets fewer through in a time that is as long or longer, and no more at once, so
 * that the first is never what refuses. Rates that are wrong by themselves are passed over.
 */
export function neverReached(rates: readonly RateSpec[]): readonly NeverReached[] {
  const read = rates.map((rate) => {
    const problems = new Problems();
    const resolved = resolveRate(rate, problems);
    return problems.found.length > 0 ? undefined : resolved;
  });
  return read.flatMap((rate, at) => {
    const because = read.findIndex(
      (other) =>
        rate !== undefined &&
        other !== undefined &&
        other.count < rate.count &&
        other.perMs >= rate.perMs &&
        other.burst <= rate.burst,
    );
    return because === -1 ? [] : [{ at, because }];
  });
}
