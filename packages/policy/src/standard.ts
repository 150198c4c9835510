import type { PolicySpec } from './spec.ts';

/**
 * A sound beginning for calls to another service: 5 s in all and 1 s an attempt; three attempts with full jitter within
 * a budget; a breaker that opens at half failing or four fifths slow; a limit that finds itself. Every value is the
 * default of its section, written out but for those that follow from the timeouts. Take it as it is, or spread it:
 * `{ ...STANDARD, timeout: { total: '2s', attempt: '500ms' } }`.
 */
export const STANDARD = deepFreeze({
  timeout: { total: '5s', attempt: '1s' },
  retry: { attempts: 3, backoff: { growth: 'exponential', base: '50ms', factor: 2, cap: '1s', jitter: 'full' } },
  budget: { ratio: '10%', floorPerSecond: 1, ttl: '10s' },
  breaker: {
    window: '10s',
    buckets: 10,
    minCalls: 20,
    failureRatio: '50%',
    slowRatio: '80%',
    openFor: '5s',
    openGrowth: 2,
    openMax: '60s',
    openJitter: '20%',
    probes: 5,
  },
  concurrency: { limit: 20, adaptive: { algorithm: 'gradient2', min: 4, max: 1_000 }, wait: '50ms' },
} satisfies PolicySpec);

function deepFreeze<Value extends object>(value: Value): Value {
  for (const each of Object.values(value)) if (typeof each === 'object' && each !== null) deepFreeze(each);
  return Object.freeze(value);
}
