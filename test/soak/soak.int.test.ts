import { expect, test } from 'vitest';
import { faultsOf, soak } from './soak.ts';

test('two minutes of everything leave nothing behind, and fail nobody who asks properly', async () => {
  const report = await soak({ minutes: 2 });
  expect(faultsOf(report)).toEqual([]);
  expect(Object.keys(report.turns)).toHaveLength(30);
  expect(report.swaps).toBeGreaterThan(2);
});

test('a gateway that keeps its requests is found out', async () => {
  const report = await soak({ minutes: 0.4, leaks: true });
  expect(faultsOf(report).join()).toContain('bytes behind');
});
