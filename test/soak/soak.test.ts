import { expect, test } from 'vitest';
import { slopeOf } from './slope.ts';
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
  rssBytesPerMinute: 0,
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

test.each<readonly [what: string, report: Partial<SoakReport>, fault: string | undefined]>([
  ['a good one', {}, undefined],
  ['a failure', { failed: 1, failures: ['upload: 502'] }, 'upload: 502'],
  ['a leak', { heapBytesPerRequest: 500 }, '500 bytes behind'],
  ['a short one with some growth', { heapBytesPerRequest: 500, warmRequests: 1_000 }, undefined],
  ['a drain that had to be cut', { isWhole: false }, 'under way'],
  ['a socket that is left', { resources: ['TCPSocketWrap'] }, 'TCPSocketWrap'],
])('%s is told as what it is', (_what, report, fault) => {
  const faults = faultsOf({ ...GOOD, ...report });
  if (fault === undefined) expect(faults).toEqual([]);
  else expect(faults.join()).toContain(fault);
});
