import { PGlite } from '@electric-sql/pglite';
import { FairleadError } from '@fairlead/core';
import { append, keyRing, tenantKeys, type Database, type NewEvent } from '@fairlead/store';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { Broker } from './broker.ts';
import { testBed, type TestBed } from './fixtures/test-bed.ts';

let bed: TestBed;
beforeAll(async () => {
  bed = await testBed(await PGlite.create());
});
beforeEach(() => bed.reset());
afterAll(() => bed.close());

const ids = (...names: string[]) => names.map((id) => ({ key: id, id }));
const published = () => bed.broker.published(bed.ctx, 'orders');

test('a poke copies at once, and without one the log is read four times a second', async () => {
  await using relay = bed.relay();
  await bed.clock.advance(1);
  await bed.publish(ids('a'));
  relay.poke();
  await bed.clock.advance(1);
  expect(await published()).toBe(1n);
  await bed.publish(ids('b'));
  await bed.clock.advance(200);
  expect(await published()).toBe(1n);
  await bed.clock.advance(100);
  expect(await published()).toBe(2n);
});

test('what the consumer reads is what was appended, trace and all', async () => {
  await bed.publish(ids('a'));
  await using _relay = bed.relay();
  await bed.until(async () => (await published()) === 1n);
  const [event] = await bed.broker.read(bed.ctx, 'orders', { after: 0n, limit: 10 });
  expect(event).toMatchObject({
    source: 'orders',
    position: 1n,
    stream: 'a',
    version: 1,
    id: 'a',
    type: 'order.placed',
    schemaVersion: 1,
    data: { id: 'a', nul: '\0' },
    tenant: 'acme',
    correlationId: bed.ctx.correlationId,
    causationId: undefined,
  });
  expect(event!.traceparent).toContain(bed.ctx.trace.traceId);
});

test('sealed events stay in their database, and those after them are copied', async () => {
  const provider = keyRing(`k:${Buffer.alloc(32).toString('base64')}`);
  const seal = tenantKeys({ database: bed.orders, provider });
  const sealed = { key: 'a', type: 'order.placed', data: 'secret' };
  await bed.orders.tx(bed.ctx, (tx) => append(tx, 'a', 'any', [sealed, sealed], { seal }));
  await bed.publish(ids('b'));
  await using _relay = bed.relay();
  await bed.until(async () => (await published()) === 3n);
  const events = await bed.broker.read(bed.ctx, 'orders', { after: 0n, limit: 10 });
  expect(events.map(({ id }) => id)).toEqual(['b']);
});

test('private events stay in their database, are read once however often the log is looked at, and hold nothing up', async () => {
  const secret = { key: 'a', type: 'order.doubted', data: 1, private: true };
  const told = { key: 'a', type: 'order.placed', data: 2, id: 'told' };
  const add = (...events: NewEvent[]) => bed.orders.tx(bed.ctx, (tx) => append(tx, 'a', 'any', events));
  await add(secret, told, secret);
  let reads = 0;
  const orders: Database = {
    ...bed.orders,
    tx: (ctx, work, options) => bed.orders.tx(ctx, work, options),
    query: async (ctx, text, params) => {
      const result = await bed.orders.query(ctx, text, params);
      if (text.includes('order by position')) reads += result.rowCount;
      // The statement's own columns, as the caller takes them to be.
      return result as never;
    },
  };
  await using _relay = bed.relay({ database: orders });
  await bed.until(async () => (await published()) === 2n);
  await bed.clock.advance(2_000);
  expect(reads).toBe(3);
  await add(secret);
  await add({ ...told, id: 'told again' });
  await bed.until(async () => (await published()) === 5n);
  const events = await bed.broker.read(bed.ctx, 'orders', { after: 0n, limit: 10 });
  expect(events.map(({ id }) => id)).toEqual(['told', 'told again']);
});

test('while the broker is away the relay backs off, a poke does not hurry it, and it goes on when the broker is back', async () => {
  let away = true;
  let asked = 0;
  const broker: Broker = {
    published: async (ctx, source) => {
      asked += 1;
      if (away) throw new FairleadError('unavailable', 'DATABASE_UNAVAILABLE', 'away');
      return bed.broker.published(ctx, source);
    },
    publish: (ctx, source, events) => bed.broker.publish(ctx, source, events),
    read: (ctx, source, options) => bed.broker.read(ctx, source, options),
    watch: (source, onEvents) => bed.broker.watch(source, onEvents),
    close: async () => {},
    [Symbol.asyncDispose]: async () => {},
  };
  await bed.publish(ids('a'));
  await using relay = bed.relay({ broker });
  await bed.clock.advance(60_000);
  const before = asked;
  for (let poke = 0; poke < 100; poke += 1) {
    relay.poke();
    await bed.clock.advance(1);
  }
  expect(asked - before).toBeLessThan(5);
  expect(before).toBeLessThan(80);
  away = false;
  await bed.until(async () => (await published()) === 1n, 6_000);
});

test('close copies what the log holds', async () => {
  const relay = bed.relay();
  await bed.clock.advance(1);
  await bed.publish(ids('a', 'b'));
  await relay.close();
  expect(await published()).toBe(2n);
});

test('close ends within the grace time when the broker hangs', async () => {
  const hang = (signal: AbortSignal): Promise<never> =>
    new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
  const relay = bed.relay({ broker: { ...bed.broker, published: (ctx) => hang(ctx.signal) } });
  await bed.clock.advance(1);
  const closing = relay.close({ graceMs: 1_000 });
  await bed.clock.advance(1_000);
  await closing;
});

test('two relays of one source neither double nor reorder', async () => {
  await using _one = bed.relay({ batchSize: 1, pollMs: 10 });
  await using _other = bed.relay({ batchSize: 3, pollMs: 7 });
  for (let n = 0; n < 10; n += 1) {
    await bed.publish(ids(`x${n}`, `y${n}`));
    await bed.clock.advance(9);
  }
  await bed.until(async () => (await published()) === 20n);
  const events = await bed.broker.read(bed.ctx, 'orders', { after: 0n, limit: 100 });
  expect(events.map((event) => Number(event.position))).toEqual(Array.from({ length: 20 }, (_, index) => index + 1));
});
