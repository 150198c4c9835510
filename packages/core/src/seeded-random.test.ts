import { expect, test } from 'vitest';
import { realRandom } from './real-random.ts';
import { seededRandom } from './seeded-random.ts';

const draw = (random: { next(): number }, count: number) => Array.from({ length: count }, () => random.next());

test('the same seed gives the same numbers and bytes, for ever', () => {
  const random = seededRandom(42);
  expect(draw(random, 3)).toEqual(draw(seededRandom('42'), 3));
  // Written down so that a change of the generator, which would invalidate every recorded seed, is noticed.
  expect(Buffer.from(seededRandom('fairlead').bytes(9)).toString('hex')).toBe('ec0bd8c49fbc249998');
});

test('another seed gives other numbers', () => {
  expect(draw(seededRandom(1), 4)).not.toEqual(draw(seededRandom(2), 4));
});

test('a fork depends on seed and purpose only, not on what was drawn before', () => {
  const fresh = seededRandom(7);
  const used = seededRandom(7);
  draw(used, 100);
  expect(draw(used.fork('network'), 5)).toEqual(draw(fresh.fork('network'), 5));
  expect(draw(fresh.fork('network'), 5)).not.toEqual(draw(fresh.fork('crashes'), 5));
  expect(draw(fresh.fork('network'), 5)).not.toEqual(draw(seededRandom(7), 5));
});

test('numbers lie in [0, 1) and spread evenly', () => {
  const tenths = Array.from({ length: 10 }, () => 0);
  for (const value of draw(seededRandom('spread'), 20_000)) tenths[Math.floor(value * 10)]! += 1;
  for (const count of tenths) expect(Math.abs(count - 2000)).toBeLessThan(200);
});

test('the real source gives as many bytes as asked for, and not the same ones', () => {
  const random = realRandom();
  expect(random.bytes(5)).toHaveLength(5);
  expect(Buffer.from(random.bytes(16)).equals(Buffer.from(random.bytes(16)))).toBe(false);
  expect(random.next()).toBeGreaterThanOrEqual(0);
  expect(random.next()).toBeLessThan(1);
});
