import { expect, test } from 'vitest';
import { nearest } from './nearest.ts';

test.each([
  ['servics', ['service', 'services', 'tenants'], 'service'],
  ['tiemout', ['timeout', 'route'], 'timeout'],
  ['GATEWAY', ['gateway'], 'gateway'],
  ['idempotencyKey', ['idempotency-key', 'keys'], 'idempotency-key'],
  ['a', ['b', 'abc'], 'b'],
  ['orders', ['payments', 'inventory'], undefined],
  ['port', [], undefined],
])('%s among %j means %s', (name, candidates, expected) => {
  expect(nearest(name, candidates)).toBe(expected);
});
