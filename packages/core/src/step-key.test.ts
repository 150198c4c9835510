import { expect, test } from 'vitest';
import { createContext } from './create-context.ts';
import { seededRandom } from './seeded-random.ts';
import { stepKey } from './step-key.ts';
import { virtualClock } from './virtual-clock.ts';

const call = (idempotencyKey: string | undefined, tenant = 'acme', subject = 'ada') =>
  createContext({
    clock: virtualClock(),
    random: seededRandom(1),
    idempotencyKey,
    tenant,
    caller: { service: 'gateway', subject, roles: [] },
  });

test('a repeat of the same work derives the same key', () => {
  expect(stepKey(call('k'), 'payments.charge', 'first')).toBe(stepKey(call('k'), 'payments.charge', 'first'));
  expect(stepKey(call('k'), 'payments.charge')).toMatch(/^[\w-]{43}$/);
});

test('another key, operation, step, tenant or subject derives another key', () => {
  const keys = [
    stepKey(call('k'), 'payments.charge'),
    stepKey(call('k2'), 'payments.charge'),
    stepKey(call('k'), 'payments.refund'),
    stepKey(call('k'), 'payments.charge', 1),
    stepKey(call('k'), 'payments.charge', 2),
    stepKey(call('k'), 'payments.charge', 'a'),
    stepKey(call('k', 'globex'), 'payments.charge'),
    stepKey(call('k', 'acme', 'bob'), 'payments.charge'),
    stepKey(call('kpayments'), '.charge'),
  ];
  expect(new Set(keys).size).toBe(keys.length);
});

test("the caller's key can't be read from what is sent on", () => {
  expect(stepKey(call('order-42'), 'payments.charge')).not.toContain('order-42');
});

test('without a key nothing is derived', () => {
  expect(stepKey(call(undefined), 'payments.charge', 1)).toBeUndefined();
});
