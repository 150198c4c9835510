import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createWindow } from './create-window.ts';
import type { OutcomeWindow, WindowRule } from './outcome-window.ts';

function counted({ calls, failures, slow }: OutcomeWindow): readonly number[] {
  return [calls, failures, slow];
}

describe('a window of 5 s in 5 buckets, as the tests of resilience4j have it', () => {
  const rule: WindowRule = { kind: 'time', windowMs: 5_000, buckets: 5 };

  /** What is recorded at which time, and calls, failures and slow calls after it; `look` records nothing. */
  const tables: Readonly<Record<string, readonly (readonly [number, string, number, number, number])[]>> = {
    'it slides by buckets': [
      [0, 'failure', 1, 1, 0],
      [100, 'success', 2, 1, 0],
      [200, 'success', 3, 1, 0],
      [1_200, 'success', 4, 1, 0],
      [2_200, 'success', 5, 1, 0],
      [3_200, 'failure', 6, 2, 0],
      [4_200, 'success', 7, 2, 0],
      [5_200, 'success', 5, 1, 0],
      [6_200, 'success', 5, 1, 0],
      [11_200, 'success', 1, 0, 0],
    ],
    'it is empty once the window has passed, whether or not anything happens': [
      [0, 'failure', 1, 1, 0],
      [100, 'success', 2, 1, 0],
      [800, 'slow failure', 3, 2, 1],
      [4_800, 'look', 3, 2, 1],
      [5_800, 'look', 0, 0, 0],
      [5_900, 'success', 1, 0, 0],
      [10_900, 'success', 1, 0, 0],
    ],
    'a slow call counts as slow whether it failed or not': [
      [0, 'slow success', 1, 0, 1],
      [0, 'slow failure', 2, 1, 2],
      [0, 'success', 3, 1, 2],
      [0, 'success', 4, 1, 2],
      [0, 'success', 5, 1, 2],
    ],
  };
  test.each(Object.entries(tables))('%s', (_, rows) => {
    const window = createWindow(rule);
    for (const [atMs, what, ...expected] of rows) {
      window.advance(atMs);
      if (what !== 'look') window.add(what.endsWith('failure'), what.startsWith('slow'), atMs);
      expect(counted(window), `${what} at ${atMs}`).toEqual(expected);
    }
  });
});

test('a window of 5 calls forgets the oldest one with each call, as the tests of resilience4j have it', () => {
  const window = createWindow({ kind: 'count', calls: 5 });
  const rows = [
    ['failure', 1, 1, 0],
    ['success', 2, 1, 0],
    ['success', 3, 1, 0],
    ['slow success', 4, 1, 1],
    ['slow failure', 5, 2, 2],
    ['success', 5, 1, 2],
    ['success', 5, 1, 2],
    ['success', 5, 1, 2],
    ['success', 5, 1, 1],
    ['success', 5, 0, 0],
  ] as const;
  for (const [what, ...expected] of rows) {
    window.add(what.endsWith('failure'), what.startsWith('slow'), 0);
    expect(counted(window)).toEqual(expected);
  }
});

test('time alone never empties a window of calls', () => {
  const window = createWindow({ kind: 'count', calls: 3 });
  window.add(true, false, 0);
  window.advance(1e12);
  expect(counted(window)).toEqual([1, 1, 0]);
});

test('cleared, it begins anew: nothing of before comes back or is taken off twice', () => {
  for (const rule of [
    { kind: 'count', calls: 3 },
    { kind: 'time', windowMs: 3_000, buckets: 3 },
  ] as const) {
    const window = createWindow(rule);
    for (let call = 0; call < 7; call++) window.add(true, true, call * 300);
    window.clear();
    expect(counted(window)).toEqual([0, 0, 0]);
    for (let call = 0; call < 9; call++) window.add(false, false, 2_000 + call * 10_000);
    expect(window.failures).toBe(0);
    expect(window.slow).toBe(0);
  }
});

test('buckets turn with time and not with calls: nine failures are forgotten though nothing happened for a minute', () => {
  const window = createWindow({ kind: 'time', windowMs: 5_000, buckets: 5 });
  for (let call = 0; call < 9; call++) window.add(true, false, 0);
  window.add(false, false, 60_000);
  expect(counted(window)).toEqual([1, 0, 0]);
});

test('at any moment a window of time holds all calls of its younger buckets and none that is older than the window', () => {
  const call = fc.record({
    afterMs: fc.oneof(fc.nat(50), fc.nat(3_000), fc.nat(1_000_000)),
    failed: fc.boolean(),
    slow: fc.boolean(),
  });
  fc.assert(
    fc.property(
      fc.array(call, { maxLength: 60 }),
      fc.integer({ min: 1, max: 12 }),
      fc.integer({ min: 1, max: 2_000 }),
      (calls, buckets, bucketMs) => {
        const window = createWindow({ kind: 'time', windowMs: buckets * bucketMs, buckets });
        const seen: { atMs: number; failed: boolean; slow: boolean }[] = [];
        let nowMs = 7;
        for (const { afterMs, failed, slow } of calls) {
          nowMs += afterMs;
          window.add(failed, slow, nowMs);
          seen.push({ atMs: nowMs, failed, slow });
          const oldest = (Math.floor(nowMs / bucketMs) - buckets + 1) * bucketMs;
          const current = seen.filter(({ atMs }) => atMs >= oldest);
          expect(counted(window)).toEqual([
            current.length,
            current.filter((each) => each.failed).length,
            current.filter((each) => each.slow).length,
          ]);
        }
      },
    ),
  );
});

test('a window of calls holds exactly the latest ones', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.boolean(), fc.boolean()), { maxLength: 100 }),
      fc.integer({ min: 1, max: 20 }),
      (calls, size) => {
        const window = createWindow({ kind: 'count', calls: size });
        for (const [index, [failed, slow]] of calls.entries()) {
          window.add(failed, slow, 0);
          const latest = calls.slice(Math.max(0, index + 1 - size), index + 1);
          expect(counted(window)).toEqual([
            latest.length,
            latest.filter((each) => each[0]).length,
            latest.filter((each) => each[1]).length,
          ]);
        }
      },
    ),
  );
});
