import { describe, expect, test } from 'vitest';
import { changeStanding, requireBuild, standingOf } from './standing-docs.ts';
import { dropping, joined, rebuilt, swapped, type Standing } from './standing.ts';
import { BOTH } from './views-world.fixture.ts';

const PLAN = { version: 1, shards: 1, tables: ['counted'] };

describe.each(BOTH)('what builds a view has, on %s', (name, create) => {
  test('is changed by one at a time; giving a build up waits for who writes it, and for nobody else', async () => {
    await using world = await create();
    const { ctx, database, clock } = world;
    const change = (next: (standing: Standing | undefined) => Standing | undefined) =>
      database.tx(ctx, (tx) => changeStanding(tx, 'v', next));
    await Promise.all([1, 2, 3].map(() => change((known) => joined(known, PLAN, clock.now()))));
    expect(await standingOf({ ctx, database }, 'v')).toMatchObject({ next: 2, builds: [{ number: 1, slot: 'a' }] });
    const second = await change((known) => {
      const result = known && rebuilt(swapped(known, 1, 0), PLAN, 0);
      return result?.kind === 'begun' ? result.standing : known;
    });
    expect(second?.builds).toMatchObject([
      { state: 'live' },
      { number: 2, slot: 'b', tables: { counted: 'counted_v1b' } },
    ]);
    const [one, two] = second?.builds ?? [];
    if (one === undefined || two === undefined) throw new Error('two builds');

    // PGlite has one connection, on which nothing goes on beside a transaction.
    if (name === 'PGlite') return;
    const order: string[] = [];
    const writing = Promise.withResolvers<void>();
    const locked = Promise.withResolvers<void>();
    const writer = database
      .tx(ctx, async (tx) => {
        await requireBuild(tx, 'v', one);
        locked.resolve();
        await writing.promise;
      })
      .then(() => order.push('written'));
    await locked.promise;
    // Nobody waits for the writer of another build.
    await change((known) => known && swapped(known, 2, 0));
    await database.tx(ctx, (tx) => requireBuild(tx, 'v', two));
    const given = change((known) => known && dropping(known, new Set([1]), 0)).then(() => order.push('given up'));
    const waits = `select 1 from pg_stat_activity where wait_event_type = 'Lock' and query like '%fairlead_doc_put%'`;
    while ((await database.query(ctx, waits)).rowCount === 0) await clock.sleep(2);
    expect(order).toEqual([]);
    writing.resolve();
    await Promise.all([writer, given]);
    await expect(database.tx(ctx, (tx) => requireBuild(tx, 'v', one))).rejects.toMatchObject({ code: 'CURSOR_MOVED' });
  });
});
