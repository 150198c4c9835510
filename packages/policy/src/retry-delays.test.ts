import { seededRandom } from '@fairlead/core';
import { expect, test } from 'vitest';
import { retryDelays } from './retry-delays.ts';

test('waits grow as the section says, up to its cap', () => {
  const delays = retryDelays({ base: '1s', cap: '5s', jitter: 'none' }, 'mail');
  expect([1, 2, 3, 4, 9].map((attempt) => delays(attempt, seededRandom('x')))).toEqual([
    1_000, 2_000, 4_000, 5_000, 5_000,
  ]);
});

test('what is wrong is said at once, with its place', () => {
  expect(() => retryDelays({ base: '1s', jitter: 'decorrelated' }, 'mail')).toThrow(
    /^mail: backoff\.jitter: decorrelated/,
  );
  expect(() => retryDelays({ base: 'soon' as '1s', factor: 0 }, 'mail')).toThrow(/backoff\.base.*backoff\.factor/s);
});
