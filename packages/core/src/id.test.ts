import { expect, test } from 'vitest';
import { newSpanId, newTraceId, uuidV7 } from './id.ts';
import { seededRandom } from './seeded-random.ts';
import { virtualClock } from './virtual-clock.ts';

test('a UUID has version 7, variant 10 and the time in front', () => {
  const clock = virtualClock({ startMs: 0x017f22e279b0 });
  const id = uuidV7({ clock, random: { next: () => 0, bytes: (length) => new Uint8Array(length).fill(0xff) } });
  expect(id).toBe('017f22e2-79b0-7fff-bfff-ffffffffffff');
});

test('UUIDs sort by the time of their making', async () => {
  const clock = virtualClock();
  const random = seededRandom('ids');
  const ids: string[] = [];
  for (let i = 0; i < 50; i++) {
    ids.push(uuidV7({ clock, random }));
    await clock.advance(1);
  }
  expect(ids.toSorted()).toEqual(ids);
  expect(new Set(ids).size).toBe(50);
});

test('a clock outside the range of UUIDs gives a valid one all the same', () => {
  const clock = virtualClock({ startMs: -5 });
  expect(uuidV7({ clock, random: seededRandom(1) })).toMatch(/^00000000-0000-7/);
});

test('trace and span ids are never all zero', () => {
  let calls = 0;
  const random = { next: () => 0, bytes: (length: number) => new Uint8Array(length).fill(calls++ === 0 ? 0 : 1) };
  expect(newTraceId(random)).toBe('01'.repeat(16));
  calls = 0;
  expect(newSpanId(random)).toBe('01'.repeat(8));
});
