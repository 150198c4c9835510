import { createContext, FairleadError } from '@fairlead/core';
import type { Broker, PublishedEvent } from '@fairlead/messaging';
import { leases } from '@fairlead/store';
import { describe, expect, test } from 'vitest';
import { documents } from '../projection/target.ts';
import { BOTH, live, settled, thingsContract, type ViewsWorld } from '../projection/views-world.fixture.ts';
import { replica } from './replica.ts';

const lastCount = (version: number, by = 1, fails: (n: number) => boolean = () => false) =>
  replica({
    name: 'last-count',
    version,
    of: thingsContract,
    into: documents<{ readonly n: number }>(),
    on: {
      'thing.counted'(_before, { data: { n } }) {
        if (fails(n)) throw new Error('no');
        return { n: n * by };
      },
      'thing.gone': () => undefined,
    },
  });

/** What `things` has published, in memory; told of by hints, and away while it is told to be. */
function publisher(world: ViewsWorld) {
  const events: PublishedEvent[] = [];
  const watchers = new Set<() => void>();
  let away = false;
  const broker: Broker = {
    published: async () => events.at(-1)?.position ?? 0n,
    publish: async () => {},
    async read(_ctx, _source, { after, limit }) {
      if (away) throw new FairleadError('unavailable', 'DATABASE_UNAVAILABLE', 'away');
      return events.filter(({ position }) => position > after).slice(0, limit);
    },
    async watch(_source, onEvents) {
      watchers.add(onEvents);
      const close = async () => void watchers.delete(onEvents);
      return { close, [Symbol.asyncDispose]: close };
    },
    close: async () => {},
    [Symbol.asyncDispose]: async () => {},
  };
  const ctx = createContext({ clock: world.clock, random: world.ctx.random, tenant: 'acme' });
  return {
    broker,
    ctx,
    setAway: (is: boolean) => void (away = is),
    publish(type: string, id: string, data: object = {}): bigint {
      const position = BigInt(events.length + 1);
      events.push({
        source: 'things',
        position,
        stream: id,
        version: 1,
        id: `event-${position}`,
        type,
        schemaVersion: 1,
        key: id,
        data: { id, ...data },
        time: world.clock.now(),
        tenant: 'acme',
        subject: undefined,
        traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`,
        correlationId: 'c',
        causationId: undefined,
        criticality: 'default',
      });
      for (const watcher of watchers) watcher();
      return position;
    },
  };
}

describe.each(BOTH)('a replica on %s', (_name, create) => {
  test('has what its owner published from the first event on, and what it publishes', async () => {
    await using world = await create();
    const { broker, ctx, publish } = publisher(world);
    publish('thing.counted', 'a', { n: 1 });
    publish('thing.noticed', 'a');
    const last = lastCount(1);
    await using views = world.open({ replicas: [last], broker });
    await views.start();
    const position = publish('thing.counted', 'b', { n: 2 });
    const view = views.view(last);
    expect(await settled(world, () => view.reached(ctx, position, { timeoutMs: 80_000 }))).toEqual({ kind: 'reached' });
    await world.until(async () => (await view.progress(ctx))?.asOf === '3');
    expect([...(await view.getMany(ctx, ['a', 'b']))]).toEqual([
      ['a', { n: 1 }],
      ['b', { n: 2 }],
    ]);
    publish('thing.gone', 'a');
    await world.until(async () => (await view.get(ctx, 'a')) === undefined);
    // Another tenant's copy is another one.
    expect(await view.get(world.ctx, 'b')).toBeUndefined();
    expect(await view.reached(ctx, 99n, { timeoutMs: 0 })).toMatchObject({ kind: 'behind', lagMs: 0 });
    expect(await view.reached(ctx, 'event-1')).toEqual({ kind: 'unknown' });
  });

  test('of a new version is built beside the old one; it says how far it is behind, and what of it is parked', async () => {
    await using world = await create();
    const { broker, ctx, publish, setAway } = publisher(world);
    publish('thing.counted', 'a', { n: 1 });
    publish('thing.counted', 'b', { n: 2 });
    const one = lastCount(1);
    await using old = world.open({ replicas: [one], broker });
    await old.start();
    await world.until(async () => (await live(world, old, 'last-count')) === 1);
    await world.until(async () => (await old.view(one).get(ctx, 'b')) !== undefined);
    await old.close();
    let broken = true;
    const two = lastCount(2, 10, (n) => broken && n === 1);
    await using next = world.open({ replicas: [two], broker });
    await next.start();
    await world.until(async () => (await next.status(ctx))[0]?.builds[1]?.progress?.parked === 1);
    expect(await next.view(two).get(ctx, 'a')).toEqual({ n: 1 });
    broken = false;
    await world.until(async () => (await live(world, next, 'last-count')) === 2);
    expect(await next.view(two).get(ctx, 'a')).toEqual({ n: 10 });
    setAway(true);
    const late = publish('thing.counted', 'a', { n: 3 });
    await expect(next.view(two).progress(ctx)).rejects.toThrow('away');
    expect((await next.status(ctx))[0]?.builds.every(({ progress }) => progress === undefined)).toBe(true);
    setAway(false);
    await settled(world, () => next.view(two).reached(ctx, late, { timeoutMs: 80_000 }));
    expect(await next.view(two).get(ctx, 'a')).toEqual({ n: 30 });
    await next.rebuild(ctx, 'last-count');
    await world.until(async () => (await next.status(ctx))[0]?.reading === 3);
    expect(await next.view(two).get(ctx, 'a')).toEqual({ n: 30 });
  });

  test('is kept by one process at a time, and by another when that one has gone', async () => {
    await using world = await create();
    const { broker, ctx, publish } = publisher(world);
    const { database, clock } = world;
    const held = ['one', 'two'].map((holder) => leases({ database, holder, clock, random: ctx.random }));
    const last = lastCount(1);
    const both = held.map((each) => world.open({ replicas: [last], broker, leases: each }));
    await Promise.all(both.map((views) => views.start()));
    publish('thing.counted', 'a', { n: 1 });
    await world.until(async () => (await both[1]?.view(last).get(ctx, 'a'))?.n === 1);
    expect(JSON.stringify(world.telemetry.logs).includes('newer instance')).toBe(false);
    await both[0]?.close();
    publish('thing.counted', 'a', { n: 2 });
    await world.until(async () => (await both[1]?.view(last).get(ctx, 'a'))?.n === 2);
    await both[1]?.close();
    await Promise.all(held.map((each) => each.close()));
  });
});

test('without a broker it is refused', async () => {
  await using world = await BOTH[1][1]();
  expect(() => world.open({ replicas: [lastCount(1)] })).toThrow('come through a broker');
});
