import { append, docs, type LoggedEvent, type Tx } from '@fairlead/store';
import { describe, expect, test } from 'vitest';
import { BOTH, live, settled, sums, type ViewsWorld } from './views-world.fixture.ts';
import type { Views } from './views.ts';

/** Appends as code does that knows the views. */
async function appendKnowing(
  tx: Tx,
  views: Views,
  thing: string,
  ...numbers: readonly number[]
): Promise<readonly LoggedEvent[]> {
  const events = numbers.map((n) => ({ type: 'thing.counted', key: thing, data: { id: thing, n } }));
  const result = await append(tx, `thing-${thing}`, 'any', events);
  const appended = result.kind === 'appended' ? result.events : [];
  await views.appended(tx, appended);
  return appended;
}

const commit = ({ database, ctx }: ViewsWorld, views: Views, thing: string, ...numbers: readonly number[]) =>
  database.tx(ctx, (tx) => appendKnowing(tx, views, thing, ...numbers));

describe.each(BOTH)('an inline projection on %s', (_name, create) => {
  test('is written in the transaction that appends: there when it commits, and not when it does not', async () => {
    await using world = await create();
    const { ctx, database } = world;
    const one = sums(1, { mode: 'inline' });
    await using views = world.open({ projections: [one] });
    await views.start();
    await database.tx(ctx, async (tx) => {
      await appendKnowing(tx, views, 'a', 1, 2);
      expect(await views.view(one).get(tx, 'a')).toEqual({ sum: 3, seen: [1, 2] });
    });
    expect(await views.view(one).get(ctx, 'a')).toEqual({ sum: 3, seen: [1, 2] });
    await database
      .tx(ctx, async (tx) => {
        await appendKnowing(tx, views, 'a', 3);
        throw new Error('no');
      })
      .catch(() => {});
    const [last] = await commit(world, views, 'a', 4);
    expect(await views.view(one).get(ctx, 'a')).toEqual({ sum: 7, seen: [1, 2, 4] });
    expect(await views.view(one).reached(ctx, last?.position ?? 0n, { timeoutMs: 0 })).toEqual({ kind: 'reached' });
    // The subscription finds all of it done.
    await world.until(async () => (await live(world, views)) === 1);
    expect(await views.view(one).get(ctx, 'a')).toEqual({ sum: 7, seen: [1, 2, 4] });
  });

  test('is brought up to what was appended by others, each event once, whoever comes first', async () => {
    await using world = await create();
    const { ctx } = world;
    const one = sums(1, { mode: 'inline', shards: 2 });
    await world.count('a', 1);
    await using views = world.open({ projections: [one] });
    await views.start();
    for (let n = 2; n <= 20; n += 1) {
      if (n % 3 === 0) await world.count('a', n);
      else await commit(world, views, 'a', n);
      if (n % 4 === 0) await commit(world, views, 'b', n);
    }
    const all = Array.from({ length: 20 }, (_, index) => index + 1);
    await world.until(async () => (await views.view(one).get(ctx, 'a'))?.seen.length === 20);
    expect(await views.view(one).get(ctx, 'a')).toEqual({ sum: 210, seen: all });
    await world.until(async () => (await live(world, views)) === 1);
    expect(await views.view(one).get(ctx, 'b')).toEqual({ sum: 60, seen: [4, 8, 12, 16, 20] });
  });

  test('whose step fails, fails the commit; what others have appended does not', async () => {
    await using world = await create();
    const { ctx } = world;
    const one = sums(1, {
      mode: 'inline',
      by(n) {
        if (n === 13) throw new Error('unlucky');
        return n;
      },
    });
    await using views = world.open({ projections: [one], maxAttempts: 1 });
    await views.start();
    await commit(world, views, 'a', 1);
    await expect(commit(world, views, 'a', 13)).rejects.toThrow('unlucky');
    await commit(world, views, 'a', 2);
    await world.count('a', 13);
    await commit(world, views, 'a', 3);
    await commit(world, views, 'b', 5);
    expect(await views.view(one).get(ctx, 'b')).toEqual({ sum: 5, seen: [5] });
    await world.until(async () => (await views.deadLetters(ctx, 10)).length === 1);
    const [letter] = await views.deadLetters(ctx, 10);
    await views.discardLetter(ctx, letter?.handle ?? '');
    await world.until(async () => (await views.view(one).get(ctx, 'a'))?.sum === 6);
    expect(await views.view(one).get(ctx, 'a')).toEqual({ sum: 6, seen: [1, 2, 3] });
  });

  test('of a new version is made of what was there, while what comes goes into the old one', async () => {
    await using world = await create();
    const { ctx } = world;
    const one = sums(1, { mode: 'inline' });
    await using old = world.open({ projections: [one] });
    await old.start();
    await commit(world, old, 'a', 1);
    const two = sums(2, { mode: 'inline', by: (n) => n * 10 });
    await using next = world.open({ projections: [two] });
    await next.start();
    await commit(world, old, 'a', 2);
    await world.until(async () => (await live(world, next)) === 2);
    await commit(world, old, 'a', 3);
    await settled(world, async () => {
      const [last] = await commit(world, next, 'a', 4);
      return next.view(two).reached(ctx, last?.position ?? 0n, { timeoutMs: 80_000 });
    });
    expect(await next.view(two).get(ctx, 'a')).toEqual({ sum: 100, seen: [1, 2, 3, 4] });
    await world.until(async () => (await old.view(one).get(ctx, 'a'))?.seen.length === 4);
    expect(await old.view(one).get(ctx, 'a')).toEqual({ sum: 10, seen: [1, 2, 3, 4] });
  });

  test('does not write a build that was given up, and fails no commit of who has not heard of it', async () => {
    await using world = await create();
    const { ctx, database } = world;
    const one = sums(1, { mode: 'inline' });
    await using stale = world.open({ projections: [one] });
    await stale.start();
    await commit(world, stale, 'a', 1);
    await world.until(async () => (await live(world, stale)) === 1);
    // It hears of nothing any more, as if it stood still.
    await stale.close();
    const again = sums(1, { mode: 'inline' });
    await using views = world.open({ projections: [again], retiredMs: 50 });
    await views.start();
    await views.rebuild(ctx, 'sums');
    await world.until(async () => (await views.status(ctx))[0]?.builds.length === 1);
    await commit(world, stale, 'a', 2);
    await world.until(async () => (await views.view(again).get(ctx, 'a'))?.sum === 3);
    const old = await docs('fairlead.view.projection.sums@1.1').list({ ctx, database });
    expect(old.docs).toEqual([]);
  });

  test('keeps versions that were passed over, and does them when their turn comes', async () => {
    await using world = await create();
    const { ctx, database } = world;
    const one = sums(1, { mode: 'inline', shards: 8 });
    // One stream with events of many keys, which fall to many shards.
    const things = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];
    for (let round = 1; round <= 5; round += 1)
      for (const thing of things)
        await database.tx(ctx, (tx) =>
          append(tx, 'thing-all', 'any', [{ type: 'thing.counted', key: thing, data: { id: thing, n: round } }]),
        );
    await using views = world.open({ projections: [one] });
    await views.start();
    await world.until(async () => (await live(world, views)) === 1);
    for (const thing of things)
      expect(await views.view(one).get(ctx, thing)).toEqual({ sum: 15, seen: [1, 2, 3, 4, 5] });
    const marks = await docs('fairlead.inline.projection.sums@1.1', { tenancy: 'none' }).list({ ctx, database });
    expect(marks.docs.map(({ body }) => body)).toEqual([{ through: 40, missing: [] }]);
  });
});
