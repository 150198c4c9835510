import type { Problems } from './problems.ts';
import {
  RATE_LIMIT_KEYS,
  readRateLimit,
  resolveRate,
  type RateLimitSpec,
  type RateSpec,
  type ResolvedRate,
  type ResolvedRateLimit,
} from './rate-limit-options.ts';
import { Fields, isRecord, shown } from './readers.ts';

/** Limits how many calls each one gets, so that nobody uses up what all have. */
export interface QuotaSpec extends RateLimitSpec {
  /**
   * Who has a quota: each tenant, each calling service, each subject (the person or machine account), or each key of a
   * call. Services, subjects and keys are a tenant's own. Calls without it share one.
   */
  readonly by: 'tenant' | 'caller' | 'subject' | 'key';
  /** Rates of some of them, by name, instead of the section's own. Not for `key`. Default none. */
  readonly rates?: Readonly<Record<string, RateSpec>>;
  /**
   * How many are counted in this process at a time; who has not called for long is forgotten first. When all of them are
   * active, those who come new share one quota. Default 10 000.
   */
  readonly maxKeys?: number;
}

/** A quota as it is used. */
export interface ResolvedQuota extends ResolvedRateLimit {
  readonly by: 'tenant' | 'caller' | 'subject' | 'key';
  readonly rates: ReadonlyMap<string, ResolvedRate>;
  readonly maxKeys: number;
}

const KEYS = { ...RATE_LIMIT_KEYS, by: true, rates: true, maxKeys: true } as const;
const KINDS = ['tenant', 'caller', 'subject', 'key'] as const;

/** Reads `quota`; `undefined` when there is none. */
export function resolveQuota(spec: unknown, place: Problems): ResolvedQuota | undefined {
  if (spec === undefined) return undefined;
  const fields = new Fields<QuotaSpec>(spec, place, KEYS);
  if (!fields.has('by')) fields.at('by').add(`nothing says who has a quota; choose one of ${KINDS.join(', ')}`);
  const by = fields.choice('by', KINDS, 'tenant');
  if (by === 'key' && fields.has('rates'))
    fields.at('rates').add('keys of calls have no names to be known beforehand; leave it out, or choose another by');
  return {
    ...readRateLimit(fields),
    by,
    rates: readRates(fields.raw('rates'), fields.at('rates')),
    maxKeys: fields.count('maxKeys', 10_000, { min: 1 }),
  };
}

function readRates(spec: unknown, place: Problems): ReadonlyMap<string, ResolvedRate> {
  const rates = new Map<string, ResolvedRate>();
  if (spec === undefined) return rates;
  if (!isRecord(spec)) {
    place.add(`${shown(spec)} is no object; write a name and its rate, such as { "acme": { "rate": "500/s" } }`);
    return rates;
  }
  for (const [name, rate] of Object.entries(spec)) rates.set(name, resolveRate(rate, place.at(name)));
  return rates;
}
