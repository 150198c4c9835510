import type { Context } from '@fairlead/core';
import type { ResolvedRate } from './rate-limit-options.ts';

/** What a store of limits decided. */
export type LimitVerdict =
  /** Let through and counted. `available` could still be let through at once. */
  | { readonly kind: 'admitted'; readonly available: number }
  /** Not counted; `retryAfterMs` is when it would be let through, `Infinity` for what weighs more than the burst. */
  | { readonly kind: 'refused'; readonly available: number; readonly retryAfterMs: number };

/**
 * Counts calls of several processes together, as `Gcra` counts those of one. Each decision must be atomic, and by one
 * clock: the store's.
 */
export interface LimitStore {
  /**
   * Decides about one call and counts it. Rejects when it can't: it must never make up a refusal of its own.
   * @param key what is limited; unique among all policies that share the store
   * @param cost how many usual calls it weighs, above 0
   */
  admit(ctx: Context, key: string, rate: ResolvedRate, cost: number): Promise<LimitVerdict>;
}
