import { expect, test } from 'vitest';
import { compareVersions } from './version.ts';

test.each([
  ['1.2.3', '1.2.3', true],
  ['1.2.3', '1.3.0', true],
  ['1.2.3', '1.2.2', false],
  ['1.2.3', '2.0.0', false],
  ['2.0.0', '1.9.9', false],
  ['0.1.0', '0.1.4', true],
  ['0.1.0', '0.2.0', false],
  ['spring', 'spring', true],
  ['spring', 'autumn', false],
  ['1.0.0', 'autumn', false],
])('a caller built against %s and a provider at %s: compatible is %s', (wanted, offered, compatible) => {
  expect(compareVersions(wanted, offered).kind === 'compatible').toBe(compatible);
});
