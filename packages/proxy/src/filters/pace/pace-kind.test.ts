import fc from 'fast-check';
import { expect, test } from 'vitest';
import { filterWorld } from '../passage.fixture.ts';
import { LeakyBuckets } from './leaky-bucket.ts';
import { paceKind } from './pace-kind.ts';

const rules = { perMs: 1 / 100, burst: 3, delayAfter: 1, maxKeys: 100 };

test('who comes sooner waits for a turn, and for more than the burst there is no room', () => {
  const buckets = new LeakyBuckets(rules);
  const at = (nowMs: number) => buckets.admit('a', nowMs);
  expect([at(0), at(0), at(0), at(0), at(0), at(0)]).toEqual([0, 0, 100, 200, undefined, undefined]);
  // Who is turned away adds nothing: after one turn there is room for one.
  expect([at(100), at(100)]).toEqual([200, undefined]);
  expect(at(1_000)).toBe(0);
  expect(buckets.admit('b', 1_000)).toBe(0);
});

test('in any stretch of time no more go on than the burst and the rate’s share of it', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 0, max: 300 }), { maxLength: 60 }),
      fc.integer({ min: 0, max: 5 }),
      fc.integer({ min: 0, max: 5 }),
      (gaps, burst, delayAfter) => {
        const buckets = new LeakyBuckets({ ...rules, burst, delayAfter: Math.min(delayAfter, burst) });
        let nowMs = 0;
        const admitted: number[] = [];
        for (const gap of gaps) {
          nowMs += gap;
          if (buckets.admit('a', nowMs) !== undefined) admitted.push(nowMs);
        }
        for (const [from, start] of admitted.entries())
          for (const [to, end] of admitted.entries())
            if (to >= from) expect(to - from).toBeLessThanOrEqual(burst + (end - start) / 100 + 1e-6);
      },
    ),
  );
});

test('the one that was asked longest ago is forgotten when there are too many', () => {
  const buckets = new LeakyBuckets({ perMs: 1 / 1_000, burst: 0, delayAfter: 0, maxKeys: 2 });
  for (const key of ['a', 'b', 'c']) expect(buckets.admit(key, 0)).toBe(0);
  expect(['b', 'a'].map((key) => buckets.admit(key, 1))).toEqual([undefined, 0]);
});

test('a pace holds requests back, and is shared by routes that name it', async () => {
  const world = filterWorld();
  const make = (spec: object) =>
    paceKind.make(paceKind.schema.parse({ type: 'pace', by: '{client-address}', rate: '10/s', ...spec }), world);
  const filter = make({ burst: 2, name: 'all', status: 503 });
  const same = make({ burst: 2, name: 'all', status: 503 });
  expect(filter.request?.(world.passage())).toBeUndefined();
  const second = same.request?.(world.passage());
  const third = filter.request?.(world.passage());
  expect(same.request?.(world.passage())).toMatchObject({ status: 503, cause: 'RATE_LIMITED', retryAfterMs: 100 });
  expect(filter.request?.(world.passage({ clientAddress: '192.0.2.2' }))).toBeUndefined();
  let ended = 0;
  for (const each of [second, third]) void Promise.resolve(each).then(() => (ended += 1));
  await world.clock.advance(99);
  expect(ended).toBe(0);
  await world.clock.advance(1);
  expect(ended).toBe(1);
  await world.clock.advance(100);
  expect(ended).toBe(2);
  // Who has nothing to be told apart by has no pace.
  const byKey = make({ by: '{header:x-key}' });
  expect([1, 2, 3].map(() => byKey.request?.(world.passage()))).toEqual([undefined, undefined, undefined]);
  expect(() => make({ rate: 'often' })).toThrow('write a rate such as');
  expect(() => make({ burst: 1, delayAfter: 2 })).toThrow('is more than burst');
});
