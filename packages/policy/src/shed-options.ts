import type { ResolvedConcurrency } from './concurrency-options.ts';
import type { Problems } from './problems.ts';
import { durationText, Fields, type DurationText, type RatioText } from './readers.ts';

/** Turns some calls away, least critical first, as long as there is too much work for all. */
export interface ShedSpec {
  /**
   * There is too much when the queue of `concurrency` was never shorter than this for a whole interval, in terms of how
   * long its first has waited. Default `20ms`.
   */
  readonly queueDelay?: DurationText;
  /**
   * And when the event loop ran its timers so late in the mean. Counts where the process measures it. Default `50ms`.
   */
  readonly loopDelay?: DurationText;
  /** How often the share that is let in changes. Default `100ms`. */
  readonly interval?: DurationText;
  /** How much of that share an interval with too much work takes. Default `5%`. */
  readonly step?: RatioText;
  /** How much an interval without gives back, of all calls. Default `1%`. */
  readonly recovery?: RatioText;
  /** The most that is ever turned away, or nobody would notice that it got better. Default `90%`. */
  readonly max?: RatioText;
}

/** The same, as it is used. */
export interface ResolvedShed {
  readonly queueDelayMs: number;
  readonly loopDelayMs: number;
  readonly intervalMs: number;
  readonly step: number;
  readonly recovery: number;
  readonly max: number;
}

const KEYS = { queueDelay: true, loopDelay: true, interval: true, step: true, recovery: true, max: true } as const;
const SMALLEST_RATIO = 0.001;

/**
 * Reads `shed`; without one nothing is shed.
 * @param concurrency whose queue is looked at
 */
export function resolveShed(
  spec: unknown,
  place: Problems,
  concurrency: ResolvedConcurrency | undefined,
): ResolvedShed | undefined {
  if (spec === undefined) return undefined;
  const fields = new Fields<ShedSpec>(spec, place, KEYS);
  const queueDelayMs = fields.durationMs('queueDelay', 20, { min: 1 });
  const max = fields.ratio('max', 0.9, { min: SMALLEST_RATIO });
  if (max === 1)
    fields.at('max').add(`'100%' would let in nobody who could notice that it got better; give less, such as '90%'`);
  if (fields.has('queueDelay') && (concurrency === undefined || concurrency.queue === 0))
    fields.at('queueDelay').add('there is no queue without concurrency; add it, or leave queueDelay out');
  if (concurrency !== undefined && concurrency.queue !== 0 && queueDelayMs >= concurrency.waitMs) {
    const wait = durationText(concurrency.waitMs);
    fields
      .at('queueDelay')
      .add(
        `nobody waits for ${durationText(queueDelayMs)}, as concurrency.wait is ${wait}; give less, or a longer wait`,
      );
  }
  return {
    queueDelayMs,
    loopDelayMs: fields.durationMs('loopDelay', 50, { min: 1 }),
    intervalMs: fields.durationMs('interval', 100, { min: 10 }),
    step: fields.ratio('step', 0.05, { min: SMALLEST_RATIO, max: 0.9 }),
    recovery: fields.ratio('recovery', 0.01, { min: SMALLEST_RATIO }),
    max,
  };
}
