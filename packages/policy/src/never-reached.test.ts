import { expect, test } from 'vitest';
import { neverReached } from './never-reached.ts';
import type { RateSpec } from './rate-limit-options.ts';

test.each<readonly [RateSpec[], readonly (readonly [number, number])[]]>([
  [[{ rate: '10/m' }, { rate: '100/m' }], [[1, 0]]],
  [[{ rate: '100/s' }, { rate: '10/m' }], [[0, 1]]],
  [
    [{ rate: '2/h' }, { rate: '5/s' }, { rate: '3/m' }],
    [
      [1, 0],
      [2, 0],
    ],
  ],
  // Both hold, one in the beginning and the other one in the long run.
  [[{ rate: '10/s' }, { rate: '100/m' }], []],
  [[{ rate: '100/s' }, { rate: '10/m', burst: 1_000 }], []],
  [[{ rate: '100/s', burst: 1 }, { rate: '10/m' }], []],
  // One of the two could go, and nothing is contradicted.
  [[{ rate: '10/s' }, { rate: '10/m' }], []],
  [[{ rate: '10/s' }, { rate: '10/s' }], []],
  [[{ rate: '1/s' }, { rate: '100/m' }], []],
  [[{ rate: '100/s' }, { rate: '0/m' }], []],
  [[{ rate: '100/s' }], []],
])('%j: which are never reached', (rates, found) =>
  expect(neverReached(rates).map(({ at, because }) => [at, because])).toEqual(found),
);
