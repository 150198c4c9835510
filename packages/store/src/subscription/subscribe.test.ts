import { realClock, realRandom } from '@fairlead/core';
import { describe, expect, test } from 'vitest';
import { append } from '../log/log.ts';
import { causedBy } from './caused-by.ts';
import { subscribe } from './subscribe.ts';
import type { SubscribeOptions } from './subscription-types.ts';
import { onPglite, onPostgres, recordedMetrics, shardsOf, writeEffects } from './subscription-world.fixture.ts';

const HOUR_MS = 3_600_000;

describe.each([
  ['Postgres', onPostgres],
  ['PGlite', onPglite],
])('a subscription on %s', (_name, create) => {
  test('handles what was there and what comes, once and in order, and goes on where it stopped', async () => {
    await using world = await create();
    await world.add('a', 'b');
    {
      await using things = world.open();
      await world.written(2);
      await world.add('a', 'c');
      await world.written(4);
      expect(things.state()).toMatchObject({ kind: 'running', shards: [{ shard: 0, parkedKeys: 0 }] });
    }
    await world.add('b');
    await using _again = world.open();
    await world.written(5);
    expect(await world.effects()).toEqual([1, 2, 3, 4, 5]);
  });

  test('begins where it is told to, and only the first time', async () => {
    await using world = await create();
    await world.add('a', 'a', 'a');
    {
      await using late = world.open({ from: 'end' });
      await world.until(() => shardsOf(late)[0]?.position === 3n);
    }
    await world.add('a');
    {
      await using _late = world.open({ from: 'start' });
      await world.written(1);
    }
    await using _other = world.open({
      name: 'other',
      from: 2n,
      filter: { types: ['thing.happened'] },
      handler: async (tx, events) => {
        await writeEffects(
          tx,
          events.filter(({ data }) => data === 3),
        );
      },
    });
    await world.written(2);
    expect(await world.effects()).toEqual([4, 3]);
  });

  test('an append wakes it up, however seldom it looks', async () => {
    await using world = await create();
    await using things = world.open({ pollMs: HOUR_MS });
    await world.until(() => shardsOf(things).length === 1);
    for (let n = 1; n <= 3; n += 1) {
      await world.add('a');
      await world.written(n);
    }
    expect(await world.effects()).toEqual([1, 2, 3]);
  });

  test('is given the events that fit its filter, and its cursor passes the others', async () => {
    await using world = await create();
    const { database, ctx } = world;
    const put = (stream: string, type: string, tenant: string | undefined, data: number) =>
      database.tx(ctx.derive({ tenant }), (tx) => append(tx, stream, 'any', [{ type, key: 'k', data }]));
    await put('order-1', 'order.placed', 'acme', 1);
    await put('order-2', 'order.placed', 'zenith', 2);
    await put('order-1', 'order.paid', 'acme', 3);
    await put('orders', 'order.placed', 'acme', 4);
    await put('order', 'order.cancelled', 'acme', 5);
    const found: Record<string, unknown[]> = {};
    const filters = {
      stream: { stream: 'order-1' },
      category: { category: 'order' },
      types: { types: ['order.paid', 'order.cancelled'] },
      tenant: { tenant: 'zenith' },
      all: { category: 'order', types: ['order.placed'], tenant: 'acme' },
      none: { types: ['nothing'] },
    };
    for (const [name, filter] of Object.entries(filters)) {
      found[name] = [];
      await using each = world.open({
        name,
        filter,
        handler: async (_tx, events) => void found[name]?.push(...events.map(({ data }) => data)),
      });
      await world.until(() => shardsOf(each)[0]?.position === 5n);
    }
    expect(found).toEqual({ stream: [1, 3], category: [1, 2, 3, 5], types: [3, 5], tenant: [2], all: [1], none: [] });
    // Closing has written down what was only passed over.
    await using none = world.open({ name: 'none', filter: filters.none });
    expect(await none.lag(ctx)).toEqual({ positions: 0n, ms: 0 });
  });

  test('a batch is never larger than asked for, and says how far behind it is', async () => {
    await using world = await create();
    const { ctx } = world;
    await world.add(...Array.from({ length: 25 }, () => 'a'));
    const sizes: number[] = [];
    await using things = world.open({
      batchSize: 10,
      handler: async (tx, events) => {
        sizes.push(events.length);
        await writeEffects(tx, events);
      },
    });
    await world.written(25);
    await world.until(() => shardsOf(things)[0]?.position === 25n);
    expect(sizes).toEqual([10, 10, 5]);
    expect(await things.lag(ctx)).toEqual({ positions: 0n, ms: 0 });
    await things.close();
    await world.add('a', 'b');
    const lag = await things.lag(ctx);
    expect(lag.positions).toBe(2n);
    expect(lag.ms).toBeGreaterThanOrEqual(0);
  });

  test('what is outside of the database is told before the cursor moves', async () => {
    await using world = await create();
    await world.add('a', 'b', 'a');
    const told: unknown[] = [];
    let failures = 0;
    const deliver = async (_ctx: unknown, events: readonly { readonly data: unknown }[]): Promise<void> => {
      told.push(...events.map(({ data }) => data));
      failures += 1;
      if (failures === 1) throw new Error('the answer was lost');
    };
    await using _things = world.open({ handler: undefined, deliver });
    await world.until(() => told.length === 6);
    expect(told).toEqual([1, 2, 3, 1, 2, 3]);
  });

  test('what follows from an event names it as its cause, and belongs to its tenant', async () => {
    await using world = await create();
    const { database, ctx } = world;
    await database.tx(ctx.derive({ tenant: 'acme', correlationId: 'talk' }), (tx) =>
      append(tx, 'order-1', 'none', [{ type: 'order.placed', key: '1', data: null, id: 'first' }]),
    );
    const keys: unknown[] = [];
    await using _things = world.open({
      filter: { types: ['order.placed'] },
      handler: async (tx, events) => {
        for (const event of events) {
          const cause = causedBy(tx, event, 'things');
          keys.push(cause.ctx.idempotencyKey, causedBy(tx, event, 'things').ctx.idempotencyKey);
          await append(cause, 'mail-1', 'none', [{ type: 'mail.sent', key: '1', data: null }]);
        }
      },
    });
    await world.until(async () => (await database.query(ctx, 'select 1 from fairlead_log')).rowCount === 2);
    const { rows } = await database.query(
      ctx,
      'select tenant, causation_id, correlation_id from fairlead_log where position = 2',
    );
    expect(rows).toEqual([{ tenant: 'acme', causation_id: 'first', correlation_id: 'talk' }]);
    expect(keys[0]).toBe(keys[1]);
    expect(keys[0]).toMatch(/^.{43}$/);
  });

  test('closing lets the batch under way finish and begins no other', async () => {
    await using world = await create();
    await world.add('a', 'a', 'a', 'a');
    const gate = Promise.withResolvers<void>();
    let began = 0;
    const things = world.open({
      batchSize: 2,
      handler: async (tx, events) => {
        began += 1;
        await gate.promise;
        await writeEffects(tx, events);
      },
    });
    await world.until(() => began === 1);
    const closing = things.close();
    expect(things.state()).toEqual({ kind: 'closing' });
    gate.resolve();
    await world.until(() => things.state().kind === 'closed');
    await closing;
    expect(await world.effects()).toEqual([1, 2]);
  });

  test('closing without grace ends the batch under way, and undoes it', async () => {
    await using world = await create();
    await world.add('a');
    let ended: unknown;
    const things = world.open({
      handler: async (tx, events) => {
        await writeEffects(tx, events);
        await new Promise((resolve) => tx.ctx.onEnd((reason) => resolve((ended = reason))));
        throw new Error('late');
      },
    });
    await world.until(() => shardsOf(things).length === 1);
    await world.until(async () => (await things.lag(world.ctx).catch(() => ({ positions: 1n }))).positions === 1n);
    await things.close({ graceMs: 0 });
    expect(await world.effects()).toEqual([]);
    expect(ended === undefined || ended instanceof Error).toBe(true);
  });

  test('what it does is counted, and a shard that it leaves has no lag', async () => {
    await using world = await create();
    const { telemetry, numbers } = recordedMetrics();
    await world.add('a', 'b');
    {
      await using _things = world.open({ telemetry });
      await world.written(2);
      await world.until(() => numbers.get('fairlead_subscription_lag_seconds things 0') === 0);
      expect(numbers.get('fairlead_subscription_events_total things 0 handled')).toBe(2);
    }
    expect(numbers.has('fairlead_subscription_lag_seconds things 0')).toBe(false);
  });

  test('a cursor that knows more than the log stops it, with the way on', async () => {
    await using world = await create();
    const { database, ctx } = world;
    await world.add('a', 'a');
    {
      await using _things = world.open();
      await world.written(2);
    }
    // As after a restore of the log alone: an epoch that parted before the cursor.
    await database.query(ctx, 'insert into fairlead_log_epoch select max(epoch) + 1, 1 from fairlead_log_epoch');
    await using things = world.open();
    await world.until(() => things.state().kind === 'failed');
    expect(things.state()).toMatchObject({ code: 'LOG_EPOCH_CHANGED' });
  });
});

test.each([
  { name: '' },
  { name: 'a/b' },
  { batchSize: 0 },
  { shards: 257 },
  { maxAttempts: 0 },
  { pollMs: 0.5 },
  { handlerTimeoutMs: -1 },
  { from: -1n },
])('%o is refused before anything is begun', (options) => {
  const given = {
    database: {},
    name: 'things',
    clock: realClock(),
    random: realRandom(),
    handler: writeEffects,
    ...options,
  };
  // Nothing of the database is touched.
  expect(() => subscribe(given as unknown as SubscribeOptions)).toThrow(
    expect.objectContaining({ code: 'MISCONFIGURED' }),
  );
});
