import fc from 'fast-check';
import { expect, test } from 'vitest';
import { dealHand } from './shuffle-shard.ts';

test('a hand has as many different queues as it should, and is always the same', () => {
  const size = fc
    .integer({ min: 2, max: 200 })
    .chain((queues) => fc.tuple(fc.constant(queues), fc.integer({ min: 1, max: queues })));
  fc.assert(
    fc.property(fc.string(), fc.nat(2 ** 32 - 1), size, (name, salt, [queues, hand]) => {
      const dealt = dealHand(name, salt, queues, hand);
      expect(new Set(dealt).size).toBe(hand);
      expect(dealt.every((queue) => Number.isInteger(queue) && queue >= 0 && queue < queues)).toBe(true);
      expect(dealHand(name, salt, queues, hand)).toEqual(dealt);
    }),
  );
});

test('all queues are dealt about as often, at every place of the hand', () => {
  const counts = Array.from({ length: 8 }, () => Array.from({ length: 16 }, () => 0));
  for (let tenant = 0; tenant < 16_000; tenant++)
    dealHand(`tenant-${tenant}`, 7, 16, 8).forEach((queue, place) => (counts[place]![queue]! += 1));
  // 1 000 expected each; 5 standard deviations are 153.
  for (const count of counts.flat()) expect(Math.abs(count - 1_000)).toBeLessThan(153);
});

test('hardly any of a thousand tenants has all the queues of another', () => {
  const aggressor = new Set(dealHand('aggressor', 7, 64, 8));
  const shared = Array.from(
    { length: 1_000 },
    (_, tenant) => dealHand(`tenant-${tenant}`, 7, 64, 8).filter((queue) => aggressor.has(queue)).length,
  );
  expect(Math.max(...shared)).toBeLessThan(6);
  expect(shared.reduce((sum, count) => sum + count) / 1_000).toBeCloseTo(1, 0);
});

test('another salt deals other hands, so that nobody can choose a name by its hand', () => {
  expect(dealHand('acme', 1, 64, 8)).not.toEqual(dealHand('acme', 2, 64, 8));
});
