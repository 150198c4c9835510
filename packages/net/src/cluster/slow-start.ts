import type { Member } from './member.ts';

/** How those that are new or back come to their share. */
export interface SlowStartOptions {
  /** How long it takes, in milliseconds. Default 0: they have it at once. */
  readonly windowMs?: number;
  /** The share grows with time to the power of 1/aggression: 1 is a line, more is faster in the beginning. Default 1; above 0. */
  readonly aggression?: number;
  /** Share that they begin with. Default 0.1; above 0, at most 1. */
  readonly minShare?: number;
}

/** Nothing left open. */
export type ResolvedSlowStart = Required<SlowStartOptions>;

/**
 * What part of its weight a member has, from 0 to 1. As Envoy's slow start:
 * `max(minShare, (passed / window) ^ (1 / aggression))`.
 */
export function warmShare(
  { warmSinceMs, warmUntilMs }: Pick<Member, 'warmSinceMs' | 'warmUntilMs'>,
  { aggression, minShare }: ResolvedSlowStart,
  nowMs: number,
): number {
  if (nowMs >= warmUntilMs) return 1;
  const passed = (nowMs - warmSinceMs) / (warmUntilMs - warmSinceMs);
  return Math.max(minShare, aggression === 1 ? passed : passed ** (1 / aggression));
}
