import { expect, test } from 'vitest';
import { z } from 'zod';
import { defineContract } from './contract.ts';
import { event } from './event.ts';
import { decodeEvent, encodeEvent } from './event-data.ts';

const shop = defineContract({
  name: 'shop',
  version: '1.0.0',
  operations: {},
  events: {
    'order.placed': event({
      key: 'orderId',
      version: 2,
      data: z.object({ orderId: z.string(), card: z.enum(['ok']).default('ok'), note: z.string().optional() }),
    }),
  },
});

test('an event is encoded with its key, its version and defaults filled in, as a JSON value of its own', () => {
  const data = { orderId: 'o1', note: undefined, internal: 'secret' };
  expect(encodeEvent(shop, 'order.placed', data)).toStrictEqual({
    type: 'order.placed',
    schemaVersion: 2,
    key: 'o1',
    data: { orderId: 'o1', card: 'ok' },
  });
});

test('an event that does not fit, or whose key is empty, is never published', () => {
  expect(() => encodeEvent(shop, 'order.placed', { orderId: 7 as unknown as string })).toThrow(
    expect.objectContaining({ code: 'INVALID_EVENT', kind: 'internal' }),
  );
  expect(() => encodeEvent(shop, 'order.placed', { orderId: '' })).toThrow(/key \$\.orderId is empty/);
});

test('a consumer reads newer members and enum values of an event without breaking', () => {
  expect(decodeEvent(shop, 'order.placed', { orderId: 'o1', card: 'later', added: 1 })).toEqual({
    orderId: 'o1',
    card: 'later',
  });
  expect(decodeEvent(shop, 'order.placed', { orderId: 'o1' }).card).toBe('ok');
});

test('a consumer refuses data without a member that it needs', () => {
  expect(() => decodeEvent(shop, 'order.placed', { card: 'ok' })).toThrow(
    /order\.placed of shop .*\$\.orderId: is missing/,
  );
  expect(() => decodeEvent(shop, 'order.placed', null)).toThrow(expect.objectContaining({ code: 'INVALID_EVENT' }));
});

test('a type that the contract has not is refused with the nearest that it has', () => {
  const odd = 'order.plced' as 'order.placed';
  expect(() => decodeEvent(shop, odd, {})).toThrow('shop has no event order.plced. Did you mean order.placed?');
  expect(() => encodeEvent(shop, 'toString' as 'order.placed', { orderId: 'x' })).toThrow(
    expect.objectContaining({ code: 'UNKNOWN_EVENT' }),
  );
});
