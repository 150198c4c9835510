import type { Random } from '@fairlead/core';
import type { ResolvedBackoff } from './backoff-options.ts';

/**
 * Milliseconds to wait after the failure of attempt number `attempt`, the first being 1. Keeps no state. The jitters
 * `full`, `equal` and `decorrelated` are those of Marc Brooker, "Exponential Backoff And Jitter" (2015); a spread around
 * a capped wait is gRPC's (A6), so such a wait can be longer than the cap by the spread.
 * @param previousMs what was waited before this attempt, for decorrelated jitter; 0 when nothing was
 */
export function retryDelay(options: ResolvedBackoff, attempt: number, previousMs: number, random: Random): number {
  const { baseMs, capMs, spreadRatio } = options;
  const longestMs = Math.min(capMs, grown(options, Math.max(1, attempt)));
  switch (options.jitter) {
    case 'none':
      return longestMs;
    case 'full':
      return random.next() * longestMs;
    case 'equal':
      return longestMs / 2 + (random.next() * longestMs) / 2;
    case 'decorrelated':
      return Math.min(capMs, baseMs + random.next() * (3 * Math.max(baseMs, previousMs) - baseMs));
    case 'spread':
      return longestMs * (1 + spreadRatio * (2 * random.next() - 1));
  }
}

function grown({ growth, baseMs, factor }: ResolvedBackoff, attempt: number): number {
  if (growth === 'constant') return baseMs;
  // Not 0 × Infinity, which is no number, once the factor has grown beyond all numbers.
  if (baseMs === 0) return 0;
  return growth === 'linear' ? baseMs * attempt : baseMs * factor ** (attempt - 1);
}
