import { beforeAll, describe, expect, test } from 'vitest';
import { answeredShare, chart, goodput } from './chart.ts';
import { storm, type StormSecond } from './storm.ts';
import { VARIANTS } from './variants.ts';

const seed = 'storm';
// On the virtual clock, from one seed: the same numbers on every machine.
let defaults: StormSecond[];
let noBudget: StormSecond[];
let loadTrips: StormSecond[];
let budgetOnly: StormSecond[];
let retriesOnly: StormSecond[];

beforeAll(async () => {
  // Some 100 000 calls fail: where they did so interests nobody, and finding out takes most of the time.
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  defaults = await storm({ ...VARIANTS.defaults, seed });
  noBudget = await storm({ ...VARIANTS['no budget'], seed });
  loadTrips = await storm({ ...VARIANTS['load trips'], seed });
  budgetOnly = await storm({ ...VARIANTS['budget only'], seed });
  retriesOnly = await storm({ ...VARIANTS['retries only'], seed });
  Error.stackTraceLimit = stackTraceLimit;
});

describe('three tiers under ten times their capacity, where turning somebody away costs 2 % of serving', () => {
  test('with the defaults at least 90 % of the capacity goes on being answered', () => {
    expect(goodput(defaults, 'overload')).toBeGreaterThan(0.9);
  });

  test('with the defaults the storm is over when the overload is', () => {
    expect(answeredShare(defaults, 'after')).toBeGreaterThan(0.95);
  });

  test('with the defaults repeats add at most a fifth to what clients ask', () => {
    for (const { offered, requests } of defaults) expect(requests[0]).toBeLessThan(1.1 * offered + 2.5);
  });

  test('without a budget turning repeats away eats capacity, though limits and breakers hold', () => {
    expect(goodput(noBudget, 'overload')).toBeLessThan(goodput(defaults, 'overload') - 0.05);
  });

  test('a breaker that takes load for failure takes away the capacity that is left, and long after', () => {
    expect(goodput(loadTrips, 'overload')).toBeLessThan(0.75);
    expect(answeredShare(loadTrips, 'after')).toBeLessThan(0.9);
  });

  test('retries with neither budget nor limits collapse, and stay so when the overload is over', () => {
    expect(goodput(retriesOnly, 'overload')).toBeLessThan(0.15);
    expect(answeredShare(retriesOnly, 'after')).toBeLessThan(0.15);
  });

  test('a budget alone does not save the overload, but ends it', () => {
    expect(goodput(budgetOnly, 'overload')).toBeLessThan(0.3);
    expect(answeredShare(budgetOnly, 'after')).toBeGreaterThan(0.9);
  });
});

test('the chart has a line a second and says what it comes to', () => {
  const text = chart({ defaults, 'retries only': retriesOnly });
  const lines = text.split('\n');
  expect(lines[0]).toBe('  s  load  defaults           retries only');
  expect(lines).toHaveLength(1 + defaults.length + 1 + 2);
  expect(text).toContain('defaults: 9');
});
