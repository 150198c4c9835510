import { expect, test } from 'vitest';
import { explain } from './explain.ts';

test('a rejection says policy, cause, rule, measured values and when to come back', () => {
  const rejection = {
    cause: 'full',
    policy: 'stock',
    rule: 'concurrency',
    measured: { limit: 20, waitedMs: 1.23456, tenant: 'acme' },
    retryAfterMs: 1_499.2,
  } as const;
  expect(explain(rejection)).toBe(
    'stock: all slots are taken and the queue is full, by concurrency (limit 20, waitedMs 1.235, tenant acme). Try again in 1.5s.',
  );
});

test('what nobody can tell is left out', () => {
  const rejection = {
    cause: 'cancelled',
    policy: 'stock',
    rule: 'caller',
    measured: {},
    retryAfterMs: undefined,
  } as const;
  expect(explain(rejection)).toBe('stock: the caller gave up, by caller.');
});
