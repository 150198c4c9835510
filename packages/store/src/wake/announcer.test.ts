import { PGlite } from '@electric-sql/pglite';
import { createContext, realClock, realRandom, virtualClock } from '@fairlead/core';
import { expect, test } from 'vitest';
import type { Database } from '../database.ts';
import { pgliteDatabase } from '../pglite/index.ts';
import { testDatabase } from '../testing/index.ts';
import { Announcer, type NewsLine } from './announcer.ts';

const random = realRandom();

/** A line that remembers what went over it, and fails when it is told to. */
class Line implements NewsLine {
  readonly sent: string[] = [];
  broken = false;

  async tell(_ctx: unknown, _text: string, params: readonly unknown[]): Promise<void> {
    this.sent.push(params.join(' '));
    if (this.broken) throw new Error('away');
  }
}

test('what comes within five milliseconds of the last is told once, at the end of that time', async () => {
  const clock = virtualClock();
  const line = new Line();
  const { sent } = line;
  const announcer = new Announcer(line);
  for (let n = 0; n < 3; n += 1) await announcer.announce({ clock, random }, 'news', 'a');
  await announcer.announce({ clock, random }, 'news', 'b');
  expect(sent).toEqual(['news a', 'news b']);
  await clock.advance(5);
  expect(sent).toEqual(['news a', 'news b', 'news a']);
  await clock.advance(20);
  await announcer.announce({ clock, random }, 'news', 'a');
  expect(sent).toHaveLength(4);
  expect(clock.pending).toBe(0);
});

test('a failure is dropped, and what is planned ends with it', async () => {
  const clock = virtualClock();
  const line = new Line();
  line.broken = true;
  const announcer = new Announcer(line);
  await announcer.announce({ clock, random }, 'news', '');
  await announcer.announce({ clock, random }, 'news', '');
  await announcer.close();
  expect(clock.pending).toBe(0);
  await announcer.announce({ clock, random }, 'news', '');
  expect(line.sent).toHaveLength(1);
});

async function heard(database: Database): Promise<void> {
  const clock = realClock();
  using ctx = createContext({ clock, random });
  const told: string[] = [];
  const next = async (count: number): Promise<void> => {
    while (told.length < count) await clock.sleep(1);
  };
  await using _listening = await database.listen('news', (payload) => told.push(payload));
  // Once for the connection.
  await next(1);
  await database
    .tx(ctx, async (tx) => {
      tx.announce('news', 'never');
      throw new Error('rolled back');
    })
    .catch(() => {});
  await database.tx(ctx, async (tx) => {
    tx.announce('news', 'hello');
    tx.announce('news', 'hello');
    await tx.query('select 1');
  });
  await next(2);
  await database.tx(ctx, async (tx) => tx.announce('news'));
  while (told.filter((payload) => payload === '').length < 2) await clock.sleep(1);
  expect(told.filter((payload) => payload !== 'hello')).toEqual(['', '']);
}

test('a transaction announces when it has committed, and only then, on Postgres', async () => {
  await using held = await testDatabase();
  await heard(held.database);
});

test('a transaction announces when it has committed, and only then, on PGlite', async () => {
  const pglite = await PGlite.create();
  await using database = pgliteDatabase({ pglite, schema: 'a', name: 'a', clock: realClock() });
  await heard(database);
  await pglite.close();
});
