import { createContext, realClock, realRandom } from '@fairlead/core';
import { expect, test } from 'vitest';
import { connectionBudget } from './connection-budget.ts';
import { openDatabase } from './postgres-database.ts';
import { testDatabase } from '../testing/index.ts';

const clock = realClock();
const ctx = createContext({ clock, random: realRandom() });

test('pools of one budget never have more open together, and all work is done', async () => {
  await using held = await testDatabase();
  const budget = connectionBudget({ maxConnections: 4 });
  const pools = ['one', 'two', 'three'].map((name) =>
    openDatabase({ url: held.url, name, clock, budget, maxConnections: 4 }),
  );
  let most = 0;
  const work = async (index: number): Promise<void> => {
    await pools[index % 3]?.query(ctx, 'select pg_sleep($1)', [0.002]);
    most = Math.max(most, budget.open);
  };
  await Promise.all(Array.from({ length: 90 }, (_, index) => work(index)));
  expect(most).toBe(4);
  for (const pool of pools) await pool.close();
  expect(budget.open).toBe(0);
});

test('what a pool has open without need is closed for another, and a reserve is there at once', async () => {
  await using held = await testDatabase();
  const budget = connectionBudget({ maxConnections: 3 });
  const options = { url: held.url, clock, budget, maxConnections: 3 };
  await using greedy = openDatabase({ ...options, name: 'greedy', reservedConnections: 0 });
  await using modest = openDatabase({ ...options, name: 'modest' });
  const sleeps = (): Promise<unknown> =>
    Promise.all([1, 2, 3].map(() => greedy.query(ctx, 'select pg_sleep($1)', [0.001])));
  await sleeps();
  // One is reserved for the other pool.
  expect(budget.open).toBe(2);
  // The greedy one lets go of what it does not use: all three transactions of the other are open at once.
  const [begun, gate] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  let open = 0;
  const transactions = [1, 2, 3].map(() =>
    modest.tx(ctx, async (tx) => {
      await tx.query('select 1');
      if ((open += 1) === 3) begun.resolve();
      await gate.promise;
    }),
  );
  await begun.promise;
  expect(budget.open).toBe(3);
  // Now it waits, until the other needs less.
  const waiting = sleeps();
  gate.resolve();
  await Promise.all([...transactions, waiting]);
  expect(budget.open).toBeLessThanOrEqual(3);
});

test('reserves beyond the budget are refused by name, and a closed database gives its reserve back', async () => {
  const budget = connectionBudget({ maxConnections: 3 });
  const open = (name: string, reservedConnections: number) =>
    openDatabase({ url: 'postgresql://u@127.0.0.1:1/x', name, clock, budget, reservedConnections });
  const first = open('orders', 2);
  expect(() => open('leases', 2)).toThrow(/^leases: with its 2, 4 connections are reserved in a budget of 3\./);
  await first.close();
  await open('leases', 2).close();
  expect(() => connectionBudget({ maxConnections: 0 })).toThrow(/0 connections/);
});

test('a connection that can not be opened, or breaks, is given back', async () => {
  await using held = await testDatabase();
  const budget = connectionBudget({ maxConnections: 1 });
  await using gone = openDatabase({
    url: 'postgresql://u@127.0.0.1:1/x',
    name: 'gone',
    clock,
    budget,
    reservedConnections: 0,
  });
  await using there = openDatabase({ url: held.url, name: 'there', clock, budget });
  await expect(gone.query(ctx.withTimeout(50), 'select 1')).rejects.toThrow();
  expect(budget.open).toBe(0);
  await there.query(ctx, 'select pg_terminate_backend(pg_backend_pid())').catch(() => {});
  expect((await there.query(ctx, 'select 1 as one')).rows).toEqual([{ one: 1 }]);
  expect(budget.open).toBe(1);
});
