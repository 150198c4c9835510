import type { Problems } from './problems.ts';
import { durationText, Fields, type DurationText, type RateText } from './readers.ts';

/** So many calls in so much time. */
export interface RateSpec {
  /** How many calls in how much time, such as `100/s`; calls may weigh more than one, see `CallFacts.cost`. */
  readonly rate: RateText;
  /**
   * How many calls may come at once after a pause, at least 1. In any stretch of time there are never more than this and
   * the rate's share of that time. Default: the rate's own number, rounded up.
   */
  readonly burst?: number;
}

/** How a limit is counted together with other processes. */
export interface SharedLimitSpec {
  /**
   * What happens to calls while the store doesn't answer. `local`: this process limits by itself, at the same rate, so
   * whoever it turns away would be turned away by all; `open`: they go on; `closed`: they are rejected, with a cause that
   * says that the limit is not known. Default `local`.
   */
  readonly onFailure?: 'local' | 'open' | 'closed';
  /** How long the store has for an answer, but never more than a quarter of what the call has left. Default `50ms`. */
  readonly timeout?: DurationText;
  /** How long nobody asks the store after it failed. Default `1s`; `0ms`: every call asks. */
  readonly pause?: DurationText;
}

/** Limits how many calls the policy lets through. */
export interface RateLimitSpec extends RateSpec {
  /** Counts the calls of all processes together, in the store `ports.limits`. Default: each process by itself. */
  readonly shared?: SharedLimitSpec;
}

/** A rate as it is used. */
export interface ResolvedRate {
  /** `count` in any `perMs`, in the long run. */
  readonly count: number;
  readonly perMs: number;
  readonly burst: number;
}

/** How a limit is shared, as it is used. */
export interface ResolvedSharedLimit {
  readonly onFailure: 'local' | 'open' | 'closed';
  readonly timeoutMs: number;
  readonly pauseMs: number;
}

/** A limit as it is used. */
export interface ResolvedRateLimit {
  readonly rate: ResolvedRate;
  readonly shared: ResolvedSharedLimit | undefined;
}

const RATE_KEYS = { rate: true, burst: true } as const;
/** The keys of `RateLimitSpec`, for the sections that include it. */
export const RATE_LIMIT_KEYS = { ...RATE_KEYS, shared: true } as const;
const SHARED_KEYS = { onFailure: true, timeout: true, pause: true } as const;
/** What is read where the rate is missing or wrong; the specification is refused then. */
const NO_RATE = { count: 1, perMs: 1_000 };

/** Reads `rateLimit`; `undefined` when there is none. */
export function resolveRateLimit(spec: unknown, place: Problems): ResolvedRateLimit | undefined {
  return spec === undefined ? undefined : readRateLimit(new Fields<RateLimitSpec>(spec, place, RATE_LIMIT_KEYS));
}

/** Reads a rate that stands for itself. */
export function resolveRate(spec: unknown, place: Problems): ResolvedRate {
  return readRate(new Fields<RateSpec>(spec, place, RATE_KEYS));
}

/** Reads the part of a section that `RateLimitSpec` describes. */
export function readRateLimit(fields: Fields<RateLimitSpec>): ResolvedRateLimit {
  return { rate: readRate(fields), shared: readShared(fields.raw('shared'), fields.at('shared')) };
}

/** The rate as people write it, for messages. */
export function rateText({ count, perMs }: ResolvedRate): string {
  return `${count}/${durationText(perMs)}`.replace(/\/1(?=s$|m$)/, '/');
}

function readRate(fields: Fields<RateSpec>): ResolvedRate {
  if (!fields.has('rate'))
    fields.at('rate').add("nothing says how many; write how many in how much time, such as '100/s'");
  const { count, perMs } = fields.rate('rate', NO_RATE);
  return { count, perMs, burst: fields.count('burst', Math.max(1, Math.ceil(count)), { min: 1 }) };
}

function readShared(spec: unknown, place: Problems): ResolvedSharedLimit | undefined {
  if (spec === undefined) return undefined;
  const fields = new Fields<SharedLimitSpec>(spec, place, SHARED_KEYS);
  return {
    onFailure: fields.choice('onFailure', ['local', 'open', 'closed'], 'local'),
    timeoutMs: fields.durationMs('timeout', 50, { min: 1 }),
    pauseMs: fields.durationMs('pause', 1_000),
  };
}
