import { describe, expect, test } from 'vitest';
import { BOTH, counted, live, settled, sums } from './views-world.fixture.ts';

describe.each(BOTH)('views on %s', (_name, create) => {
  test('have what was there and what comes, each event once, and go on where they stopped', async () => {
    await using world = await create();
    const { ctx } = world;
    const [documents, tables] = [sums(1), counted(1)];
    await world.count('a', 1, 2);
    await world.count('b', 10);
    for (const more of [3, 4]) {
      await using views = world.open({ projections: [documents, tables] });
      await views.start();
      const [last = ''] = await world.count('a', more);
      expect(await settled(world, () => views.view(documents).reached(ctx, last, { timeoutMs: 80_000 }))).toEqual({
        kind: 'reached',
      });
      await settled(world, () => views.view(tables).reached(ctx, last, { timeoutMs: 80_000 }));
      const wanted = more === 3 ? [1, 2, 3] : [1, 2, 3, 4];
      expect(await views.view(documents).get(ctx, 'a')).toEqual({ sum: sum(wanted), seen: wanted });
      expect(await world.rows(views.view(tables).tables.counted)).toEqual(wanted.toSpliced(2, 0, 10));
    }
    await world.gone('b');
    await using views = world.open({ projections: [documents] });
    await views.start();
    const view = views.view(documents);
    await world.until(async () => (await view.get(ctx, 'b')) === undefined);
    expect(await view.list(ctx, { prefix: 'a' })).toEqual({
      items: [{ key: 'a', document: { sum: 10, seen: [1, 2, 3, 4] } }],
      next: undefined,
    });
    expect([...(await view.getMany(ctx, ['a', 'b'])).keys()]).toEqual(['a']);
  });

  test('of a new version are built beside those that are read, which both code versions may be read meanwhile', async () => {
    await using world = await create();
    const { ctx } = world;
    const [one, two] = [sums(1), sums(2, { by: (n) => n * 100 })];
    await world.count('a', 1, 2);
    await using old = world.open({ projections: [one] });
    await old.start();
    await world.until(async () => (await live(world, old)) === 1);

    let held = true;
    const slow = sums(2, {
      by(n) {
        if (held) throw new Error('not yet');
        return n * 100;
      },
    });
    await using next = world.open({ projections: [slow] });
    await next.start();
    await world.until(async () => (await next.status(ctx))[0]?.builds[1]?.progress?.parked === 2);
    // Behind: new code reads what old code makes.
    expect(await next.view(slow).get(ctx, 'a')).toEqual({ sum: 3, seen: [1, 2] });
    held = false;
    await world.until(async () => (await live(world, next)) === 2);
    expect(await next.view(slow).get(ctx, 'a')).toEqual({ sum: 300, seen: [1, 2] });
    await world.count('a', 3);
    await world.until(async () => (await next.view(slow).get(ctx, 'a'))?.sum === 600);
    // Old code goes on with what it knows.
    await world.until(async () => (await old.view(one).get(ctx, 'a'))?.sum === 6);
    expect((await old.status(ctx))[0]).toMatchObject({ version: 1, active: 2, reading: 1 });
    expect(two.version).toBe(2);
  });

  test('are rebuilt beside themselves, and what was replaced is cleared away', async () => {
    await using world = await create();
    const { ctx } = world;
    const [documents, tables] = [sums(1), counted(1)];
    await world.count('a', 1, 2, 3);
    await using views = world.open({ projections: [documents, tables], retiredMs: 50 });
    await views.start();
    await world.until(async () => (await live(world, views, 'counted')) === 1 && (await live(world, views)) === 1);
    expect(views.view(tables).tables.counted).toBe('counted_v1a');
    // Somebody has spoilt it.
    await world.database.query(ctx, 'delete from counted_v1a where n = 2');
    expect(await views.rebuild(ctx, 'counted')).toEqual({ name: 'counted', build: 2 });
    await expect(views.rebuild(ctx, 'counted')).rejects.toMatchObject({ code: 'VIEW_BUSY' });
    await world.until(() => views.view(tables).tables.counted === 'counted_v1b');
    expect(await world.rows('counted_v1b')).toEqual([1, 2, 3]);
    await world.until(async () => (await views.status(ctx))[1]?.builds.length === 1);
    expect(await world.rows('counted_v1a')).toEqual([]);
    // And back into the first set of tables.
    await views.rebuild(ctx, 'counted');
    await world.until(() => views.view(tables).tables.counted === 'counted_v1a');
    expect(await world.rows('counted_v1a')).toEqual([1, 2, 3]);
    await expect(views.rebuild(ctx, 'sum')).rejects.toThrow('Did you mean "sums"?');
  });
});

const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);
