import { FairleadError } from '@fairlead/core';
import { describe, expect, test } from 'vitest';
import { eventOutcome } from './event-outcome.ts';
import { onPglite, onPostgres, recordedMetrics, shardsOf, writeEffects } from './subscription-world.fixture.ts';

describe.each([
  ['Postgres', onPostgres],
  ['PGlite', onPglite],
])('an event that fails, on %s,', (_name, create) => {
  test('is found in its batch; its key waits while others go on, and then comes in order', async () => {
    await using world = await create();
    let broken = true;
    await world.add('a', 'b', 'bad', 'a', 'bad', 'c', 'bad', 'b');
    await using things = world.open({
      handler: async (tx, events) => {
        await writeEffects(tx, events);
        if (broken && events.some(({ data }) => data === 3)) throw new Error('not yet');
      },
    });
    await world.written(5);
    expect(await world.effects()).toEqual([1, 2, 4, 6, 8]);
    await world.add('bad', 'a');
    await world.written(6);
    await world.until(() => shardsOf(things)[0]?.position === 10n);
    expect(shardsOf(things)[0]?.parkedKeys).toBe(1);
    broken = false;
    await world.written(10);
    expect(await world.effects()).toEqual([1, 2, 4, 6, 8, 10, 3, 5, 7, 9]);
    await world.until(() => shardsOf(things)[0]?.parkedKeys === 0);
    await world.add('bad');
    await world.written(11);
  });

  test('is told from those that wait, behind it and before their turn, and from those that were handled', async () => {
    await using world = await create();
    const { ctx, database } = world;
    const outcome = (position: bigint, key: string) => eventOutcome(ctx, database, 'things', { position, key });
    await world.add('a', 'bad', 'bad', 'b');
    expect(await outcome(1n, 'a')).toBe('waiting');
    await using things = world.open({
      maxAttempts: 1,
      handler: async (_tx, events) => {
        if (events.some(({ data }) => data === 2)) throw new Error('bad');
      },
    });
    await world.until(async () => (await outcome(4n, 'b')) === 'handled');
    expect([await outcome(1n, 'a'), await outcome(2n, 'bad'), await outcome(3n, 'bad')]).toEqual([
      'handled',
      'dead',
      'dead',
    ]);
    expect(await outcome(5n, 'a')).toBe('waiting');
    await things.discard(ctx, 2n);
    await world.until(async () => (await outcome(3n, 'bad')) === 'handled');
  });

  test('among many is found in few transactions', async () => {
    await using world = await create();
    let runs = 0;
    await world.add(...Array.from({ length: 64 }, (_, n) => `key-${n}`));
    await using things = world.open({
      maxAttempts: 1,
      handler: async (tx, events) => {
        runs += 1;
        if (events.some(({ key }) => key === 'key-40')) throw new Error('bad');
        await writeEffects(tx, events);
      },
    });
    await world.written(63);
    await world.until(() => shardsOf(things)[0]?.position === 64n);
    // Each halving runs two halves: 1 + 2 * log2(64).
    expect(runs).toBeLessThanOrEqual(13);
  });

  test('too often is dead; its key waits until it is redriven, or goes on when it is discarded', async () => {
    await using world = await create();
    const { ctx } = world;
    const { telemetry, numbers } = recordedMetrics();
    const parked = () =>
      ['parked_keys', 'dead_events'].map((name) => numbers.get(`fairlead_subscription_${name} things 0`));
    let broken = true;
    await world.add('bad', 'bad', 'worse', 'worse', 'good');
    await using things = world.open({
      telemetry,
      maxAttempts: 2,
      handler: async (tx, events) => {
        if (broken && events.some(({ data }) => data === 1 || data === 3))
          throw new FairleadError('invalid', 'CARD_DECLINED', 'no \0 money');
        await writeEffects(tx, events);
      },
    });
    await world.until(async () => (await things.deadEvents(ctx)).length === 2);
    expect(await things.deadEvents(ctx)).toMatchObject([
      {
        position: 1n,
        key: 'bad',
        type: 'thing.happened',
        attempts: 2,
        waiting: 1,
        error: { code: 'CARD_DECLINED', message: 'no  money' },
      },
      { position: 3n, key: 'worse', waiting: 1 },
    ]);
    expect(await things.deadEvents(ctx, { after: 1n, limit: 1 })).toMatchObject([{ position: 3n }]);
    expect(await world.effects()).toEqual([5]);
    await world.until(() => parked().join() === '2,2');
    broken = false;
    expect(await things.redrive(ctx, 1n)).toBe(true);
    await world.written(3);
    expect(await things.discard(ctx, 3n)).toBe(true);
    await world.written(4);
    expect(await world.effects()).toEqual([5, 1, 2, 4]);
    expect([await things.redrive(ctx, 1n), await things.discard(ctx, 9n)]).toEqual([false, false]);
    expect(await things.deadEvents(ctx)).toEqual([]);
    await world.until(() => parked().join() === '0,0');
  });

  test('for want of something that had not begun does not use up its attempts', async () => {
    await using world = await create();
    let tried = 0;
    await world.add('a');
    await using things = world.open({
      maxAttempts: 1,
      handler: async (tx, events) => {
        tried += 1;
        if (tried < 5)
          throw new FairleadError('unavailable', 'UNAVAILABLE', 'billing is away', { details: { processed: 'no' } });
        await writeEffects(tx, events);
      },
    });
    await world.written(1);
    expect(tried).toBe(5);
    expect(await things.deadEvents(world.ctx)).toEqual([]);
  });

  test('by taking too long is undone, and is not joined by its next attempt', async () => {
    await using world = await create();
    const { clock } = world;
    let running = 0;
    let most = 0;
    let tried = 0;
    let done = 0;
    await world.add('slow', 'a');
    await using _things = world.open({
      batchSize: 1,
      handlerTimeoutMs: 600,
      handler: async (tx, events) => {
        running += 1;
        most = Math.max(most, running);
        if (events[0]?.key === 'slow') tried += 1;
        // Ignores its Context.
        if (events[0]?.key === 'slow' && tried < 3) await clock.sleep(800);
        running -= 1;
        await writeEffects(tx, events);
        done += 1;
      },
    });
    // On PGlite a handler that sleeps holds the only session.
    await world.until(() => done === 2);
    await world.written(2);
    expect(await world.effects()).toEqual([2, 1]);
    expect([most, tried]).toEqual([1, 3]);
  });

  test('because the database was away is no fault of its: nothing is parked, and it goes on from its cursor', async () => {
    await using world = await create();
    const { database, ctx } = world;
    let failures = 0;
    await world.add('a', 'b');
    await using _things = world.open({
      maxAttempts: 1,
      handler: async (tx, events) => {
        await writeEffects(tx, events);
        failures += 1;
        if (failures < 4) throw new FairleadError('unavailable', 'DATABASE_UNAVAILABLE', 'the connection broke');
      },
    });
    await world.written(2);
    expect(await world.effects()).toEqual([1, 2]);
    const { rowCount } = await database.query(ctx, 'select 1 from fairlead_parked_event');
    expect([rowCount, failures]).toEqual([0, 4]);
  });
});
