import { expect, test } from 'vitest';
import { parseDuration, parseSize } from './quantity.ts';

test.each([
  ['0s', 0],
  ['250ms', 250],
  ['10s', 10_000],
  ['1.5s', 1_500],
  ['0.1h', 360_000],
  ['2m', 120_000],
])('%s is %d ms', (text, value) => expect(parseDuration(text)).toBe(value));

test.each([
  ['1B', 1],
  ['64KiB', 65_536],
  ['0.5MiB', 524_288],
  ['2GiB', 2_147_483_648],
])('%s is %d bytes', (text, value) => expect(parseSize(text)).toBe(value));

test.each(['', '10', 's', '-1s', '1 s', '1S', '1e3ms', '0.5ms', '1toString', 'Infinitys', '1d', '64KB'])(
  '%j is neither a duration nor a size',
  (text) => {
    expect(parseDuration(text)).toBeUndefined();
    expect(parseSize(text)).toBeUndefined();
  },
);
