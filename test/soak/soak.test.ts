import { expect, test } from 'vitest';
import { medianSlopeOf, slopeOf } from './slope.ts';
import { faultsOf, type SoakReport } from './soak.ts';

const GOOD: SoakReport = {
  requests: 50_000,
  swaps: 40,
  turns: {},
  failures: [],
  failed: 0,
  warmRequests: 30_000,
  heapBytesPerRequest: 30,
  heapBytesPerMinute: 0,
  warmMinutes: 30,
  rssBytesPerMinute: 0,
  descriptorsPerMinute: 0,
  socketsPerMinute: 0,
  timersPerMinute: 0,
  course: [],
  drainMs: 1,
  isWhole: true,
  resources: [],
};

test('the slope of points on a line is that of the line, and noise around it changes little', () => {
  expect(slopeOf([])).toBe(0);
  expect(slopeOf([[1, 5]])).toBe(0);
  expect(slopeOf([0, 1, 2, 3].map((x) => [x, 7 + 3 * x]))).toBeCloseTo(3);
  expect(slopeOf([0, 1, 2, 3].map((x) => [x, x % 2]))).toBeCloseTo(0.2);
});

test('the median slope goes on over a step and over points far off', () => {
  expect(medianSlopeOf([])).toBe(0);
  expect(medianSlopeOf([[1, 5]])).toBe(0);
  expect(medianSlopeOf([0, 1, 2, 3].map((x) => [x, 7 + 3 * x]))).toBe(3);
  expect(medianSlopeOf(Array.from({ length: 30 }, (_, x) => [x, x < 5 ? 100 : 160]))).toBe(0);
  expect(medianSlopeOf(Array.from({ length: 30 }, (_, x) => [x, x % 10 === 3 ? 900 : 2 * x]))).toBe(2);
});

test.each<readonly [what: string, report: Partial<SoakReport>, fault: string | undefined]>([
  ['a good one', {}, undefined],
  ['a failure', { failed: 1, failures: ['upload: 502'] }, 'upload: 502'],
  ['a leak', { heapBytesPerRequest: 500 }, '500 bytes behind'],
  ['a short one with some growth', { heapBytesPerRequest: 500, warmRequests: 1_000 }, undefined],
  ['a process that grows', { rssBytesPerMinute: 1024 * 1024 }, 'rss grows by 1.0 MiB'],
  ['a process that has just begun to', { rssBytesPerMinute: 1024 * 1024, warmMinutes: 1 }, undefined],
  ['connections that stay', { socketsPerMinute: 3 }, '3.0 more sockets'],
  ['files that stay', { descriptorsPerMinute: 1 }, '1.0 more descriptors'],
  ['timers that stay', { timersPerMinute: 1 }, '1.0 more timers'],
  ['a drain that had to be cut', { isWhole: false }, 'under way'],
  ['a socket that is left', { resources: ['TCPSocketWrap'] }, 'TCPSocketWrap'],
])('%s is told as what it is', (_what, report, fault) => {
  const faults = faultsOf({ ...GOOD, ...report });
  if (fault === undefined) expect(faults).toEqual([]);
  else expect(faults.join()).toContain(fault);
});
