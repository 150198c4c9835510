import { describe, expect, test } from 'vitest';
import { resolveBreaker, type BreakerSpec } from './breaker-options.ts';
import { Problems } from './problems.ts';

/** What is read from a specification, and what is wrong with it. */
function read(spec: unknown, attemptMs = 1_000) {
  const problems = new Problems('breaker');
  return { resolved: resolveBreaker(spec, problems, attemptMs), found: problems.found };
}

test('without a breaker there is none; an empty one has the defaults', () => {
  expect(read(undefined)).toEqual({ resolved: undefined, found: [] });
  const { resolved, found } = read({});
  expect(found).toEqual([]);
  expect(resolved).toMatchObject({
    window: { kind: 'time', windowMs: 10_000, buckets: 10 },
    minCalls: 20,
    failureRatio: 0.5,
    slowRatio: 0.8,
    slowAfterMs: 800,
    openForMs: 5_000,
    openGrowth: 2,
    openMaxMs: 60_000,
    openJitter: 0.2,
    probes: 5,
    probeLeaseMs: 2_000,
    mode: 'auto',
  });
});

test('what follows from the timeout of an attempt: without one nothing is slow, and a lease is 30 s', () => {
  expect(read({}, Infinity).resolved).toMatchObject({
    slowAfterMs: Infinity,
    slowRatio: Infinity,
    probeLeaseMs: 30_000,
  });
  expect(read({ slowAfter: '2s' }, Infinity).resolved).toMatchObject({ slowAfterMs: 2_000, slowRatio: 0.8 });
  expect(read({}, 250).resolved).toMatchObject({ slowAfterMs: 200, probeLeaseMs: 500 });
});

test('defaults make room for what was given', () => {
  expect(read({ window: 8 }).resolved).toMatchObject({ window: { kind: 'count', calls: 8 }, minCalls: 8 });
  expect(read({ window: 100 }).resolved?.minCalls).toBe(20);
  expect(read({ openFor: '2m' }).resolved?.openMaxMs).toBe(120_000);
});

test('statuses can be named in hundreds', () => {
  const rules = read({ statuses: [429, '5xx'], ignoreStatuses: ['4xx'] }).resolved!.failures;
  expect([428, 429, 499, 500, 599].filter((status) => rules.statuses.has(status))).toEqual([429, 500, 599]);
  expect(rules.ignoreStatuses.size).toBe(100);
});

const FAULTS: readonly (readonly [BreakerSpec | Readonly<Record<string, unknown>>, string])[] = [
  [{ failureRate: '50%' }, 'breaker.failureRate: no policy has this; did you mean failureRatio?'],
  [{ failureRatio: 50 }, "breaker.failureRatio: 50 is no ratio; write a text with %, such as '50%'"],
  [{ failureRatio: '50' }, "breaker.failureRatio: '50' is no ratio; write a text with %, such as '50%'"],
  [{ failureRatio: 0.5 }, "breaker.failureRatio: 0.5 is no ratio; write a text with %, such as '50%'"],
  [{ failureRatio: '150%' }, "breaker.failureRatio: '150%' is out of range; give from 0% to 100%"],
  [{ failureRatio: '0%' }, "breaker.failureRatio: '0%' would open it whatever happens; give more, or 'off'"],
  [
    { failureRatio: 'off', slowRatio: 'off' },
    'breaker: it would never open, for no rule is on; give failureRatio or slowRatio, or leave breaker out',
  ],
  [{ probes: 0 }, 'breaker.probes: 0 is out of range; give from 1 to 1000'],
  [{ openFor: 5_000 }, "breaker.openFor: 5000 is no duration; write a text with ms, s, m or h, such as '5s'"],
  [
    { openFor: '30s', openMax: '10s' },
    'breaker.openMax: 10s is shorter than openFor, 30s; give at least 30s, or a shorter openFor',
  ],
  [
    { window: '10' },
    "breaker.window: '10' is no window; give a time such as '10s', or a number of calls without quotes",
  ],
  [{ window: '2h' }, "breaker.window: '2h' is out of range; give from 10ms to 60m"],
  [{ window: 0 }, 'breaker.window: 0 is out of range; give from 1 to 100000'],
  [{ window: 10, minCalls: 11 }, 'breaker.minCalls: 11 is more than window, 10, ever holds; give at most 10'],
  [
    { window: 10, buckets: 5 },
    "breaker.buckets: a window of 10 calls has none; leave buckets out, or give window as a time such as '10s'",
  ],
  [
    { slowAfter: '1s' },
    "breaker.slowAfter: 1s is not shorter than an attempt may take, 1s; it would never see a slow call: give less, such as '800ms'",
  ],
  [
    { slowRatio: 'off', slowAfter: '100ms' },
    "breaker.slowAfter: it means nothing with slowRatio 'off'; leave it out, or give slowRatio a ratio",
  ],
  [
    { probeLease: '1s' },
    "breaker.probeLease: 1s is not longer than an attempt may take, 1s; it would end before its probe: give more, such as '2s'",
  ],
  [{ openGrowth: 0.5 }, 'breaker.openGrowth: 0.5 is out of range; give from 1 to 10'],
  [{ openJitter: '80%' }, "breaker.openJitter: '80%' is out of range; give from 0% to 50%"],
  [{ mode: 'forced' }, "breaker.mode: 'forced' is none of auto, open, closed, disabled, metrics-only"],
  [{ statuses: ['6xx'] }, "breaker.statuses.0: '6xx' is no status or 4xx or 5xx"],
];

describe('what can not be meant is refused, with what was found and the fix', () => {
  test.each(FAULTS)('%j', (spec, problem) => {
    expect(read(spec).found).toEqual([problem]);
  });

  test('a ratio of slow calls needs to know what is slow', () => {
    expect(read({ slowRatio: '50%' }, Infinity).found).toEqual([
      'breaker.slowRatio: nothing says what is slow; give slowAfter, or timeout.attempt',
    ]);
  });

  test('all at once', () => {
    expect(read({ probes: 0, failureRatio: 50, window: true }).found).toHaveLength(3);
  });
});
