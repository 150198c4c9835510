import { expect, test } from 'vitest';
import { resolveSpec } from './spec.ts';
import { STANDARD } from './standard.ts';

test('the standard writes out the defaults of its sections, and nothing else', () => {
  const bare = {
    timeout: { total: '5s', attempt: '1s' },
    retry: {},
    breaker: {},
    concurrency: { adaptive: {} },
  };
  expect(resolveSpec('standard', STANDARD)).toEqual(resolveSpec('bare', bare));
});

test('the standard can be carried by JSON and changed by nobody', () => {
  expect(JSON.parse(JSON.stringify(STANDARD))).toEqual(STANDARD);
  expect(() => Object.assign(STANDARD.retry, { attempts: 99 })).toThrow(TypeError);
});
