import { seededRandom, virtualClock } from '@fairlead/core';
import { expect, test } from 'vitest';
import { guardGlobals } from './guard.ts';

test('under the guard time and chance are virtual, and real again after it', async () => {
  const real = [globalThis.Date, globalThis.setTimeout, Math.random];
  const clock = virtualClock({ startMs: 1_000 });
  const told: unknown[] = [];
  {
    using _guard = guardGlobals(clock, seededRandom(1));
    const fired = new Promise<number>((resolve) => setTimeout(() => resolve(Date.now()), 500));
    const cancelled = setTimeout(() => told.push('never'), 100);
    clearTimeout(cancelled);
    told.push(Date.now(), new Date().getTime(), new Date(0).getTime(), new Date(5) instanceof Date);
    await clock.advance(500);
    told.push(await fired);
  }
  expect(told).toEqual([1_000, 1_000, 0, true, 1_500]);
  expect([globalThis.Date, globalThis.setTimeout, Math.random]).toEqual(real);
});

test('the same seed gives Math.random the same numbers', () => {
  const draw = () => {
    using _guard = guardGlobals(virtualClock(), seededRandom(5));
    return [Math.random(), Math.random()];
  };
  expect(draw()).toEqual(draw());
});

test('a second guard at the same time is refused', () => {
  using _guard = guardGlobals(virtualClock(), seededRandom(1));
  expect(() => guardGlobals(virtualClock(), seededRandom(1))).toThrow(/another simulation runs/);
});
