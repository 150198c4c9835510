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

test('the standard goes with other timeouts: what is slow, hung or stuck follows from them', () => {
  const { timeout, breaker } = resolveSpec('quick', { ...STANDARD, timeout: { total: '1s', attempt: '200ms' } });
  expect(timeout.stuckAfterMs).toBe(2_000);
  expect(breaker).toMatchObject({ slowAfterMs: 160, probeLeaseMs: 400 });
});

test('the standard can be carried by JSON and changed by nobody', () => {
  expect(JSON.parse(JSON.stringify(STANDARD))).toEqual(STANDARD);
  expect(() => Object.assign(STANDARD.retry, { attempts: 99 })).toThrow(TypeError);
});
