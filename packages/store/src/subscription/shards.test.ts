import { realRandom } from '@fairlead/core';
import { describe, expect, test } from 'vitest';
import type { Database } from '../database.ts';
import { leases } from '../lease/leases.ts';
import { SILENT, type StoreTelemetry } from '../telemetry.ts';
import { shardOf } from './event-filter.ts';
import { reshard } from './reshard.ts';
import { subscriptionLag } from './subscription-lag.ts';
import { onPglite, onPostgres, shardsOf, writeEffects } from './subscription-world.fixture.ts';

const KEYS = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];
const sorted = (numbers: readonly number[]): readonly number[] => numbers.toSorted((a, b) => a - b);
const upTo = (count: number): readonly number[] => Array.from({ length: count }, (_, n) => n + 1);

describe.each([
  ['Postgres', onPostgres],
  ['PGlite', onPglite],
])('a subscription of several shards on %s', (place, create) => {
  test('are behind as far as the one that nobody has begun', async () => {
    await using world = await create();
    const { ctx, database } = world;
    await world.add('a', 'b', 'c');
    {
      await using _things = world.open({ shards: 2 });
      await world.written(3);
    }
    expect(await subscriptionLag(ctx, database, 'things', [])).toEqual({ positions: 0n, ms: 0 });
    await database.query(ctx, `delete from fairlead_doc where namespace = 'fairlead.cursor' and key = 'things/1'`);
    expect(await subscriptionLag(ctx, database, 'things', [])).toMatchObject({ positions: 3n });
  });

  test('handles each event in the shard of its key, once, and goes on', async () => {
    await using world = await create();
    for (let round = 1; round <= 2; round += 1) {
      await world.add(...KEYS);
      await using things = world.open({ shards: 4 });
      await world.written(KEYS.length * round);
      expect(shardsOf(things).map(({ shard }) => shard)).toEqual([0, 1, 2, 3]);
    }
    expect(sorted(await world.effects())).toEqual(upTo(16));
    expect(new Set(KEYS.map((key) => shardOf(key, 4))).size).toBe(4);
  });

  test('is refused with another number of shards, until it is divided anew', async () => {
    await using world = await create();
    const { database, ctx } = world;
    let stuck = true;
    await world.add(...KEYS);
    const handler: typeof writeEffects = async (tx, events) => {
      if (stuck && events.some(({ key }) => key === 'c')) throw new Error('stuck');
      await writeEffects(tx, events);
    };
    {
      await using _things = world.open({ shards: 2, handler });
      await world.written(7);
    }
    // One of the two is ahead of the other.
    await world.add(...KEYS);
    {
      await using things = world.open({
        shards: 2,
        handler: async (tx, events) => {
          if (events.some(({ key }) => shardOf(key, 2) === 1)) await new Promise((resolve) => tx.ctx.onEnd(resolve));
          await handler(tx, events);
        },
        handlerTimeoutMs: 0,
      });
      const ahead = KEYS.filter((key) => shardOf(key, 2) === 0 && key !== 'c').length;
      // On PGlite the batch that stands still holds the only session.
      if (place === 'Postgres') await world.written(7 + ahead);
      await things.close({ graceMs: 0 });
    }
    await using refused = world.open({ shards: 5, handler });
    await world.until(() => refused.state().kind === 'failed');
    expect(refused.state()).toMatchObject({ code: 'SUBSCRIPTION_SHARDS' });
    await database.tx(ctx, (tx) => reshard(tx, 'things', 3));
    await database.tx(ctx, (tx) => reshard(tx, 'things', 5));
    await using _five = world.open({ shards: 5, handler });
    await world.add(...KEYS);
    await world.written(21);
    stuck = false;
    await world.written(24);
    expect(sorted(await world.effects())).toEqual(upTo(24));
    const { rows } = await database.query<{ n: number; key: string }>(ctx, 'select n, key from effect order by seq');
    for (const key of KEYS) {
      const numbers = rows.filter((row) => row.key === key).map(({ n }) => n);
      expect(numbers).toEqual(sorted(numbers));
    }
  });

  test('two processes without leases undo each other, and still each event has its effect once', async () => {
    await using world = await create();
    await using _one = world.open({ batchSize: 2, shards: 2 });
    await using _two = world.open({ batchSize: 2, shards: 2 });
    for (let round = 1; round <= 6; round += 1) {
      await world.add(...KEYS);
      await world.written(KEYS.length * round);
    }
    expect(sorted(await world.effects())).toEqual(upTo(48));
  });

  test('is shared by the processes that live, and a shard has one owner at a time', async () => {
    await using world = await create();
    const { database, clock } = world;
    const random = realRandom();
    // Whose a shard is follows from ids that are drawn: of so many, both processes have some.
    const shards = 16;
    const process = (holder: string) => leases({ database, holder, clock, random, ttlMs: 900, renewEveryMs: 100 });
    await using first = process('one');
    await using one = world.open({ shards, leases: first });
    await world.add(...KEYS);
    await world.written(8);
    expect(shardsOf(one)).toHaveLength(shards);
    {
      await using second = process('two');
      await using two = world.open({ shards, leases: second });
      await world.until(() => shardsOf(two).length > 0 && shardsOf(one).length + shardsOf(two).length === shards);
      const owners = [...shardsOf(one), ...shardsOf(two)].map(({ shard }) => shard);
      expect(sorted(owners)).toEqual(upTo(shards).map((n) => n - 1));
      await world.add(...KEYS);
      await world.written(16);
    }
    await world.until(() => shardsOf(one).length === shards);
    await world.add(...KEYS);
    await world.written(24);
    expect(sorted(await world.effects())).toEqual(upTo(24));
  });
});

test('one that stood still while another took its shard over commits nothing more', async () => {
  await using world = await onPostgres();
  const { database } = world;
  const gate = Promise.withResolvers<void>();
  const refusals: unknown[] = [];
  let transactions = 0;
  await world.add('a', 'b');
  // It stands still between reading its batch and beginning to handle it, as a process that is stopped may.
  const standing: Database = {
    name: database.name,
    query: (...args) => database.query(...args),
    listen: (...args) => database.listen(...args),
    close: async () => {},
    [Symbol.asyncDispose]: async () => {},
    async tx(ctx, work, options) {
      transactions += 1;
      if (transactions === 2) await gate.promise;
      return database.tx(ctx, work, options);
    },
  };
  const telemetry: StoreTelemetry = {
    ...SILENT,
    log: { warn: (_ctx, _message, fields) => void refusals.push(fields?.['error']) },
  };
  await using _slow = world.open({ database: standing, telemetry });
  await world.until(() => transactions === 2);
  await using _quick = world.open();
  await world.written(2);
  gate.resolve();
  await world.until(() => refusals.length > 0);
  expect(refusals).toMatchObject([{ code: 'CURSOR_MOVED' }]);
  await world.add('c');
  await world.written(3);
  expect(await world.effects()).toEqual([1, 2, 3]);
});

test('a connection that is cut in the middle of a batch loses nothing and doubles nothing', async () => {
  await using world = await onPostgres();
  const { database, ctx } = world;
  let cuts = 0;
  await world.add(...KEYS);
  await using _things = world.open({
    batchSize: 3,
    handler: async (tx, events) => {
      await writeEffects(tx, events);
      cuts += 1;
      if (cuts > 4) return;
      const { rows } = await tx.query<{ pid: number }>('select pg_backend_pid() as pid');
      await database.query(ctx, 'select pg_terminate_backend($1)', [rows[0]?.pid]);
    },
  });
  await world.written(8);
  expect(await world.effects()).toEqual(upTo(8));
});

test.each([
  ['a', 256, 185],
  ['order-42', 7, 5],
  ['ünïcode ✓', 16, 10],
])('the shard of %j of %d never changes', (key, count, shard) => {
  expect(shardOf(key, count)).toBe(shard);
});
