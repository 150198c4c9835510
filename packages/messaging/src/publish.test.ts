import { PGlite } from '@electric-sql/pglite';
import { readFileSync } from 'node:fs';
import { defineContract, event } from '@fairlead/contract';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { z } from 'zod';
import { publish, startConsumer, startRelay } from './index.ts';
import { testBed, type TestBed } from './fixtures/test-bed.ts';

let bed: TestBed;
beforeAll(async () => {
  bed = await testBed(await PGlite.create());
});
beforeEach(() => bed.reset());
afterAll(() => bed.close());

const ordersContract = defineContract({
  name: 'orders',
  version: '1.0.0',
  operations: {},
  events: { 'order.placed': event({ key: 'orderId', data: z.object({ orderId: z.string(), totalCents: z.int() }) }) },
});

test('the example of the README does what it says', async () => {
  const { orders, stock, broker, clock, random, telemetry, ctx } = bed;
  const reserved: unknown[] = [];
  const reserve = async (_tx: unknown, data: unknown): Promise<void> => void reserved.push(data);
  // README
  const relay = startRelay({ source: 'orders', database: orders, broker, clock, random, telemetry });
  const consumer = startConsumer({
    name: 'stock',
    database: stock,
    broker,
    sources: ['orders'],
    clock,
    random,
    telemetry,
    handler: (_ctx, event, commit) => commit((tx) => reserve(tx, event.data)),
  });
  await orders.tx(ctx, async (tx) => {
    await publish(tx, ordersContract, 'order.placed', { orderId: '42', totalCents: 1000 });
    tx.afterCommit(() => relay.poke());
  });
  // README
  await bed.until(() => reserved.length === 1);
  expect(reserved).toEqual([{ orderId: '42', totalCents: 1000 }]);
  await Promise.all([relay.close(), consumer.close()]);

  const [, example] = readFileSync(new URL(import.meta.url), 'utf8').split('// README\n');
  const [, shown] = /```ts\n([^]*?)```/.exec(readFileSync(new URL('../README.md', import.meta.url), 'utf8')) ?? [];
  const lines = (text: string | undefined): string | undefined => text?.replaceAll(/\s+/g, ' ').trim();
  expect(lines(shown)).toBe(lines(example));
});

test('an event is published when its transaction commits, under its key, and not when it rolls back', async () => {
  await using _relay = bed.relay();
  const placed = (orderId: string, fails: boolean): Promise<string> =>
    bed.orders.tx(bed.ctx, async (tx) => {
      const id = await publish(tx, ordersContract, 'order.placed', { orderId, totalCents: 5 });
      if (fails) throw new Error('no');
      return id;
    });
  await expect(placed('1', true)).rejects.toThrow('no');
  const id = await placed('2', false);
  const read = () => bed.broker.read(bed.ctx, 'orders', { after: 0n, limit: 10 });
  await bed.until(async () => (await read()).length > 0);
  expect(await read()).toMatchObject([{ id, key: '2', stream: '2', type: 'order.placed', data: { orderId: '2' } }]);
});

test('data that does not fit the contract is refused and nothing is published', async () => {
  // Deliberately not what the contract says.
  const data = { orderId: '1', totalCents: 'much' } as unknown as { orderId: string; totalCents: number };
  await expect(bed.orders.tx(bed.ctx, (tx) => publish(tx, ordersContract, 'order.placed', data))).rejects.toMatchObject(
    { code: 'INVALID_EVENT' },
  );
});
