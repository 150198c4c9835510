import { seededRandom } from '@fairlead/core';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { HedgeDelay } from './hedge-delay.ts';

const p95 = { kind: 'percentile', quantile: 0.95, window: 200, minSamples: 20, minDelayMs: 1 } as const;

test('a fixed delay is what it is, whatever calls take', () => {
  const delay = new HedgeDelay({ kind: 'fixed', delayMs: 50 });
  for (let call = 0; call < 100; call++) delay.record(call);
  expect(delay.delayMs()).toBe(50);
});

test('nothing is hedged before enough is known', () => {
  const delay = new HedgeDelay(p95);
  for (let call = 1; call < 20; call++) delay.record(10);
  expect(delay.delayMs()).toBe(Infinity);
  delay.record(10);
  expect(delay.delayMs()).toBe(10);
});

test('the percentile is the nearest rank of the latest durations', () => {
  const delay = new HedgeDelay({ ...p95, window: 100, minSamples: 100 });
  for (let ms = 100; ms >= 1; ms--) delay.record(ms);
  expect(delay.delayMs()).toBe(95);
  const few = new HedgeDelay({ ...p95, minSamples: 25 });
  for (let ms = 1; ms <= 25; ms++) few.record(ms);
  expect(few.delayMs()).toBe(24);
});

test('it follows when calls become slow, and fast again, within a window', () => {
  const delay = new HedgeDelay(p95);
  for (const ms of [10, 300, 20]) {
    for (let call = 0; call < 200; call++) delay.record(ms);
    expect(delay.delayMs()).toBe(ms);
  }
});

test('it is never shorter than the least delay', () => {
  const delay = new HedgeDelay({ ...p95, minDelayMs: 5 });
  for (let call = 0; call < 200; call++) delay.record(0.2);
  expect(delay.delayMs()).toBe(5);
});

test('the share of calls beyond it is what the percentile says, within what a sixteenth of the window is worth', () => {
  const durations = fc.array(fc.nat(1_000), { minLength: 100, maxLength: 400 });
  fc.assert(
    fc.property(durations, fc.constantFrom(0.5, 0.9, 0.95, 0.99), (each, quantile) => {
      const delay = new HedgeDelay({ ...p95, quantile, window: 100, minDelayMs: 0 });
      for (const ms of each) delay.record(ms);
      const latest = each.slice(-100);
      const beyond = latest.filter((ms) => ms > delay.delayMs()).length;
      const within = latest.filter((ms) => ms < delay.delayMs()).length;
      // At most 7 of the 100 are newer than the percentile.
      expect(beyond).toBeLessThanOrEqual(Math.ceil((1 - quantile) * 100) + 7);
      expect(within).toBeLessThanOrEqual(quantile * 100 + 7);
    }),
  );
});

test('losers that count with what they had lead to the true percentile, though no duration beyond the delay is ever seen', () => {
  const random = seededRandom('tail');
  const delay = new HedgeDelay(p95);
  // One call in five takes 500 ms, so that is the p95. A hedge always wins 10 ms after it began.
  for (let call = 0; call < 20_000; call++) {
    const wouldTakeMs = random.next() < 0.2 ? 500 : 10 + random.next() * 10;
    const hadMs = delay.delayMs() + 10;
    if (wouldTakeMs <= hadMs) delay.record(wouldTakeMs);
    else delay.recordAtLeast(hadMs);
  }
  expect(delay.delayMs()).toBe(500);
});

test('what failed or was given up sooner than the delay says nothing', () => {
  const delay = new HedgeDelay(p95);
  for (let call = 0; call < 100; call++) delay.recordAtLeast(1);
  expect(delay.delayMs()).toBe(Infinity);
  for (let call = 0; call < 200; call++) delay.record(10);
  for (let call = 0; call < 200; call++) delay.recordAtLeast(1);
  expect(delay.delayMs()).toBe(10);
  for (let call = 0; call < 200; call++) delay.recordAtLeast(80);
  expect(delay.delayMs()).toBe(80);
});
