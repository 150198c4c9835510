import { createContext, realRandom, virtualClock, type Context } from '@fairlead/core';
import { beforeEach, expect, test } from 'vitest';
import type { Database } from '../database.ts';
import { PoolShelf } from './pool-shelf.ts';

let ctx: Context;
/** What was opened and closed, in order. */
let told: string[];
let shelf: PoolShelf;

beforeEach(() => {
  ctx = createContext({ clock: virtualClock(), random: realRandom() });
  told = [];
  shelf = new PoolShelf(2, (name) => {
    told.push(`+${name}`);
    // A shelf asks for a pool's name and end and nothing else.
    return { name, close: async () => void told.push(`-${name}`) } as unknown as Database;
  });
});

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Uses a pool until `done` is called. */
function using(name: string, of = ctx): { done: () => Promise<string>; readonly result: Promise<string> } {
  const { promise, resolve } = Promise.withResolvers<void>();
  const result = shelf.use(of, name, async (database) => {
    told.push(name);
    await promise;
    return database.name;
  });
  return {
    result,
    done: () => {
      resolve();
      return result;
    },
  };
}

test('a pool is kept for the next, and the one used longest ago gives its place to a new one', async () => {
  for (const name of ['a', 'b', 'a', 'c', 'a', 'b']) expect(await using(name).done()).toBe(name);
  expect(told.filter((each) => each.length === 2)).toEqual(['+a', '+b', '-b', '+c', '-c', '+b']);
});

test('who finds every pool in use waits, and a busy pool lets nobody new in meanwhile', async () => {
  const [a, b] = [using('a'), using('b')];
  await turn();
  const [c, moreOfA] = [using('c'), using('a')];
  await turn();
  expect(told).toEqual(['+a', '+b', 'a', 'b']);
  await a.done();
  await turn();
  expect(told.slice(4)).toEqual(['-a', '+c', 'c']);
  expect(shelf.size).toBe(2);
  await c.done();
  await turn();
  expect(told.slice(7)).toEqual(['-c', '+a', 'a']);
  await Promise.all([b.done(), moreOfA.done()]);
});

test('who gives up while waiting leaves the line, and the others are served', async () => {
  const [a, b] = [using('a'), using('b')];
  using scope = ctx.withCancel();
  const [c, d] = [using('c', scope), using('d')];
  await turn();
  scope.cancel();
  await expect(c.result).rejects.toMatchObject({ code: 'CANCELLED' });
  await a.done();
  expect(await d.done()).toBe('d');
  await b.done();
  expect(told).not.toContain('c');
});

test('closing closes every pool', async () => {
  await using('a').done();
  await using('b').done();
  await shelf.close({});
  expect(told.slice(-2)).toEqual(['-a', '-b']);
  expect(shelf.size).toBe(0);
});
