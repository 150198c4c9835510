import { expect, test } from 'vitest';
import { nameFault } from './platform-name.ts';

test('a name is lower-case letters, digits and dashes, from a letter to a letter or digit, at most 40', () => {
  for (const name of ['a', 'a1', 'order-lines', `a${'b'.repeat(39)}`])
    expect(nameFault(name, 'member')).toBe(undefined);
  for (const name of ['', 'A', '1a', '-a', 'a-', 'a_b', 'a.b', `a${'b'.repeat(40)}`])
    expect(nameFault(name, 'platform')).toMatch(/^must be lower-case/);
});

test('the platform may be called as one of its parts is, a service may not', () => {
  expect(nameFault('broker', 'platform')).toBe(undefined);
  expect(nameFault('broker', 'member')).toMatch(/platform's own parts/);
});
