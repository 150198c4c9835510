import { describe, expect, test } from 'vitest';
import { resolveBudget } from './budget-options.ts';
import { resolveHedge } from './hedge-options.ts';
import { Problems } from './problems.ts';
import { resolveRetry } from './retry-options.ts';

/** What is wrong with a section. */
function faults(section: 'retry' | 'hedge' | 'budget', spec: unknown): readonly string[] {
  const problems = new Problems();
  const resolve = { retry: resolveRetry, hedge: resolveHedge, budget: resolveBudget }[section];
  resolve(spec, problems.at(section));
  return problems.found;
}

describe('the defaults', () => {
  test('of retry', () => {
    expect(resolveRetry({}, new Problems())).toMatchObject({
      attempts: 3,
      backoff: { growth: 'exponential', baseMs: 50, factor: 2, capMs: 1_000, jitter: 'full' },
      statuses: new Set([408, 425, 429, 502, 503, 504]),
      exceptCodes: new Set(),
      unknown: false,
      anyCall: false,
    });
  });

  test('of hedge', () => {
    expect(resolveHedge({}, new Problems())).toMatchObject({
      attempts: 2,
      delay: { kind: 'percentile', quantile: 0.95, window: 200, minSamples: 20, minDelayMs: 1 },
    });
  });

  test('of the budget, which is on unless it is called off', () => {
    expect(resolveBudget(undefined, new Problems())).toEqual({ ratio: 0.1, reserve: 10, ttlMs: 10_000 });
    expect(resolveBudget('off', new Problems())).toBeUndefined();
  });

  test('without a section there is neither retry nor hedge', () => {
    expect(resolveRetry(undefined, new Problems())).toBeUndefined();
    expect(resolveHedge(undefined, new Problems())).toBeUndefined();
  });
});

test('what is written is used', () => {
  const problems = new Problems();
  expect(
    resolveRetry(
      {
        attempts: 5,
        backoff: { growth: 'constant', base: '10ms', cap: '10ms', jitter: '20%' },
        codes: ['ORDER_LOCKED'],
        statuses: [],
        exceptCodes: ['OTHER'],
        unknown: true,
        calls: 'all',
      },
      problems,
    ),
  ).toMatchObject({
    attempts: 5,
    backoff: { growth: 'constant', baseMs: 10, capMs: 10, jitter: 'spread', spreadRatio: 0.2 },
    codes: new Set(['ORDER_LOCKED']),
    statuses: new Set(),
    exceptCodes: new Set(['OTHER']),
    unknown: true,
    anyCall: true,
  });
  expect(resolveHedge({ attempts: 3, delay: '0ms' }, problems)).toMatchObject({ delay: { kind: 'fixed', delayMs: 0 } });
  expect(resolveHedge({ delay: 'p99.9', window: 1_000 }, problems)).toMatchObject({ delay: { window: 1_000 } });
  expect(resolveBudget({ ratio: '20%', floorPerSecond: 2, ttl: '30s' }, problems)).toEqual({
    ratio: 0.2,
    reserve: 60,
    ttlMs: 30_000,
  });
  expect(problems.found).toEqual([]);
});

describe('what contradicts itself is refused', () => {
  test.each<['retry' | 'hedge' | 'budget', unknown, string]>([
    ['retry', { attempts: 0 }, 'retry.attempts: 0 is out of range; give from 1 to 100'],
    ['retry', { attemps: 2 }, 'retry.attemps: no policy has this; did you mean attempts?'],
    ['retry', { statuses: [200] }, 'retry.statuses.0: 200 is no status of a failure, 400 to 599'],
    ['retry', { statuses: ['503'] }, `retry.statuses.0: '503' is no status of a failure, 400 to 599`],
    [
      'retry',
      { codes: ['A'], exceptCodes: ['A'] },
      `retry.exceptCodes: 'A' is also listed in codes; take it out of one of the two`,
    ],
    [
      'retry',
      { backoff: { base: '2s', cap: '1s' } },
      'retry.backoff.cap: 1s is shorter than base, 2s; give at least that',
    ],
    ['retry', { backoff: { factor: 0.5 } }, 'retry.backoff.factor: 0.5 is out of range; give at least 1'],
    [
      'retry',
      { backoff: { growth: 'linear', factor: 2 } },
      'retry.backoff.factor: linear growth has no factor; leave it out, or choose exponential',
    ],
    [
      'retry',
      { backoff: { growth: 'linear', jitter: 'decorrelated' } },
      'retry.backoff.growth: decorrelated jitter grows by itself; leave growth out, or choose full',
    ],
    ['retry', { backoff: { jitter: '150%' } }, `retry.backoff.jitter: '150%' is out of range; give from 0% to 100%`],
    ['retry', { backoff: { jitter: 0.2 } }, 'retry.backoff.jitter: 0.2 is none of none, full, equal, decorrelated'],
    ['hedge', { attempts: 1 }, 'hedge.attempts: 1 is out of range; give from 2 to 5'],
    [
      'hedge',
      { delay: 'p5' },
      `hedge.delay: 'p5' is no delay; give a duration such as '50ms', or a percentile from 'p50' to 'p99.999'`,
    ],
    [
      'hedge',
      { delay: 50 },
      `hedge.delay: 50 is no delay; give a duration such as '50ms', or a percentile from 'p50' to 'p99.999'`,
    ],
    [
      'hedge',
      { delay: '50ms', window: 100 },
      `hedge.window: a delay of 50ms measures nothing; leave it out, or give delay as 'p95'`,
    ],
    [
      'hedge',
      { window: 50, minSamples: 60 },
      'hedge.minSamples: 60 is more than window, 50, ever holds; give at most 50',
    ],
    ['budget', { ratio: 10 }, `budget.ratio: 10 is no ratio; write a text with %, such as '10%'`],
    ['budget', { floorPerSecond: -1 }, 'budget.floorPerSecond: -1 is out of range; give at least 0'],
    ['budget', { ttl: '2m' }, `budget.ttl: '2m' is out of range; give from 1s to 1m`],
    ['budget', 'on', `budget: 'on' is no object; write { } for the defaults, or leave it out`],
  ])('%s %j', (section, spec, fault) => {
    expect(faults(section, spec)).toEqual([fault]);
  });
});
