import { inspect } from 'node:util';
import { expect, test } from 'vitest';
import { Secret } from './secret.ts';

test('a secret shows itself nowhere but where it is revealed', () => {
  const secret = new Secret('hunter2-hunter2');
  expect(secret.reveal()).toBe('hunter2-hunter2');
  const shown = [
    String(secret),
    `${secret}`,
    JSON.stringify({ secret }),
    inspect(secret),
    inspect({ deep: { secret } }, { depth: 9, showHidden: true }),
    secret.toString(),
    '' + secret,
  ];
  for (const text of shown) {
    expect(text).toContain('[secret]');
    expect(text).not.toContain('hunter2');
  }
  expect(Object.entries(secret)).toEqual([]);
});

test('an empty secret is refused', () => {
  expect(() => new Secret('')).toThrow(/empty/);
});
