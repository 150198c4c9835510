import type { Problems } from './problems.ts';
import { durationText, Fields, parseRatio, shown, type DurationText, type RatioText } from './readers.ts';

/** How long to wait between attempts. */
export interface BackoffSpec {
  /** How the longest wait grows from attempt to attempt. Default `exponential`. */
  readonly growth?: 'constant' | 'linear' | 'exponential';
  /** Longest wait before the second attempt. Default `50ms`; `0ms` means no wait at all, and then no jitter either. */
  readonly base?: DurationText;
  /** What `exponential` multiplies by, at least 1. Default 2. */
  readonly factor?: number;
  /** Where growth ends. Default `1s`, or `base` where that is longer. */
  readonly cap?: DurationText;
  /**
   * How chance spreads the waits, so that those who failed together don't come back together. `full`: anything from 0 to
   * the wait; `equal`: half of it fixed; `decorrelated`: from `base` to three times the last wait (then `growth` and
   * `factor` have no say); a ratio: so much more or less; `none`: no chance. Default `full`.
   */
  readonly jitter?: 'none' | 'full' | 'equal' | 'decorrelated' | RatioText;
}

/** How long to wait between attempts, in milliseconds. */
export interface ResolvedBackoff {
  readonly growth: 'constant' | 'linear' | 'exponential';
  readonly baseMs: number;
  readonly factor: number;
  readonly capMs: number;
  readonly jitter: 'none' | 'full' | 'equal' | 'decorrelated' | 'spread';
  /** For `spread`: how much more or less, 0 to 1. */
  readonly spreadRatio: number;
}

const KEYS = { growth: true, base: true, factor: true, cap: true, jitter: true } as const;
const JITTERS = ['none', 'full', 'equal', 'decorrelated'] as const;

/** Reads `backoff`; without one it has its defaults. */
export function resolveBackoff(spec: unknown, place: Problems): ResolvedBackoff {
  const fields = new Fields<BackoffSpec>(spec ?? {}, place, KEYS);
  const baseMs = fields.durationMs('base', 50);
  const capMs = fields.durationMs('cap', Math.max(1_000, baseMs));
  if (capMs < baseMs) {
    fields.at('cap').add(`${durationText(capMs)} is shorter than base, ${durationText(baseMs)}; give at least that`);
  }
  const growth = fields.choice('growth', ['constant', 'linear', 'exponential'], 'exponential');
  const decorrelated = fields.raw('jitter') === 'decorrelated';
  for (const key of ['growth', 'factor'] as const) {
    if (!fields.has(key)) continue;
    if (decorrelated) fields.at(key).add(`decorrelated jitter grows by itself; leave ${key} out, or choose full`);
    else if (key === 'factor' && growth !== 'exponential') {
      fields.at(key).add(`${growth} growth has no factor; leave it out, or choose exponential`);
    }
  }
  const factor = fields.number('factor', 2, { min: 1 });
  const spreadRatio = parseRatio(fields.raw('jitter'));
  if (spreadRatio === undefined) {
    return { growth, baseMs, factor, capMs, jitter: fields.choice('jitter', JITTERS, 'full'), spreadRatio: 0 };
  }
  if (spreadRatio > 1) fields.at('jitter').add(`${shown(fields.raw('jitter'))} is out of range; give from 0% to 100%`);
  return { growth, baseMs, factor, capMs, jitter: 'spread', spreadRatio: Math.min(1, spreadRatio) };
}
