import { expect, test } from 'vitest';
import { Progress } from './progress.ts';

test('the cursor may stand behind the last event that everything before is settled of', () => {
  const progress = new Progress(10n);
  for (const position of [11n, 14n, 15n]) progress.read(position);
  expect([progress.readThrough, progress.settledThrough, progress.open]).toEqual([15n, 10n, 3]);
  progress.settle(14n);
  expect([progress.settledThrough, progress.open]).toEqual([10n, 3]);
  progress.settle(11n);
  expect([progress.settledThrough, progress.open]).toEqual([14n, 1]);
  progress.settle(15n);
  expect([progress.settledThrough, progress.open]).toEqual([15n, 0]);
});

test('settling what is settled already changes nothing', () => {
  const progress = new Progress(0n);
  progress.read(1n);
  progress.settle(1n);
  progress.settle(1n);
  expect([progress.settledThrough, progress.open]).toEqual([1n, 0]);
});
