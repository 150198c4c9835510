import { PGlite } from '@electric-sql/pglite';
import { createContext, realRandom, virtualClock, type VirtualClock } from '@fairlead/core';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Database } from '../database.ts';
import type { Leases, ShardFunction } from './lease-types.ts';
import { leases } from './leases.ts';
import { migrateStore } from '../migrate/migrate.ts';
import { pgliteDatabase } from '../pglite/index.ts';
import { shardsOf } from './shards.ts';
import { breakable } from '../testing/breakable.ts';

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
  let pglite: PGlite;
  let clock: VirtualClock;
  let database: Database;
  let schemas = 0;
  const random = realRandom();
  /** Processes that work on a shard, at this moment. */
  let owners: Map<number, Set<string>>;
  let doubled: number;
  /** How long an owner takes to stop. */
  let stopMs: number;

  beforeAll(async () => {
    pglite = await PGlite.create();
  });
  afterAll(() => pglite.close());
  beforeEach(async () => {
    clock = virtualClock();
    owners = new Map();
    doubled = 0;
    stopMs = 0;
    database = pgliteDatabase({ pglite, schema: `s${(schemas += 1)}`, name: 'orders', clock });
    await migrateStore(createContext({ clock, random }), database);
  });

  const open = (holder: string, on = database): Leases =>
    leases({ database: on, holder, clock, random, ttlMs: 900, renewEveryMs: 300 });

  async function pass(ms: number): Promise<void> {
    for (let left = ms; left > 0; left -= 100) {
      await clock.advance(Math.min(100, left));
      for (let turn = 0; turn < 3; turn += 1) {
        await database.query(createContext({ clock, random }), 'select 1');
        await clock.advance(0);
      }
    }
  }

  const work =
    (who: string): ShardFunction =>
    async (ctx, shard) => {
      const here = owners.get(shard) ?? new Set();
      owners.set(shard, here.add(who));
      if (here.size > 1) doubled += 1;
      await new Promise<void>((resolve) => ctx.onEnd(() => resolve()));
      if (stopMs > 0) await clock.sleep(stopMs);
      here.delete(who);
    };
  const ownersNow = (): readonly (string | undefined)[] =>
    Array.from({ length: 8 }, (_, shard) => [...(owners.get(shard) ?? [])].join(' and ') || undefined);

  test('are shared among those who live, handed over without two owners, and taken from the dead', async () => {
    const line = breakable(database);
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
    expect(clock.pending).toBe(0);
    expect(ownersNow().every((owner) => owner === undefined)).toBe(true);
  });
});
