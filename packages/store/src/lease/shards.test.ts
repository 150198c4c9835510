import { beforeEach, describe, expect, test } from 'vitest';
import { breakable } from '../testing/breakable.ts';
import type { ShardFunction } from './lease-types.ts';
import { useLeaseWorld } from './lease-world.fixture.ts';
import { shardsOf } from './shards.ts';

describe('rendezvous hashing', () => {
  const all = ['a', 'b', 'c', 'd'];

  test('gives every shard to one member, and each member a fair part', () => {
    const parts = all.map((member) => shardsOf(member, all, 400));
    expect(parts.flat().toSorted((a, b) => a - b)).toEqual(Array.from({ length: 400 }, (_, shard) => shard));
    expect(Math.min(...parts.map((part) => part.length))).toBeGreaterThan(60);
  });

  test('moves only what the member had that went', () => {
    for (const member of ['a', 'b', 'c']) {
      const before = new Set(shardsOf(member, all, 400));
      const after = new Set(shardsOf(member, ['c', 'b', 'a'], 400));
      expect(before.difference(after).size).toBe(0);
    }
  });
});

describe('shards', () => {
  const world = useLeaseWorld();
  const { open, pass } = world;
  /** Processes that work on a shard, at this moment. */
  let owners: Map<number, Set<string>>;
  let doubled: number;
  /** How long an owner takes to stop. */
  let stopMs: number;

  beforeEach(() => {
    owners = new Map();
    doubled = 0;
    stopMs = 0;
  });

  const work =
    (who: string): ShardFunction =>
    async (ctx, shard) => {
      const here = owners.get(shard) ?? new Set();
      owners.set(shard, here.add(who));
      if (here.size > 1) doubled += 1;
      await new Promise<void>((resolve) => ctx.onEnd(() => resolve()));
      if (stopMs > 0) await world.clock.sleep(stopMs);
      here.delete(who);
    };
  const ownersNow = (): readonly (string | undefined)[] =>
    Array.from({ length: 8 }, (_, shard) => [...(owners.get(shard) ?? [])].join(' and ') || undefined);

  test('are shared among those who live, handed over without two owners, and taken from the dead', async () => {
    const line = breakable(world.database);
    await using one = open('one', line.database);
    await using two = open('two');
    const first = one.shards('stock', 8, work('one'));
    await pass(1_000);
    expect(first.held).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    stopMs = 700;
    const second = two.shards('stock', 8, work('two'));
    await pass(3_000);
    stopMs = 0;
    expect([...first.held, ...second.held].toSorted((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    expect(ownersNow().includes(undefined)).toBe(false);
    line.cut();
    await pass(3_000);
    expect(ownersNow()).toEqual(Array.from({ length: 8 }, () => 'two'));
    line.mend();
    await pass(3_000);
    expect([...first.held, ...second.held].toSorted((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    await second.close();
    await pass(3_000);
    expect(ownersNow()).toEqual(Array.from({ length: 8 }, () => 'one'));
    expect(doubled).toBe(0);
  });

  test('what means nothing is refused, and closing leaves no timer behind', async () => {
    const one = open('one');
    for (const count of [0, 1.5, 1_025])
      expect(() => one.shards('stock', count, work('one'))).toThrow(expect.objectContaining({ code: 'LEASE_INVALID' }));
    one.shards('stock', 8, work('one'));
    expect(() => one.shards('stock', 8, work('one'))).toThrow(expect.objectContaining({ code: 'LEASE_INVALID' }));
    await pass(1_000);
    await one.close();
    expect(world.clock.pending).toBe(0);
    expect(ownersNow().every((owner) => owner === undefined)).toBe(true);
  });
});
