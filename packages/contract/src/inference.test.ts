import { expectTypeOf, test } from 'vitest';
import { z } from 'zod';
import { defineContract } from './contract.ts';
import type { Contract } from './contract.ts';
import { event } from './event.ts';
import type { CallInput, ErrorCode, EventData, EventName, Input, Output, Received, ReceivedData } from './inference.ts';
import { operation } from './operation.ts';

const shop = defineContract({
  name: 'shop',
  version: '1.0.0',
  operations: {
    placeOrder: operation({
      method: 'POST',
      path: '/orders',
      input: z.object({ sku: z.string(), card: z.enum(['ok', 'declined']).default('ok'), note: z.string().optional() }),
      output: z.object({
        status: z.enum(['pending', 'confirmed']),
        origin: z.literal('shop'),
        history: z.array(z.object({ type: z.enum(['placed']), at: z.iso.datetime().nullable() })),
        reason: z.enum(['stock', 'card']).optional(),
        payment: z.discriminatedUnion('type', [
          z.object({ type: z.literal('card'), brand: z.enum(['visa']) }),
          z.object({ type: z.enum(['cash', 'voucher']), cents: z.int() }),
        ]),
        labels: z.record(z.string(), z.enum(['a'])),
      }),
      errors: { NO_SUCH_ITEM: 'not-found', TOO_MANY: 'unprocessable' },
    }),
    ping: operation({ method: 'GET', path: '/ping', output: z.object({}) }),
  },
  events: {
    'order.placed': event({
      key: 'orderId',
      data: z.object({ orderId: z.string(), card: z.enum(['ok']), n: z.int().default(1) }),
    }),
  },
});
const quiet = defineContract({ name: 'quiet', version: '1.0.0', operations: {} });

type Place = typeof shop.operations.placeOrder;

test('handlers get inputs with their defaults filled in and callers may leave those out', () => {
  expectTypeOf<Input<Place>>().toEqualTypeOf<{ sku: string; card: 'ok' | 'declined'; note?: string | undefined }>();
  expectTypeOf<CallInput<Place>>().toEqualTypeOf<{
    sku: string;
    card?: 'ok' | 'declined' | undefined;
    note?: string | undefined;
  }>();
  expectTypeOf<{}>().toExtend<CallInput<typeof shop.operations.ping>>();
});

test('handlers answer with listed enum values only', () => {
  expectTypeOf<Output<Place>['status']>().toEqualTypeOf<'pending' | 'confirmed'>();
});

test('callers meet enum values that they have not heard of, at any depth', () => {
  type Answer = Received<Place>;
  expectTypeOf<'refunded'>().toExtend<Answer['status']>();
  expectTypeOf<Answer['status']>().toEqualTypeOf<'pending' | 'confirmed' | (string & {})>();
  expectTypeOf<Answer['history'][number]['type']>().toEqualTypeOf<'placed' | (string & {})>();
  expectTypeOf<Answer['history'][number]['at']>().toEqualTypeOf<string | null>();
  expectTypeOf<Answer['reason']>().toEqualTypeOf<'stock' | 'card' | (string & {}) | undefined>();
  expectTypeOf<Answer['origin']>().toEqualTypeOf<'shop'>();
  expectTypeOf<Answer['labels']>().toEqualTypeOf<Record<string, 'a' | (string & {})>>();
  expectTypeOf<Received<typeof shop.operations.ping>>().toEqualTypeOf<Record<string, never>>();
});

test('a discriminated union is still told apart by its discriminator', () => {
  type Payment = Received<Place>['payment'];
  expectTypeOf<Extract<Payment, { type: 'card' }>>().toEqualTypeOf<{ type: 'card'; brand: 'visa' | (string & {}) }>();
  expectTypeOf<Payment['type']>().toEqualTypeOf<'card' | 'cash' | 'voucher'>();
});

test('error codes and event names are known by their letters', () => {
  expectTypeOf<ErrorCode<Place>>().toEqualTypeOf<'NO_SUCH_ITEM' | 'TOO_MANY'>();
  expectTypeOf<EventName<typeof shop>>().toEqualTypeOf<'order.placed'>();
  expectTypeOf<EventName<typeof quiet>>().toEqualTypeOf<never>();
  expectTypeOf<ErrorCode<typeof shop.operations.ping>>().toEqualTypeOf<never>();
});

test('events are published as written and received with room for newer values', () => {
  expectTypeOf<EventData<typeof shop, 'order.placed'>>().toEqualTypeOf<{
    orderId: string;
    card: 'ok';
    n?: number | undefined;
  }>();
  expectTypeOf<ReceivedData<typeof shop, 'order.placed'>>().toEqualTypeOf<{
    orderId: string;
    card: 'ok' | (string & {});
    n: number;
  }>();
});

test('any contract is a Contract, and the key of an event is a string member of its data', () => {
  expectTypeOf(shop).toExtend<Contract>();
  expectTypeOf(quiet).toExtend<Contract>();
  // @ts-expect-error: `n` is a number
  event({ key: 'n', data: z.object({ n: z.number() }) });
  // @ts-expect-error: `gone` may be missing
  event({ key: 'gone', data: z.object({ gone: z.string().optional() }) });
});
