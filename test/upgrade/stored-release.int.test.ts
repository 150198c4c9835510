import { readdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fromCloudEvent } from '@fairlead/messaging';
import { describe, expect, test } from 'vitest';
import { customer, ledger } from '../shop/customer.ts';
import { storedRelease, StoredShop, type StoredOrders } from './stored-shop.ts';

const versions = readdirSync(storedRelease('.')).filter((name) => /^v\d/.test(name));

test('there is a stored release to upgrade from', () => {
  expect(versions).toContain('v0.1.0');
});

describe.each(versions)('what %s stored', (version) => {
  const folder = storedRelease(version);
  const stored = async <T>(name: string): Promise<T> => JSON.parse(await readFile(join(folder, name), 'utf8')) as T;

  test('is finished by this code: orders in flight end, ended ones stay, nothing is charged twice', async () => {
    const orders = await stored<StoredOrders>('orders.json');
    await using shop = await StoredShop.make();
    await shop.restore(folder);
    await shop.run(async (running) => {
      const ada = await customer(running, 'acme', 'ada');
      expect((await ada.order(orders.confirmed)).status).toBe('confirmed');
      expect((await ada.order(orders.cancelled)).status).toBe('cancelled');
      // Parked in the middle of its payment, and one that nobody but orders had heard of.
      for (const id of [orders.waiting, orders.fresh]) {
        const order = await ada.ended(id);
        expect(order).toMatchObject({ status: 'confirmed' });
        expect(order.history.map(({ type }) => type)).toEqual(['placed', 'reserved', 'paid', 'confirmed']);
        expect(await ledger(running, id)).toMatchObject([{ type: 'charge', amountCents: order.totalCents }]);
      }
      // Of those that had ended before, billing (which is new here) hears nothing.
      expect(await ledger(running, orders.confirmed)).toEqual([]);
      // A key of then still stands for the answer of then.
      const again = await ada.place([{ sku: 'SHACKLE-8', quantity: 2 }], 'stored-1');
      expect(again).toMatchObject({ status: 201, body: { id: orders.confirmed } });
      const placed = await ada.place([{ sku: 'SHACKLE-8', quantity: 1 }], 'new');
      expect((await ada.ended(placed.body.id)).status).toBe('confirmed');
    });
  });

  test('is understood by the contracts of this code, message by message', async () => {
    const messages = await stored<unknown[]>('messages.json');
    expect(messages.length).toBeGreaterThan(5);
    await using shop = await StoredShop.make();
    for (const message of messages) {
      const event = fromCloudEvent(message);
      const contract = shop.model.services.find(({ name }) => name === event.source)?.definition.contract;
      const type = contract?.events[event.type];
      expect(type, `${event.source} still has ${event.type}`).toBeDefined();
      const parsed = type!.data.safeParse(event.data);
      expect(parsed, `${event.type} ${event.id}`).toMatchObject({ success: true });
    }
  });
});

test('a service that is restored to an earlier moment loses no event that it publishes afterwards', async () => {
  await using shop = await StoredShop.make();
  const file = join(shop.dataDir, 'orders.backup');
  const place = (key: string) =>
    shop.run(async (running) => {
      const bob = await customer(running, 'acme', 'bob');
      const { body } = await bob.place([{ sku: 'PENNANT', quantity: 1 }], key);
      return bob.ended(body.id);
    });
  expect((await place('first')).status).toBe('confirmed');
  await shop.databases((databases) => databases.backup('orders', file));
  expect((await place('second')).status).toBe('confirmed');

  const restored = await shop.databases((databases) => databases.restore('orders', file));
  // What the second order published: others know of it, orders no longer does.
  expect(restored.forgotten).toBeGreaterThan(0n);
  expect((await place('third')).status).toBe('confirmed');
});

test('a restore under a running platform is refused, a backup is not', async () => {
  await using shop = await StoredShop.make();
  await shop.run(() =>
    shop.databases(async (databases) => {
      expect(databases.running).toBe(true);
      const file = join(shop.dataDir, 'orders.backup');
      await databases.backup('orders', file);
      await expect(databases.restore('orders', file)).rejects.toMatchObject({ code: 'PLATFORM_RUNS' });
      expect((await databases.migrate()).every(({ applied }) => applied.length === 0)).toBe(true);
    }),
  );
});
