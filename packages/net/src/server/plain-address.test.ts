import { expect, test } from 'vitest';
import { plainAddress } from './plain-address.ts';

test.each([
  ['192.0.2.7', '192.0.2.7'],
  ['::ffff:192.0.2.7', '192.0.2.7'],
  ['::ffff:c000:207', '::ffff:c000:207'],
  ['2001:db8::1', '2001:db8::1'],
  ['', ''],
])('%j is %j to people', (address, plain) => {
  expect(plainAddress(address)).toBe(plain);
});
