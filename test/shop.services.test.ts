import { declaredError } from '@fairlead/contract';
import { FairleadError, isError } from '@fairlead/core';
import { handle } from '@fairlead/events';
import { expect, test } from 'vitest';
import billingContract from '../examples/shop/billing/contract.ts';
import catalogService from '../examples/shop/catalog/service.ts';
import { catalogContract } from '../examples/shop/catalog/contract.ts';
import inventoryService from '../examples/shop/inventory/service.ts';
import ordersService from '../examples/shop/orders/service.ts';
import { Payment } from '../examples/shop/payments/payment.ts';
import paymentsService from '../examples/shop/payments/service.ts';
import { fake, testPlatform, testService } from '@fairlead/testing';

const reserved = { orderId: 'o-1', totalCents: 900, currency: 'EUR', card: 'ok' as const };

test('an event goes in, what it makes the service call and publish comes out', async () => {
  const billing = fake(billingContract, { charge: ({ amountCents }) => ({ amountCents }) });
  await using payments = await testService(paymentsService, { fakes: [billing] });
  await payments.deliver('orders', 'order.reserved', reserved);
  expect(billing.calls).toMatchObject([{ operation: 'charge', input: { orderId: 'o-1', amountCents: 900 } }]);
  expect(billing.calls[0]?.idempotencyKey).toMatch(/./);
  expect(await payments.published('payment.captured')).toMatchObject([
    { key: 'o-1', tenant: 'acme', data: { orderId: 'o-1', amountCents: 900 } },
  ]);
  expect(await payments.published('payment.declined')).toEqual([]);
  const { items } = await payments.call.listPayments({ orderId: 'o-1' }, { roles: ['support'] });
  expect(items).toMatchObject([{ type: 'captured' }]);
  const { rows } = await payments.database.query(payments.ctx, 'select type from payment');
  expect(rows).toEqual([{ type: 'captured' }]);
});

test('what a service has put on record for itself alone is not among what it has published', async () => {
  await using payments = await testService(paymentsService);
  const from = { ctx: payments.ctx, database: payments.database };
  await handle(from, Payment, 'o-1', { type: 'initiate', amountCents: 900, currency: 'EUR' });
  const captured = await handle(from, Payment, 'o-1', { type: 'capture', orderId: 'o-1' });
  expect(captured).toMatchObject({ events: [{ type: 'payment.captured', private: true }] });
  expect(await payments.published('payment.captured')).toEqual([]);
});

test('a fake fails as the real service would, with a declared error', async () => {
  const { charge } = billingContract.operations;
  const billing = fake(billingContract, {
    charge: () => {
      throw declaredError(charge, 'CARD_DECLINED', 'Declined.');
    },
  });
  await using payments = await testService(paymentsService, { fakes: [billing] });
  await payments.deliver('orders', 'order.reserved', reserved);
  expect(await payments.published('payment.declined')).toHaveLength(1);
});

test('an event whose handler fails is parked, and the test hears why', async () => {
  const billing = fake(billingContract, {
    charge: () => {
      throw new FairleadError('unavailable', 'UNAVAILABLE', 'The card network is down.');
    },
  });
  await using payments = await testService(paymentsService, { fakes: [billing] });
  await expect(payments.deliver('orders', 'order.reserved', reserved)).rejects.toThrow(
    /payments failed to handle order\.reserved: The card network is down/,
  );
  expect(await payments.published('payment.captured')).toEqual([]);
});

test('a call that nothing answers fails and says which fake to write', async () => {
  await using payments = await testService(paymentsService);
  await expect(payments.deliver('orders', 'order.reserved', reserved)).rejects.toThrow(
    /billing\.charge was called.*fake\(billingContract, \{ charge/,
  );
  await using orders = await testService(ordersService, { fakes: [fake(catalogContract)] });
  await expect(orders.call.placeOrder({ items: [{ sku: 'KNIFE', quantity: 1 }] })).rejects.toThrow(
    /The handler failed with: catalog\.quote was called/,
  );
});

test('a fake that answers what its contract forbids is refused, as the real service would be', async () => {
  const billing = fake(billingContract, { charge: () => ({ amountCents: 1.5 }) });
  await using payments = await testService(paymentsService, { fakes: [billing] });
  await expect(payments.deliver('orders', 'order.reserved', reserved)).rejects.toThrow(
    /billing\.charge answered what its contract does not allow/,
  );
});

test('roles, validation and visibility hold in a test as they do behind the gateway', async () => {
  await using payments = await testService(paymentsService);
  await expect(payments.call.listPayments({ orderId: 'o-1' })).rejects.toMatchObject({ code: 'FORBIDDEN' });
  await using catalog = await testService(catalogService);
  await expect(catalog.call.quote({ skus: ['KNIFE'] }, { service: 'gateway' })).rejects.toMatchObject({
    code: 'NOT_FOUND',
  });
});

test('what stands in for nothing, and what no contract knows, is refused at once', async () => {
  const billing = fake(billingContract);
  await expect(testService(catalogService, { fakes: [billing] })).rejects.toThrow(
    /fake of billing would never be asked: no service of this test uses it/,
  );
  const misspelt = { chrage: () => ({ amountCents: 1 }) } as object;
  expect(() => fake(billingContract, misspelt)).toThrow(/no operation chrage\. Did you mean charge\?/);
});

test('an event that nobody handles is refused rather than waited for', async () => {
  await using payments = await testService(paymentsService);
  const failure: unknown = await payments
    .deliver('orders', 'order.confirmed', { orderId: 'o-1' } as never)
    .catch((error: unknown) => error);
  expect(isError(failure, 'EVENT_NOT_CONSUMED')).toBe(true);
});

test('several services run together: an order goes through all of them, and only billing is faked', async () => {
  const billing = fake(billingContract, { charge: ({ amountCents }) => ({ amountCents }) });
  const all = [ordersService, catalogService, inventoryService, paymentsService];
  await using platform = await testPlatform(all, { fakes: [billing] });
  const orders = platform.service(ordersService);
  const placed = await orders.call.placeOrder({ items: [{ sku: 'KNIFE', quantity: 1 }] });
  const ended = await platform.until(async () => {
    const order = await orders.call.getOrder({ id: placed.id });
    return order.status === 'pending' ? undefined : order;
  });
  expect(ended.status).toBe('confirmed');
  expect(billing.calls).toHaveLength(1);
});

/** Waiting for what workers do, however busy the machine is. */
const SOON = { timeout: 20_000 };

test('an order that is pending for too long is given up by a job; one that has ended is not', async () => {
  const prices = [{ sku: 'KNIFE', name: 'Knife', priceCents: 500, currency: 'EUR' }];
  const catalog = fake(catalogContract, { quote: () => ({ prices }) });
  await using orders = await testService(ordersService, { fakes: [catalog], env: { PENDING_FOR: '1ms' } });
  const { id } = await orders.call.placeOrder({ items: [{ sku: 'KNIFE', quantity: 1 }], card: 'ok' });
  await expect
    .poll(() => orders.published('order.cancelled'), SOON)
    .toMatchObject([{ data: { orderId: id, reason: 'not paid in time' } }]);
  expect(await orders.call.getOrder({ id })).toMatchObject({ status: 'cancelled', reason: 'not paid in time' });
});

test('a refund waits for billing as a job, and is made once', async () => {
  let away = true;
  const billing = fake(billingContract, {
    charge: ({ amountCents }) => ({ amountCents }),
    refund({ amountCents }) {
      if (away) throw new FairleadError('unavailable', 'UNAVAILABLE', 'The card network is down.');
      return { amountCents };
    },
  });
  await using payments = await testService(paymentsService, { fakes: [billing] });
  const count = async () => (await payments.instance.jobs(payments.ctx)).jobs;
  await payments.deliver('orders', 'order.reserved', reserved);
  await payments.deliver('orders', 'order.cancelled', { orderId: 'o-1', reason: 'changed my mind' });
  await expect.poll(count, SOON).toMatchObject([{ queue: 'refund', failure: { code: 'UNAVAILABLE' } }]);
  away = false;
  await expect.poll(() => payments.published('payment.refunded'), SOON).toHaveLength(1);
  await expect.poll(count, SOON).toEqual([]);
  const { rows } = await payments.database.query(payments.ctx, `select type from payment where type = 'refunded'`);
  expect(rows).toHaveLength(1);
  const keys = billing.calls.filter(({ operation }) => operation === 'refund').map((call) => call.idempotencyKey);
  expect(new Set(keys).size).toBe(1);
});

test('stock is taken regularly, once for each time', async () => {
  await using inventory = await testService(inventoryService, { env: { STOCK_TAKING_EVERY: '1s' } });
  const taken = async () =>
    (
      await inventory.database.query(
        inventory.ctx,
        `select taken_at, count(*)::integer as items from stock_taking where tenant = 'acme' group by taken_at`,
      )
    ).rows;
  await expect.poll(async () => (await taken()).length, SOON).toBeGreaterThan(1);
  for (const { items } of await taken()) expect(items).toBe(24);
});
