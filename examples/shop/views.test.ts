import { fake, testPlatform } from '@fairlead/testing';
import { expect, test } from 'vitest';
import billingContract from './billing/contract.ts';
import catalogService from './catalog/service.ts';
import inventoryService from './inventory/service.ts';
import ordersService from './orders/service.ts';
import paymentsService from './payments/service.ts';

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

  const page = await shop.until(async () => {
    const found = await orders.call.getOrderPage({ id: bought.id }).catch(() => undefined);
    return found?.status === 'confirmed' && found.items[0]?.name !== 'KNIFE' ? found : undefined;
  });
  expect(page).toMatchObject({ totalCents: 12_300, items: [{ sku: 'KNIFE', quantity: 3, name: 'Rigging knife' }] });
  expect(page.timeline.map(({ type }) => type)).toEqual(['placed', 'reserved', 'confirmed']);

  const find = async (q: string) => (await orders.call.searchOrders({ q })).items.map(({ id }) => id);
  await shop.until(async () => ((await find('winch cancelled left')).includes(refused.id) ? true : undefined));
  await shop.until(async () => ((await find('knife confirmed')).includes(bought.id) ? true : undefined));
  expect(await find('knife -confirmed')).toEqual([]);
  expect((await orders.call.searchOrders({ q: 'knife' }, { subject: 'eve' })).items).toEqual([]);
  const sales = await shop.until(async () => {
    const { items } = await orders.call.listSales({}, { roles: ['support'] });
    return items.length === 1 ? items : undefined;
  });
  expect(sales).toMatchObject([{ sku: 'KNIFE', pieces: 3, orders: 1 }]);
});

test('prices that a migration brought are published, so that copies of them are whole', async () => {
  await using shop = await testPlatform([catalogService, ordersService, inventoryService]);
  const catalog = shop.service(catalogService);
  const published = await shop.until(async () => {
    const events = await catalog.published('product.changed');
    return events.length >= 48 ? events : undefined;
  });
  expect(new Set(published.map(({ tenant, data }) => `${tenant} ${data.sku}`)).size).toBe(48);
});
