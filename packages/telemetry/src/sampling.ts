import { CORE_ERRORS, FairleadError } from '@fairlead/core';

/** Which traces are recorded. */
export interface TraceSampling {
  /**
   * Of the traces that begin here: all, none, a share of them (0 to 1), or so many a second (0: none) with `burst` at once
   * (at least 1; default twice as many). Default `{ perSecond: 100 }`.
   */
  readonly keep?:
    | 'everything'
    | 'nothing'
    | { readonly ratio: number }
    | { readonly perSecond: number; readonly burst?: number | undefined }
    | undefined;
  /**
   * Whether the decision of a caller that is part of the platform counts here, so that traces are whole. Default true.
   * False decides anew wherever a request or an event comes in.
   */
  readonly followCaller?: boolean | undefined;
}

/** Decides whether traces are recorded. */
export interface Sampler {
  readonly followsCaller: boolean;
  /** Whether a trace that comes up at this monotonic time is recorded. Counts it as one. */
  samples(traceId: string, atMs: number): boolean;
}

/** Enough for a person to find an example of anything that happens every second, at a cost that nobody notices. */
export const DEFAULT_TRACES_PER_SECOND = 100;
/** Random bits of a trace id that decide about a share: of its last 56, which W3C asks to be random, those that a number can hold. */
const RANDOM_DIGITS = [18, 31] as const;
const RANDOM_RANGE = 2 ** 52;

/**
 * A sampler that does what is asked.
 * @throws MISCONFIGURED when a number is none or out of its range
 */
export function sampler({
  keep = { perSecond: DEFAULT_TRACES_PER_SECOND },
  followCaller = true,
}: TraceSampling): Sampler {
  return { followsCaller: followCaller, samples: samples(keep) };
}

function samples(keep: NonNullable<TraceSampling['keep']>): Sampler['samples'] {
  if (keep === 'everything') return () => true;
  if (keep === 'nothing') return () => false;
  if ('ratio' in keep) return share(inRange('ratio', keep.ratio, 0, 1));
  const perSecond = inRange('perSecond', keep.perSecond, 0, Infinity);
  const burst = inRange('burst', keep.burst ?? Math.max(1, 2 * perSecond), 1, Infinity);
  return perSecond === 0 ? () => false : limitedRate(perSecond, burst);
}

/** The same for one trace in every process (W3C Trace Context, level 2: the last 56 bits are random). */
function share(ratio: number): Sampler['samples'] {
  const least = (1 - ratio) * RANDOM_RANGE;
  return (traceId) => Number.parseInt(traceId.slice(...RANDOM_DIGITS), 16) >= least;
}

/** Generic cell rate algorithm (ITU-T I.371): a token bucket of `burst` that is refilled evenly, as one number. */
function limitedRate(perSecond: number, burst: number): Sampler['samples'] {
  const everyMs = 1000 / perSecond;
  const toleranceMs = (burst - 1) * everyMs;
  /** When the bucket will be full again. */
  let fullAtMs = -Infinity;
  return (_, atMs) => {
    if (fullAtMs - atMs > toleranceMs) return false;
    fullAtMs = Math.max(fullAtMs, atMs) + everyMs;
    return true;
  };
}

function inRange(name: string, value: number, least: number, most: number): number {
  if (typeof value === 'number' && value >= least && value <= most) return value;
  const range = most === Infinity ? `a number of ${least} or more` : `a number from ${least} to ${most}`;
  const message = `traces.keep.${name} is ${value}; give ${range}.`;
  throw new FairleadError(CORE_ERRORS.MISCONFIGURED, 'MISCONFIGURED', message);
}
