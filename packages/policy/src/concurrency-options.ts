import { MOST_SLOTS, resolveAdaptive, type AdaptiveSpec, type ResolvedAdaptive } from './adaptive-options.ts';
import { resolveFair, type FairSpec, type ResolvedFair } from './fair-options.ts';
import type { Problems } from './problems.ts';
import { Fields, type DurationText } from './readers.ts';

/** How many attempts may be under way at a time, and who waits for the rest. */
export interface ConcurrencySpec {
  /** Slots; where an adaptive limit begins. Default 20. */
  readonly limit?: number;
  /** Lets an algorithm move the limit; `{}` is Gradient2. Left out, it stays. */
  readonly adaptive?: AdaptiveSpec;
  /**
   * How many may wait when all slots are taken; in a fair queue, of each tenant. Default: as many as there are slots.
   * 0: nobody waits.
   */
  readonly queue?: number;
  /** How long one may wait, and never longer than a quarter of the time that is left. Default `50ms`. */
  readonly wait?: DurationText;
  /** Lets tenants wait apart from each other. Left out, all wait in one line, first come, first served. */
  readonly fair?: FairSpec;
  /**
   * Whether a call takes as many slots as its `cost` says, rounded up, and at most all. Default false: every call takes
   * one, and `cost` is for rate limits only.
   */
  readonly slotsByCost?: boolean;
}

/** The same, as it is used. */
export interface ResolvedConcurrency {
  readonly limit: number;
  readonly adaptive: ResolvedAdaptive | undefined;
  /** `undefined`: as many as there are slots at the time. */
  readonly queue: number | undefined;
  readonly waitMs: number;
  readonly fair: ResolvedFair | undefined;
  readonly slotsByCost: boolean;
}

const KEYS = { limit: true, adaptive: true, queue: true, wait: true, fair: true, slotsByCost: true } as const;

/** Reads `concurrency`; without one nothing is limited. */
export function resolveConcurrency(spec: unknown, place: Problems): ResolvedConcurrency | undefined {
  if (spec === undefined) return undefined;
  const fields = new Fields<ConcurrencySpec>(spec, place, KEYS);
  const limit = fields.count('limit', 20, { min: 1, max: MOST_SLOTS });
  const queue = fields.count('queue', undefined);
  const waitMs = fields.durationMs('wait', 50);
  const [adaptive, fair] = [fields.raw('adaptive'), fields.raw('fair')];
  if (queue === 0 && fields.has('wait'))
    fields.at('wait').add('nobody can wait while concurrency.queue is 0; leave wait out, or give a queue');
  if (queue === 0 && fair !== undefined)
    fields.at('fair').add('there is nothing to share while concurrency.queue is 0; leave fair out, or give a queue');
  if (waitMs === 0 && (queue ?? 0) > 0)
    fields.at('wait').add(`'0ms' lets nobody wait, so a queue of ${queue} stays empty; give a wait, or a queue of 0`);
  return {
    limit,
    adaptive: adaptive === undefined ? undefined : resolveAdaptive(adaptive, fields.at('adaptive'), limit),
    queue,
    waitMs,
    fair: fair === undefined ? undefined : resolveFair(fair, fields.at('fair')),
    slotsByCost: fields.flag('slotsByCost', false),
  };
}
