import { FairleadError } from '@fairlead/core';
import { append, leases, subscriptionCursors, trimLog, type Database } from '@fairlead/store';
import { describe, expect, test } from 'vitest';
import { overDatabase } from '../over-database.fixture.ts';
import { projection } from './projection.ts';
import { documents, tables } from './target.ts';
import { BOTH, counted, live, settled, sums, thingsContract, type ViewsWorld } from './views-world.fixture.ts';

const THINGS = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];

/** A database whose transactions are lost before their commit as often as they are told to be. */
function losing(inner: Database, loses: () => boolean): Database {
  return overDatabase(inner, {
    tx: (ctx, work, options) =>
      inner.tx(
        ctx,
        async (tx) => {
          const result = await work(tx);
          if (loses()) throw new FairleadError('unavailable', 'DATABASE_UNAVAILABLE', 'cut off');
          return result;
        },
        options,
      ),
  });
}

const cursorNames = async ({ ctx, database }: ViewsWorld): Promise<readonly string[]> =>
  (await subscriptionCursors(ctx, database)).map(({ name }) => name);

/** Of which versions; how often one was begun anew is the machine's pace. */
const cursorVersions = async (world: ViewsWorld): Promise<readonly string[]> =>
  (await cursorNames(world)).map((name) => name.replace(/\.\d+$/, ''));

describe.each(BOTH)('on %s', (_name, create) => {
  test('a process that dies between handling and commit has done nothing, and the next one does it once', async () => {
    await using world = await create();
    const { ctx } = world;
    let toLose = 0;
    const database = losing(world.database, () => toLose > 0 && (toLose -= 1) >= 0);
    const [first, second] = [sums(1), counted(1)];
    await using views = world.open({ database, projections: [first, second] });
    await views.start();
    toLose = 5;
    await world.count('a', 1, 2, 3);
    await world.count('b', 4);
    await world.until(async () => (await world.rows('counted_v1a')).length >= 4);
    await world.until(async () => (await views.view(first).get(ctx, 'b')) !== undefined);
    expect(await world.rows('counted_v1a')).toEqual([1, 2, 3, 4]);
    expect(await views.view(first).get(ctx, 'a')).toEqual({ sum: 6, seen: [1, 2, 3] });
    expect(toLose).toBe(0);
  });

  test('two processes that know nothing of each other write each event once', async () => {
    await using world = await create();
    const { ctx } = world;
    const [here, there] = [sums(1), sums(1)];
    await using one = world.open({ projections: [here] });
    await using other = world.open({ projections: [there] });
    await Promise.all([one.start(), other.start()]);
    for (let n = 1; n <= 5; n += 1) await world.count('a', n);
    await world.until(async () => (await one.view(here).get(ctx, 'a'))?.seen.length === 5);
    expect(await other.view(there).get(ctx, 'a')).toEqual({ sum: 15, seen: [1, 2, 3, 4, 5] });
  });

  test('shards that write one document undo nothing of each other, and keep the order of each key', async () => {
    await using world = await create();
    const { ctx } = world;
    const all = projection({
      name: 'all',
      version: 1,
      of: thingsContract,
      shards: 4,
      into: documents<readonly string[]>(),
      key: () => ['all', 'twice'],
      on: { 'thing.counted': (before = [], { data: { id, n } }) => [...before, `${id}${n}`] },
    });
    await using views = world.open({ projections: [all] });
    await views.start();
    for (let n = 1; n <= 4; n += 1) await Promise.all(THINGS.map((thing) => world.count(thing, n)));
    const read = (key: string) => views.view(all).get(ctx, key);
    await world.until(async () => (await read('all'))?.length === 32);
    expect((await read('twice'))?.toSorted()).toEqual((await read('all'))?.toSorted());
    for (const thing of THINGS)
      expect((await read('all'))?.filter((each) => each.startsWith(thing))).toEqual(
        [1, 2, 3, 4].map((n) => `${thing}${n}`),
      );
  });

  test('an event that fails parks its key and no other, is a dead letter in the end, and keeps its build from being read', async () => {
    await using world = await create();
    const { ctx } = world;
    const old = sums(1);
    {
      await using views = world.open({ projections: [old] });
      await views.start();
      await world.count('a', 1);
      await world.count('b', 2);
      await world.until(async () => (await live(world, views)) === 1);
      await world.until(async () => (await views.view(old).get(ctx, 'b')) !== undefined);
    }
    let broken = true;
    const next = sums(2, {
      by(n) {
        if (broken && n === 1) throw new Error('no ones');
        return n;
      },
    });
    await using views = world.open({ projections: [next], maxAttempts: 2 });
    await views.start();
    const [last = ''] = await world.count('a', 3);
    await world.until(async () => (await views.deadLetters(ctx, 10)).length === 1);
    const [letter] = await views.deadLetters(ctx, 10);
    expect(letter).toMatchObject({
      build: 'projection.sums@2.2',
      type: 'thing.counted',
      key: 'a',
      error: { message: expect.stringContaining('no ones') },
    });
    await world.until(async () => (await views.status(ctx))[0]?.builds[1]?.progress?.parked === 2);
    expect(await live(world, views)).toBe(1);
    // What is read is old code's, which nobody runs any more.
    expect(await views.view(next).reached(ctx, last, { timeoutMs: 0 })).toMatchObject({ kind: 'behind' });
    broken = false;
    expect(await views.redriveLetter(ctx, letter?.handle ?? '')).toBe(true);
    await world.until(async () => (await live(world, views)) === 2);
    expect(await views.view(next).get(ctx, 'a')).toEqual({ sum: 4, seen: [1, 3] });
    expect(await views.view(next).get(ctx, 'b')).toEqual({ sum: 2, seen: [2] });
    expect([await views.redriveLetter(ctx, 'projection.sums@2.2:1'), await views.discardLetter(ctx, 'x')]).toEqual([
      false,
      false,
    ]);
  });

  test('an event that waits behind a dead one is told so to whoever waits for it', async () => {
    await using world = await create();
    const { ctx } = world;
    const bad = sums(1, {
      by() {
        throw new Error('never');
      },
    });
    await using views = world.open({ projections: [bad], maxAttempts: 1 });
    await views.start();
    await world.count('a', 1);
    const [last = ''] = await world.count('a', 2);
    const parked = () => settled(world, () => views.view(bad).reached(ctx, last, { timeoutMs: 80_000 }));
    expect(await parked()).toEqual({ kind: 'parked', dead: true });
    const [letter] = await views.deadLetters(ctx, 10);
    await views.discardLetter(ctx, letter?.handle ?? '');
    await world.until(async () => (await views.deadLetters(ctx, 10))[0]?.id === last);
    expect(await views.view(bad).reached(ctx, 'nobody')).toEqual({ kind: 'unknown' });
  });

  test('a rebuild that is interrupted goes on where it was', async () => {
    await using world = await create();
    const { ctx } = world;
    let most = Infinity;
    let written = 0;
    const slow = projection({
      name: 'counted',
      version: 1,
      of: thingsContract,
      into: tables('counted'),
      on: {
        async 'thing.counted'(tx, { data: { n }, key }, names) {
          if (n > most) throw new FairleadError('unavailable', 'DATABASE_UNAVAILABLE', 'cut off');
          written += 1;
          await tx.query(`insert into ${names.counted} (thing, n) values ($1, $2)`, [key, n]);
        },
      },
    });
    {
      await using views = world.open({ projections: [slow] });
      await views.start();
      await world.count('a', 1);
      await world.count('a', 2);
      await world.until(async () => (await live(world, views, 'counted')) === 1 && written === 2);
      most = 2;
      await world.count('a', 3);
      await views.rebuild(ctx, 'counted');
      // All at once does not go, since the third can't be written; nothing is its fault, so it is not parked.
      await world.until(() => written > 2);
      await views.close();
    }
    most = Infinity;
    await using views = world.open({ projections: [slow] });
    await views.start();
    await world.until(() => views.view(slow).tables.counted === 'counted_v1b');
    expect(await world.rows('counted_v1b')).toEqual([1, 2, 3]);
    // What was read goes on as well.
    await world.until(async () => (await world.rows('counted_v1a')).length === 3);
    expect(await world.rows('counted_v1a')).toEqual([1, 2, 3]);
  });

  test('two processes that swap at once have swapped once, and share the work by leases', async () => {
    await using world = await create();
    const { ctx, database, clock } = world;
    const random = ctx.random;
    await world.count('a', 1);
    const held = ['one', 'two'].map((holder) => leases({ database, holder, clock, random }));
    const definitions = [sums(1, { shards: 3 }), sums(1, { shards: 3 })];
    const both = definitions.map((each, index) => world.open({ projections: [each], leases: held[index] }));
    await Promise.all(both.map((views) => views.start()));
    for (const thing of THINGS) await world.count(thing, 1);
    for (const views of both) await world.until(async () => (await live(world, views)) === 1);
    const [status] = (await both[0]?.status(ctx)) ?? [];
    expect(status).toMatchObject({ active: 1, builds: [{ number: 1, state: 'live', shards: 3 }] });
    for (const thing of THINGS)
      await world.until(async () => (await both[0]?.view(definitions[0] ?? sums(1)).get(ctx, thing)) !== undefined);
    await both[0]?.rebuild(ctx, 'sums');
    for (const views of both) await world.until(async () => (await views.status(ctx))[0]?.reading === 2);
    expect((await both[1]?.view(definitions[1] ?? sums(1)).get(ctx, 'h'))?.sum).toBe(1);
    await Promise.all(both.map((views) => views.close()));
    await Promise.all(held.map((each) => each.close()));
  });

  test('another number of shards is that of the next build', async () => {
    await using world = await create();
    const { ctx } = world;
    await world.count('a', 1);
    {
      await using views = world.open({ projections: [sums(1)] });
      await views.start();
      await world.until(async () => (await live(world, views)) === 1);
    }
    const more = sums(1, { shards: 5 });
    await using views = world.open({ projections: [more] });
    await views.start();
    await world.count('a', 2);
    await world.until(async () => (await views.view(more).get(ctx, 'a'))?.sum === 3);
    await views.rebuild(ctx, 'sums');
    await world.until(async () => (await views.status(ctx))[0]?.reading === 2);
    expect((await views.status(ctx))[0]?.builds).toMatchObject([{ shards: 1 }, { shards: 5, state: 'live' }]);
    expect(await views.view(more).get(ctx, 'a')).toEqual({ sum: 3, seen: [1, 2] });
  });

  test('a log whose beginning was trimmed builds nothing anew, unless that is wanted', async () => {
    await using world = await create();
    const { ctx, database } = world;
    const one = sums(1);
    await using views = world.open({ projections: [one] });
    await views.start();
    await world.count('a', 1, 2);
    await world.until(async () => (await live(world, views)) === 1);
    await world.until(async () => (await views.view(one).get(ctx, 'a'))?.sum === 3);
    await views.close();
    await trimLog(ctx, database, { through: 1n, cursors: async () => [] });
    const two = sums(2);
    await using next = world.open({ projections: [two] });
    await next.start();
    await world.until(async () => (await next.status(ctx))[0]?.builds[1]?.progress?.stopped?.code === 'LOG_TRIMMED');
    await expect(next.rebuild(ctx, 'sums')).rejects.toMatchObject({ code: 'VIEW_TRIMMED' });
    expect(await next.view(two).get(ctx, 'a')).toEqual({ sum: 3, seen: [1, 2] });
    await next.close();
    const rest = sums(3, { trimmed: 'skip' });
    await using kept = world.open({ projections: [rest] });
    await kept.start();
    await world.until(async () => (await live(world, kept)) === 3);
    expect(await kept.view(rest).get(ctx, 'a')).toEqual({ sum: 2, seen: [2] });
  });

  test('a version whose code nobody runs is cleared away, and code that comes back builds its own again', async () => {
    await using world = await create();
    const { ctx } = world;
    const one = sums(1);
    await world.count('a', 1);
    /** As a day without anybody who runs it. */
    const nobodyRuns = (version: number) =>
      world.database.query(ctx, 'delete from fairlead_doc where namespace = $1 and key = $2', [
        'fairlead.projection',
        `projection.sums@${version}`,
      ]);
    const first = world.open({ projections: [one], retiredMs: 50 });
    await first.start();
    await world.until(async () => (await live(world, first)) === 1);
    await using second = world.open({ projections: [sums(2, { by: (n) => n * 2 })], retiredMs: 50 });
    await second.start();
    await world.until(async () => (await live(world, second)) === 2);
    expect(await cursorVersions(world)).toEqual(['projection.sums@1', 'projection.sums@2']);
    await first.close();
    await nobodyRuns(1);
    await world.until(async () => (await second.status(ctx))[0]?.builds.length === 1);
    expect(await cursorVersions(world)).toEqual(['projection.sums@2']);
    await second.close();

    await using back = world.open({ projections: [one], retiredMs: 50 });
    await back.start();
    await world.until(async () => (await live(world, back)) === 1);
    expect(await back.view(one).get(ctx, 'a')).toEqual({ sum: 1, seen: [1] });
    // For good: the later version is given up when nobody has run its code for that long.
    await nobodyRuns(2);
    await world.until(async () => (await back.status(ctx))[0]?.active === 1);
    await world.until(async () => (await back.status(ctx))[0]?.builds.length === 1);
    expect(await cursorVersions(world)).toEqual(['projection.sums@1']);
  });

  test('the version before is kept up to date by new code that has it, until it is replaced', async () => {
    await using world = await create();
    const { ctx } = world;
    const one = sums(1);
    {
      await using views = world.open({ projections: [one] });
      await views.start();
      await world.count('a', 1);
      await world.until(async () => (await live(world, views)) === 1);
    }
    let held = true;
    const two = sums(2, {
      before: one,
      by(n) {
        if (held) throw new Error('not yet');
        return n * 10;
      },
    });
    await using views = world.open({ projections: [two], unusedMs: 400 });
    await views.start();
    await world.count('a', 2);
    await world.until(async () => (await views.view(two).get(ctx, 'a'))?.sum === 3);
    held = false;
    await world.until(async () => (await live(world, views)) === 2);
    // What came while it was being built may follow.
    await world.until(async () => (await views.view(two).get(ctx, 'a'))?.sum === 30);
    expect(await views.view(two).get(ctx, 'a')).toEqual({ sum: 30, seen: [1, 2] });
    await world.until(async () => (await views.status(ctx))[0]?.builds.length === 1);
    expect(await cursorVersions(world)).toEqual(['projection.sums@2']);
  });

  test('documents belong to the tenants of their events', async () => {
    await using world = await create();
    const { ctx, database } = world;
    const one = sums(1);
    await using views = world.open({ projections: [one] });
    await views.start();
    const [acme, globex] = ['acme', 'globex'].map((tenant) => ctx.derive({ tenant }));
    for (const [of, n] of [
      [acme, 1],
      [globex, 2],
      [acme, 3],
    ] as const) {
      const event = { type: 'thing.counted', key: 'a', data: { id: 'a', n } };
      await database.tx(of ?? ctx, (tx) => append(tx, `${of?.tenant}/a`, 'any', [event]));
    }
    await world.until(async () => (await views.view(one).get(acme ?? ctx, 'a'))?.sum === 4);
    expect(await views.view(one).get(globex ?? ctx, 'a')).toEqual({ sum: 2, seen: [2] });
    expect(await views.view(one).get(ctx, 'a')).toBeUndefined();
  });

  test('tables that no migration has made are told by name', async () => {
    await using world = await create();
    await using views = world.open({ projections: [counted(3)] });
    await expect(views.start()).rejects.toThrow('of which counted_v3a, counted_v3b are not there');
  });
});
