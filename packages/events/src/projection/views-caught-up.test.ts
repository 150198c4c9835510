import type { Database } from '@fairlead/store';
import { expect, test } from 'vitest';
import { overDatabase } from '../over-database.fixture.ts';
import { projection } from './projection.ts';
import { tables } from './target.ts';
import { live, onPostgres, thingsContract } from './views-world.fixture.ts';

/** A database that keeps back what it says first of a view's progress, until it may. */
function slowToTell(inner: Database, onAsked: () => Promise<void>): Database {
  let isFirst = true;
  const query: Database['query'] = async (ctx, text, params) => {
    const result = await inner.query<never>(ctx, text, params);
    if (isFirst && / as (?:parked|positions)\b/.test(text)) {
      isFirst = false;
      await onAsked();
    }
    return result;
  };
  return overDatabase(inner, { query });
}

test('a view is not read before what failed while somebody looked whether it had caught up', async () => {
  await using world = await onPostgres();
  const { ctx, database } = world;
  await world.count('a', 1);
  const asked = Promise.withResolvers<void>();
  let isBroken = true;
  const fragile = projection({
    name: 'counted',
    version: 1,
    of: thingsContract,
    into: tables('counted'),
    on: {
      async 'thing.counted'(tx, { data, key }, names) {
        await asked.promise;
        if (isBroken) throw new Error('not yet');
        await tx.query(`insert into ${names.counted} (thing, n) values ($1, $2)`, [key, data.n]);
      },
    },
  });
  const parked = async (): Promise<number> =>
    (await database.query(ctx, 'select 1 from fairlead_parked_event')).rows.length;
  const slow = slowToTell(database, async () => {
    asked.resolve();
    await world.until(async () => (await parked()) === 1);
  });
  await using views = world.open({ projections: [fragile], database: slow });
  await views.start();
  await world.until(async () => (await views.status(ctx))[0]?.builds[0]?.progress?.parked === 1);
  // A view that took itself for whole would be read within some of its looks.
  const untilMs = world.clock.monotonic() + 200;
  await world.until(() => world.clock.monotonic() > untilMs);
  expect(await live(world, views, 'counted')).toBeUndefined();
  isBroken = false;
  await world.until(async () => (await live(world, views, 'counted')) === 1);
  expect(await world.rows('counted_v1a')).toEqual([1]);
});
