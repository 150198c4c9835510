import { fake, testPlatform } from '@fairlead/testing';
import { expect, test } from 'vitest';
import billingContract from './billing/contract.ts';
import catalogService from './catalog/service.ts';
import inventoryService from './inventory/service.ts';
import ordersService from './orders/service.ts';
import paymentsService from './payments/service.ts';

/** However busy the machine is. */
const SOON = { timeout: 40_000 };

test('an order is read as a page, as rows and by its words, a little behind; the names of its items are a copy', async () => {
  const billing = fake(billingContract, { charge: ({ amountCents }) => ({ amountCents }) });
  await using shop = await testPlatform([catalogService, inventoryService, ordersService, paymentsService], {
    fakes: [billing],
  });
  const [orders, catalog] = [shop.service(ordersService), shop.service(catalogService)];
  await catalog.call.setPrice({ sku: 'KNIFE', priceCents: 4_100 }, { roles: ['support'] });
  const place = (sku: string, quantity: number) => orders.call.placeOrder({ items: [{ sku, quantity }] });
  const bought = await place('KNIFE', 3);
  const refused = await place('WINCH-16', 1_000);
  expect(bought.totalCents).toBe(12_300);

  const read = () => orders.call.getOrderPage({ id: bought.id }).catch(() => undefined);
  await expect.poll(read, SOON).toMatchObject({ status: 'confirmed', items: [{ name: 'Rigging knife' }] });
  const page = await orders.call.getOrderPage({ id: bought.id });
  expect(page).toMatchObject({ totalCents: 12_300, items: [{ sku: 'KNIFE', quantity: 3, name: 'Rigging knife' }] });
  expect(page.timeline.map(({ type }) => type)).toEqual(['placed', 'reserved', 'confirmed']);

  const find = async (q: string) => (await orders.call.searchOrders({ q })).items.map(({ id }) => id);
  await expect.poll(() => find('winch cancelled left'), SOON).toContain(refused.id);
  await expect.poll(() => find('knife confirmed'), SOON).toContain(bought.id);
  expect(await find('knife -confirmed')).toEqual([]);
  expect((await orders.call.searchOrders({ q: 'knife' }, { subject: 'eve' })).items).toEqual([]);
  const sales = async () => (await orders.call.listSales({}, { roles: ['support'] })).items;
  await expect.poll(sales, SOON).toMatchObject([{ sku: 'KNIFE', pieces: 3, orders: 1 }]);
});

test('prices that a migration brought are published, so that copies of them are whole', async () => {
  await using shop = await testPlatform([catalogService, ordersService, inventoryService, paymentsService], {
    fakes: [fake(billingContract)],
    env: { ANNOUNCE_EVERY: '1s' },
  });
  const catalog = shop.service(catalogService);
  await expect.poll(async () => (await catalog.published('product.changed')).length, SOON).toBe(48);
  const published = await catalog.published('product.changed');
  expect(new Set(published.map(({ tenant, data }) => `${tenant} ${data.sku}`)).size).toBe(48);
});
