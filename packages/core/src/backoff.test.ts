import { expect, test } from 'vitest';
import { backoff } from './backoff.ts';
import { seededRandom } from './seeded-random.ts';

const almostOne = { next: () => 1 - Number.EPSILON, bytes: (length: number) => new Uint8Array(length) };

test('the longest delay doubles up to the most', () => {
  const delays = backoff({ baseMs: 100, maxMs: 1000, random: almostOne });
  expect([1, 2, 3, 4, 5, 2000].map((attempt) => Math.round(delays.delayFor(attempt)))).toEqual([
    100, 200, 400, 800, 1000, 1000,
  ]);
});

test('jitter is full: delays spread from nothing to the longest', () => {
  const jittered = backoff({ baseMs: 100, maxMs: 100, random: seededRandom('jitter') });
  const delays = Array.from({ length: 200 }, () => jittered.delayFor(1));
  expect(Math.min(...delays)).toBeLessThan(10);
  expect(Math.max(...delays)).toBeGreaterThan(90);
});

test.each([
  [-1, 10],
  [10, 5],
  [Number.NaN, 10],
  [1, Infinity],
])('from %d to %d is refused', (baseMs, maxMs) => {
  expect(() => backoff({ baseMs, maxMs, random: almostOne })).toThrow(
    expect.objectContaining({ code: 'MISCONFIGURED' }),
  );
});
