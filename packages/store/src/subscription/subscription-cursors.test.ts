import { describe, expect, test } from 'vitest';
import { trimLog } from '../log/log-trim.ts';
import { forgetSubscription, subscriptionCursors } from './subscription-cursors.ts';
import { onPglite, onPostgres, shardsOf, writeEffects } from './subscription-world.fixture.ts';

describe.each([
  ['Postgres', onPostgres],
  ['PGlite', onPglite],
])('the cursors of subscriptions on %s', (_name, create) => {
  test('hold back what may be trimmed, as parked events do, until they are forgotten', async () => {
    await using world = await create();
    const { ctx, database } = world;
    const cursors = () => subscriptionCursors(ctx, database);
    let broken = true;
    expect(await cursors()).toEqual([]);
    await world.add('a', 'a', 'bad', 'a');
    await using things = world.open({
      shards: 2,
      handler: async (tx, events) => {
        if (broken && events.some(({ key }) => key === 'bad')) throw new Error('bad');
        await writeEffects(tx, events);
      },
    });
    await world.written(3);
    await using old = world.open({ name: 'old', from: 1n, filter: { types: ['nothing'] } });
    await world.until(() => shardsOf(old)[0]?.position === 4n);
    await old.close();
    await world.until(async () => (await cursors()).some(({ name }) => name === 'old'));
    expect(await cursors()).toEqual([
      { name: 'old', position: 4n },
      { name: 'things', position: expect.toSatisfy((position: bigint) => position <= 2n) },
    ]);
    broken = false;
    await world.written(4);
    await things.close();
    expect(await cursors()).toContainEqual({ name: 'things', position: 4n });
    await world.add('a');
    expect(await trimLog(ctx, database, { cursors })).toMatchObject({ through: 4n });
    expect(await forgetSubscription(ctx, database, 'old')).toBe(true);
    expect(await forgetSubscription(ctx, database, 'old')).toBe(false);
    expect(await cursors()).toEqual([{ name: 'things', position: 4n }]);
    await using _again = world.open({ shards: 2 });
    await world.written(5);
  });

  test('of a trimmed log stop one that would miss events, and let one begin that has none', async () => {
    await using world = await create();
    const { ctx, database } = world;
    await world.add('a', 'a', 'a');
    {
      await using _things = world.open({ from: 1n });
      await world.written(2);
    }
    await trimLog(ctx, database, { through: 2n, cursors: async () => [] });
    await using _fresh = world.open({
      name: 'fresh',
      handler: async (tx, events) => {
        await tx.query('delete from effect');
        await writeEffects(tx, events);
      },
    });
    await world.until(async () => (await world.effects()).length === 1);
    expect(await world.effects()).toEqual([3]);
    await using late = world.open({ name: 'late', from: 1n });
    await world.until(() => late.state().kind === 'failed');
    expect(late.state()).toMatchObject({ code: 'LOG_TRIMMED' });
  });
});

test('a cursor follows over events that are not for it, but seldom', async () => {
  await using world = await onPglite();
  const { ctx, database, clock } = world;
  await using none = world.open({ filter: { types: ['nothing'] } });
  await world.until(() => shardsOf(none).length === 1);
  const began = clock.monotonic();
  await world.add('a', 'b', 'c');
  await world.until(() => shardsOf(none)[0]?.position === 3n);
  await world.until(async () => (await subscriptionCursors(ctx, database))[0]?.position === 3n);
  const tookMs = clock.monotonic() - began;
  expect(tookMs).toBeGreaterThanOrEqual(8_000);
  expect(tookMs).toBeLessThan(13_000);
});
