import { expect, test } from 'vitest';
import { durationBucket, quantile, type DurationCounts } from './duration-buckets.ts';
import { RedWindows } from './red-windows.ts';

function counted(durations: readonly number[]): DurationCounts {
  const counts = new Map<number, number>();
  for (const each of durations) counts.set(durationBucket(each), (counts.get(durationBucket(each)) ?? 0) + 1);
  return [...counts].toSorted(([a], [b]) => a - b);
}

/** The window of one route, asked for at a time. */
function windowFrom(beganMs: number) {
  let nowMs = beganMs;
  const windows = new RedWindows({ monotonic: () => nowMs });
  const window = windows.of('r');
  return {
    ended: (atMs: number, durationMs: number, status: number, cause: string | undefined) =>
      windows.ended(window, atMs, durationMs, status, cause),
    read(atMs: number) {
      nowMs = atMs;
      return windows.read('r')!;
    },
  };
}

test('quantiles are off by an eighth at most, from tenths of milliseconds to a minute', () => {
  for (const scale of [0.1, 1, 30, 500, 60_000]) {
    const durations = Array.from({ length: 1_000 }, (_, at) => (scale * (at + 1)) / 1_000).filter((ms) => ms > 0.07);
    for (const share of [0.01, 0.5, 0.95, 0.99, 1]) {
      const exact = durations[Math.ceil(durations.length * share) - 1] ?? 0;
      expect(Math.abs(quantile(counted(durations), share) / exact - 1)).toBeLessThan(0.13);
    }
  }
});

test('what is no duration, shorter or longer than any is counted too', () => {
  expect(counted([0, -1, Number.NaN, 0.001])).toEqual([[0, 4]]);
  expect(quantile(counted([1e9]), 0.5)).toBe(quantile(counted([100_000]), 0.99));
  expect(quantile([], 0.5)).toBe(0);
});

test('the window holds the last minute, and forgets what is older', () => {
  const window = windowFrom(1_000);
  for (let atMs = 1_000; atMs < 301_000; atMs += 100) window.ended(atMs, 10, 200, undefined);
  const { requests, windowMs } = window.read(301_000);
  expect(windowMs).toBeGreaterThanOrEqual(60_000);
  expect(windowMs).toBeLessThan(65_001);
  expect(requests).toBe(windowMs / 100);
  expect(window.read(301_000 + 59_000).requests).toBeGreaterThan(0);
  expect(window.read(301_000 + 66_000)).toMatchObject({ requests: 0, durations: [] });
});

test('at the beginning it is as long as it is there', () => {
  const window = windowFrom(7_000);
  window.ended(8_000, 1, 200, undefined);
  expect(window.read(9_000)).toMatchObject({ windowMs: 2_000, requests: 1 });
});

test('failures, refusals and clients that went away are told apart, each by its cause', () => {
  const window = windowFrom(0);
  window.ended(0, 1, 500, undefined);
  window.ended(0, 1, 503, 'UPSTREAM_UNAVAILABLE');
  window.ended(0, 1, 429, 'RATE_LIMITED');
  window.ended(0, 1, 429, 'RATE_LIMITED');
  window.ended(0, 1, 499, 'CANCELLED');
  window.ended(0, 1, 404, undefined);
  expect(window.read(1)).toMatchObject({
    requests: 6,
    failed: 2,
    refused: 2,
    cancelled: 1,
    causes: { '500': 1, UPSTREAM_UNAVAILABLE: 1, RATE_LIMITED: 2, CANCELLED: 1 },
  });
});

test('causes without end are one', () => {
  const window = windowFrom(0);
  for (let at = 0; at < 1_000; at += 1) window.ended(0, 1, 400, `CAUSE_${at}`);
  const { causes } = window.read(1);
  expect(Object.keys(causes)).toHaveLength(33);
  expect(causes['_other']).toBe(1_000 - 32);
});

test('each of many routes has its own counts', () => {
  const windows = new RedWindows({ monotonic: () => 20_000 });
  const routes = Array.from({ length: 50 }, (_, at) => windows.of(`r${at}`));
  for (const atMs of [1_000, 6_000, 19_000]) {
    for (const [at, window] of routes.entries()) {
      for (let count = 0; count <= at; count += 1) windows.ended(window, atMs, 1, 200, undefined);
      windows.ended(window, atMs, 1, 500, `CAUSE_${at}`);
    }
  }
  for (const at of routes.keys()) {
    expect(windows.read(`r${at}`)).toMatchObject({ requests: 3 * (at + 2), failed: 3, causes: { [`CAUSE_${at}`]: 3 } });
  }
  windows.keepOnly((route) => route === 'r7');
  expect(windows.read('r8')).toBeUndefined();
  expect(windows.read('r7')?.requests).toBe(27);
});

test('what ended before a pause is forgotten after it, though it was counted late', () => {
  const window = windowFrom(0);
  window.ended(1_000, 1, 200, undefined);
  // Thirteen slots later, which is at the same place.
  window.ended(66_000, 1, 500, undefined);
  window.ended(66_000, 1, 200, undefined);
  expect(window.read(66_000)).toMatchObject({ requests: 2, failed: 1 });
});
