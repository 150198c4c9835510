import { expect, test } from 'vitest';
import { acceptedCoding } from './accepted-coding.ts';

test.each([
  [undefined, undefined],
  ['', undefined],
  ['gzip', 'gzip'],
  ['GZIP', 'gzip'],
  ['x-gzip', 'gzip'],
  ['gzip, br, zstd', 'zstd'],
  ['gzip, br', 'br'],
  ['gzip;q=1.0, br;q=0.5', 'gzip'],
  ['gzip ; q=0.8 , br;Q=0.9', 'br'],
  ['br;q=0', undefined],
  ['br;q=0.000, gzip', 'gzip'],
  ['*', 'zstd'],
  ['*;q=0.1, gzip;q=0.2', 'gzip'],
  ['zstd;q=0, *', 'br'],
  ['identity', undefined],
  ['identity, gzip;q=0.5', undefined],
  ['identity;q=0.5, gzip;q=0.5', 'gzip'],
  ['identity;q=0.5, gzip', 'gzip'],
  ['deflate, compress', undefined],
  // What is malformed is passed over.
  ['gzip;q=2', undefined],
  ['gzip;q=0.1234, br;q=1', 'br'],
  ['gzip;level=9', undefined],
  ['gzip;q=1;q=0', undefined],
  [',,gzip,', 'gzip'],
])('of %j it is %s', (field, coding) => expect(acceptedCoding(field, ['zstd', 'br', 'gzip'])?.coding).toBe(coding));

test.each([
  ['gzip', false],
  ['gzip, identity;q=0', true],
  ['gzip, *;q=0', true],
  ['gzip, identity;q=0.1, *;q=0', false],
])('%j: the body as it is is refused: %s', (field, isNeeded) =>
  expect(acceptedCoding(field, ['gzip'])?.isNeeded).toBe(isNeeded),
);

test('of what is liked alike it is the first of ours', () => {
  expect(acceptedCoding('gzip, br, zstd', ['gzip', 'zstd'])?.coding).toBe('gzip');
  expect(acceptedCoding('br', ['gzip', 'zstd'])).toBeUndefined();
});
