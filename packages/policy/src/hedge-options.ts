import type { Problems } from './problems.ts';
import { durationText, Fields, parseDurationMs, shown, type DurationText } from './readers.ts';
import { REPEAT_KEYS, resolveRepeat, type RepeatCode, type RepeatSpec, type ResolvedRepeat } from './repeat-options.ts';

/** How a slow call gets company. Losers are cancelled. Excludes retry. */
export interface HedgeSpec extends RepeatSpec {
  /** How often the work is begun at most, the first time included; 2 to 5. Default 2. */
  readonly attempts?: number;
  /**
   * How long an attempt has before the next one begins: a duration (`0ms`: all begin at once), or a percentile of how
   * long first attempts lately took. Default `p95`.
   */
  readonly delay?: DurationText | `p${number}`;
  /** For a percentile: how many durations are remembered, 20 to 10 000. Default 200. */
  readonly window?: number;
  /** For a percentile: how many it takes before anything is hedged, at most `window`. Default 20. */
  readonly minSamples?: number;
  /** For a percentile: no delay is shorter. Default `1ms`. */
  readonly minDelay?: DurationText;
}

/** How a slow call gets company, as it is used. */
export interface ResolvedHedge extends ResolvedRepeat {
  readonly attempts: number;
  readonly delay: HedgeDelayRule;
}

/** When the next attempt begins: after a fixed time, or after a percentile of the latest durations. */
export type HedgeDelayRule =
  | { readonly kind: 'fixed'; readonly delayMs: number }
  | {
      readonly kind: 'percentile';
      /** 0 to 1. */
      readonly quantile: number;
      readonly window: number;
      readonly minSamples: number;
      readonly minDelayMs: number;
    };

const KEYS = {
  ...REPEAT_KEYS,
  attempts: true,
  delay: true,
  window: true,
  minSamples: true,
  minDelay: true,
} as const;
const PERCENTILE = /^p(\d{1,2}(?:\.\d{1,3})?)$/;

/** Reads `hedge`; `undefined` when there is none. */
export function resolveHedge(spec: unknown, place: Problems, code: RepeatCode = {}): ResolvedHedge | undefined {
  if (spec === undefined) return undefined;
  const fields = new Fields<HedgeSpec>(spec, place, KEYS);
  return {
    attempts: fields.count('attempts', 2, { min: 2, max: 5 }),
    delay: resolveDelay(fields),
    ...resolveRepeat(fields, code),
  };
}

function resolveDelay(fields: Fields<HedgeSpec>): HedgeDelayRule {
  const written = fields.raw('delay') ?? 'p95';
  const delayMs = parseDurationMs(written);
  if (delayMs !== undefined) {
    for (const key of ['window', 'minSamples', 'minDelay'] as const) {
      if (fields.has(key)) {
        fields
          .at(key)
          .add(`a delay of ${durationText(delayMs)} measures nothing; leave it out, or give delay as 'p95'`);
      }
    }
    return { kind: 'fixed', delayMs };
  }
  const [, percentile = ''] = (typeof written === 'string' ? PERCENTILE.exec(written) : null) ?? [];
  const quantile = Number(percentile) / 100;
  if (quantile < 0.5) {
    fields
      .at('delay')
      .add(`${shown(written)} is no delay; give a duration such as '50ms', or a percentile from 'p50' to 'p99.999'`);
  }
  const window = fields.count('window', 200, { min: 20, max: 10_000 });
  const minSamples = fields.count('minSamples', 20, { min: 1 });
  if (minSamples > window) {
    fields.at('minSamples').add(`${minSamples} is more than window, ${window}, ever holds; give at most ${window}`);
  }
  return { kind: 'percentile', quantile, window, minSamples, minDelayMs: fields.durationMs('minDelay', 1) };
}
