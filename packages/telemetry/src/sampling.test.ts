import { newTraceId, seededRandom } from '@fairlead/core';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { sampler, type TraceSampling } from './sampling.ts';

const TRACE = '0af7651916cd43dd8448eb211c80319c';

/** How many of the traces that come `everyMs` for a while are recorded. */
function recorded(keep: TraceSampling['keep'], everyMs: number, durationMs: number, fromMs = 0): number {
  const { samples } = sampler({ keep });
  let count = 0;
  for (let at = 0; at * everyMs < durationMs; at += 1) if (samples(TRACE, fromMs + at * everyMs)) count += 1;
  return count;
}

test('by default, 100 traces a second are whole, and so is a burst of 200', () => {
  expect(recorded(undefined, 10, 60_000)).toBe(6_000);
  const { samples, followsCaller } = sampler({});
  expect(Array.from({ length: 300 }, () => samples(TRACE, 5)).filter(Boolean)).toHaveLength(200);
  expect(followsCaller).toBe(true);
});

test('above its rate, a busy service records its rate, after one burst', () => {
  expect(recorded(undefined, 1 / 30, 10_000)).toBeGreaterThanOrEqual(200 + 999);
  expect(recorded(undefined, 1 / 30, 10_000)).toBeLessThanOrEqual(200 + 1_001);
});

test('no stretch of time has more traces than its rate and one burst', () => {
  const gaps = fc.array(fc.double({ min: 0, max: 2_000, noNaN: true }), { maxLength: 300 });
  const limit = { perSecond: fc.integer({ min: 1, max: 50 }), burst: fc.integer({ min: 1, max: 20 }) };
  fc.assert(
    fc.property(gaps, fc.record(limit), (waits, keep) => {
      const { samples } = sampler({ keep });
      let atMs = 0;
      const taken = waits.map((wait) => (atMs += wait)).filter((time) => samples(TRACE, time));
      return taken.every((from, first) =>
        taken.slice(first).every((to, more) => more + 1 <= keep.burst + ((to - from) * keep.perSecond) / 1000 + 1e-6),
      );
    }),
  );
});

test('a service that was quiet for a year has one burst, not a year of them', () => {
  const { samples } = sampler({ keep: { perSecond: 1, burst: 3 } });
  expect(samples(TRACE, 0)).toBe(true);
  const yearMs = 365 * 86_400_000;
  expect([1, 2, 3, 4].map(() => samples(TRACE, yearMs))).toEqual([true, true, true, false]);
});

test('everything, nothing, and a rate of 0', () => {
  expect(recorded('everything', 0.1, 100)).toBe(1_000);
  expect(recorded('nothing', 100, 1_000)).toBe(0);
  expect(recorded({ perSecond: 0 }, 100, 1_000)).toBe(0);
  expect(recorded({ perSecond: 0.5 }, 100, 10_000)).toBe(5);
});

test('a share is the same for one trace everywhere, and as large as it says', () => {
  const random = seededRandom('ids');
  const ids = Array.from({ length: 20_000 }, () => newTraceId(random));
  const kept = (ratio: number) => ids.filter((id) => sampler({ keep: { ratio } }).samples(id, 0));
  const tenth = kept(0.1);
  expect(tenth.length).toBeGreaterThan(1_800);
  expect(tenth.length).toBeLessThan(2_200);
  const half = new Set(kept(0.5));
  expect(tenth.every((id) => half.has(id))).toBe(true);
  expect(kept(1)).toHaveLength(ids.length);
  expect(kept(0)).toHaveLength(0);
});

test.each([
  [{ ratio: 1.5 }, 'traces.keep.ratio is 1.5; give a number from 0 to 1'],
  [{ perSecond: -1 }, 'traces.keep.perSecond is -1; give a number of 0 or more'],
  [{ perSecond: Number.NaN }, 'traces.keep.perSecond is NaN'],
  [{ perSecond: 5, burst: 0 }, 'traces.keep.burst is 0; give a number of 1 or more'],
])('%o is refused', (keep, message) => {
  expect(() => sampler({ keep })).toThrow(message);
});
