import type { Problems } from './problems.ts';
import { Fields, shown, type DurationText, type RatioText } from './readers.ts';

/** What every algorithm that finds the limit takes. */
interface AdaptiveBaseSpec {
  /** The fewest slots; never fewer than 1. Default 4. */
  readonly min?: number;
  /** The most slots. Default 1000. */
  readonly max?: number;
  /**
   * The limit moves at the end of a window, by the mean duration of what ended in it. Default `100ms`; `0ms` moves it
   * at the end of every attempt.
   */
  readonly window?: DurationText;
  /** How many attempts must have ended in a window for it to move the limit; until then it is longer. Default 10. */
  readonly samples?: number;
}

/** Compares durations with what they usually are. For most things: keeps working when what is usual changes. */
export interface Gradient2Spec extends AdaptiveBaseSpec {
  /** Default. */
  readonly algorithm?: 'gradient2';
  /** How much of a change is taken over at once. Default `20%`; `100%` all of it. */
  readonly smoothing?: RatioText;
  /**
   * How many slots the limit grows by while durations stay as they are, and so the queue that is put up with. Default
   * 4.
   */
  readonly queueSize?: number;
  /** How many times as long as usual an attempt may take before the limit sinks. Default 1.5; at least 1. */
  readonly tolerance?: number;
  /**
   * Over how many windows "usual" is averaged. Default 6000, ten minutes of default windows: what is usual follows what
   * is, and under lasting overload the limit with it, about twofold in that time.
   */
  readonly longWindow?: number;
}

/**
 * One slot more while all goes well, a share fewer on a timeout or a refusal. For what fails instead of slowing down.
 */
export interface AimdSpec extends AdaptiveBaseSpec {
  readonly algorithm: 'aimd';
  /** What is left of the limit after a drop. Default `90%`; from `50%` to below `100%`. */
  readonly backoff?: RatioText;
  /** A duration above this counts as a drop. Default `5s`. */
  readonly timeout?: DurationText;
}

/** Estimates the queue at the other side from the shortest duration seen. For what is used by nobody else. */
export interface VegasSpec extends AdaptiveBaseSpec {
  readonly algorithm: 'vegas';
  /** How much of a change is taken over at once. Default `100%`, all of it. */
  readonly smoothing?: RatioText;
  /** The limit grows while the estimated queue is shorter. Default 3 · log10(limit). */
  readonly alpha?: number;
  /** The limit sinks while the estimated queue is longer. Default 6 · log10(limit). */
  readonly beta?: number;
  /** The shortest duration is measured anew every so many times the limit, less up to a half at random. Default 30. */
  readonly probeEvery?: number;
}

/**
 * How the limit is found. Durations that it goes by are those of slots; where calls share a turn of the event loop, they may lack
 * what this process was busy with in the turns of their beginning and end.
 */
export type AdaptiveSpec = Gradient2Spec | AimdSpec | VegasSpec;

interface ResolvedAdaptiveBase {
  readonly initial: number;
  readonly min: number;
  readonly max: number;
  /** 0: every attempt is a window. */
  readonly windowMs: number;
  readonly samples: number;
}

/** Gradient2, as it is used. */
export interface ResolvedGradient2 extends ResolvedAdaptiveBase {
  readonly algorithm: 'gradient2';
  readonly smoothing: number;
  readonly queueSize: number;
  readonly tolerance: number;
  readonly longWindow: number;
}

/** AIMD, as it is used. */
export interface ResolvedAimd extends ResolvedAdaptiveBase {
  readonly algorithm: 'aimd';
  readonly backoff: number;
  readonly timeoutMs: number;
}

/** Vegas, as it is used. */
export interface ResolvedVegas extends ResolvedAdaptiveBase {
  readonly algorithm: 'vegas';
  readonly smoothing: number;
  /** `undefined`: by the logarithm of the limit. */
  readonly alpha: number | undefined;
  readonly beta: number | undefined;
  readonly probeEvery: number;
}

/** How the limit is found, as it is used. */
export type ResolvedAdaptive = ResolvedGradient2 | ResolvedAimd | ResolvedVegas;

/** The most slots that any gate may have. */
export const MOST_SLOTS = 65_536;

const BASE = { algorithm: true, min: true, max: true, window: true, samples: true } as const;
const GRADIENT2 = { ...BASE, smoothing: true, queueSize: true, tolerance: true, longWindow: true } as const;
const AIMD = { ...BASE, backoff: true, timeout: true } as const;
const VEGAS = { ...BASE, smoothing: true, alpha: true, beta: true, probeEvery: true } as const;
const ALGORITHMS = ['gradient2', 'aimd', 'vegas'] as const;

/** Reads `adaptive`; `initial` is where the limit begins. */
export function resolveAdaptive(spec: unknown, place: Problems, initial: number): ResolvedAdaptive {
  switch (algorithmOf(spec, place)) {
    case 'aimd':
      return resolveAimd(new Fields<AimdSpec>(spec, place, AIMD), initial);
    case 'vegas':
      return resolveVegas(new Fields<VegasSpec>(spec, place, VEGAS), initial);
    default:
      return resolveGradient2(new Fields<Gradient2Spec>(spec, place, GRADIENT2), initial);
  }
}

/** The word that says which keys there are; what is wrong with it, or with all of it, is told. */
function algorithmOf(spec: unknown, place: Problems): (typeof ALGORITHMS)[number] {
  const written = typeof spec === 'object' && spec !== null && 'algorithm' in spec ? spec.algorithm : undefined;
  if (written === undefined) return 'gradient2';
  const found = ALGORITHMS.find((each) => each === written);
  if (found === undefined) place.at('algorithm').add(`${shown(written)} is none of ${ALGORITHMS.join(', ')}`);
  return found ?? 'gradient2';
}

function resolveBase(fields: Fields<AdaptiveBaseSpec & { readonly algorithm?: string }>, initial: number) {
  const min = fields.count('min', Math.min(4, initial), { min: 1, max: MOST_SLOTS });
  const max = fields.count('max', Math.max(1_000, initial), { min: 1, max: MOST_SLOTS });
  if (min > max) fields.at('min').add(`${min} is more than adaptive.max, ${max}; give at most ${max}, or a higher max`);
  else if (initial < min || initial > max)
    fields.place.add(`the limit begins at ${initial}, outside ${min} to ${max}; give a limit in between`);
  return {
    initial,
    min,
    max,
    windowMs: fields.durationMs('window', 100, { max: 60_000 }),
    samples: fields.count('samples', 10, { min: 1 }),
  };
}

function resolveGradient2(fields: Fields<Gradient2Spec>, initial: number): ResolvedGradient2 {
  return {
    algorithm: 'gradient2',
    ...resolveBase(fields, initial),
    smoothing: positiveRatio(fields, 'smoothing', 0.2),
    queueSize: fields.count('queueSize', 4, { min: 1 }),
    tolerance: fields.number('tolerance', 1.5, { min: 1 }),
    longWindow: fields.count('longWindow', 6_000, { min: 1 }),
  };
}

function resolveAimd(fields: Fields<AimdSpec>, initial: number): ResolvedAimd {
  const backoff = fields.ratio('backoff', 0.9, { min: 0.5 });
  if (backoff === 1) fields.at('backoff').add(`'100%' would never lower the limit; give less, such as '90%'`);
  return {
    algorithm: 'aimd',
    ...resolveBase(fields, initial),
    backoff,
    timeoutMs: fields.durationMs('timeout', 5_000, { min: 1 }),
  };
}

function resolveVegas(fields: Fields<VegasSpec>, initial: number): ResolvedVegas {
  const alpha = fields.count('alpha', undefined, { min: 1 });
  const beta = fields.count('beta', undefined, { min: 1 });
  if (alpha !== undefined && beta !== undefined && alpha > beta)
    fields.at('alpha').add(`${alpha} is more than adaptive.beta, ${beta}; the limit would grow and sink at once`);
  if ((alpha === undefined) !== (beta === undefined))
    fields.place.add('alpha and beta belong together; give both, or neither');
  return {
    algorithm: 'vegas',
    ...resolveBase(fields, initial),
    smoothing: positiveRatio(fields, 'smoothing', 1),
    alpha,
    beta,
    probeEvery: fields.count('probeEvery', 30, { min: 1 }),
  };
}

function positiveRatio<Spec extends object>(fields: Fields<Spec>, key: keyof Spec & string, fallback: number): number {
  const ratio = fields.ratio(key, fallback);
  if (ratio === 0) fields.at(key).add(`'0%' would never move the limit; give more, such as '${fallback * 100}%'`);
  return ratio;
}
