import { createContext, realClock, realRandom } from '@fairlead/core';
import { expect, test } from 'vitest';
import { openDatabase } from './postgres-database.ts';
import { keepPrepared } from './prepared.ts';
import { testDatabase } from '../testing/index.ts';

const clock = realClock();
const ctx = createContext({ clock, random: realRandom() });
const KEPT = keepPrepared('select $1::int + 1 as next');
const LIST = `select statement from pg_prepared_statements where statement like 'select%' order by statement`;

test('a text that is to be kept is prepared once a connection, whatever fails around it', async () => {
  await using held = await testDatabase();
  await using database = openDatabase({ url: held.url, name: 'things', clock, maxConnections: 1 });
  const kept = async (): Promise<unknown[]> => (await database.query(ctx, LIST)).rows.map(({ statement }) => statement);
  await database.query(ctx, 'select $1::int', [1]);
  expect(await kept()).toEqual([]);
  // The first time it fails, after it was parsed.
  await expect(database.query(ctx, KEPT, ['not a number'])).rejects.toMatchObject({ code: '22P02' });
  for (let n = 1; n < 4; n += 1) {
    expect((await database.query(ctx, KEPT, [n])).rows).toEqual([{ next: n + 1 }]);
    const { rows } = await database.tx(ctx, (tx) => tx.query(KEPT, [n]));
    expect(rows).toEqual([{ next: n + 1 }]);
  }
  expect(await kept()).toEqual([KEPT]);
});

test('a text that can not be prepared fails as any other does, each time', async () => {
  await using held = await testDatabase();
  await using database = openDatabase({ url: held.url, name: 'things', clock, maxConnections: 1 });
  const wrong = keepPrepared('select $1::int + no_such_column');
  for (let round = 0; round < 2; round += 1) {
    await expect(database.query(ctx, wrong, [1])).rejects.toMatchObject({ code: '42703' });
    await expect(database.tx(ctx, (tx) => tx.query(wrong, [1]))).rejects.toMatchObject({ code: '42703' });
  }
  expect((await database.query(ctx, LIST)).rows).toEqual([]);
});

test('a session that has forgotten its statements, or whose table has changed, is replaced without a word', async () => {
  await using held = await testDatabase();
  await using owner = openDatabase({ url: held.ownerUrl, name: 'owner', clock });
  await owner.query(ctx, 'create table shape (a integer)');
  await using database = openDatabase({ url: held.url, name: 'things', clock, maxConnections: 1 });
  // It should not be kept, for its star; a change of the table is then told to the session with its next use.
  const star = keepPrepared('select * from shape where a > $1');
  const insert = keepPrepared('insert into shape (a) values ($1)');
  const forget: (() => Promise<unknown>)[] = [
    () => database.query(ctx, 'discard all'),
    () => owner.query(ctx, 'alter table shape add column b integer'),
  ];
  for (const change of forget) {
    await database.query(ctx, star, [0]);
    await database.tx(ctx, (tx) => tx.query(insert, [1]));
    await change();
    await database.query(ctx, star, [0]);
    await database.tx(ctx, (tx) => tx.query(star, [0]));
    await database.query(ctx, 'discard all');
    await database.query(ctx, insert, [1]);
    await database.tx(ctx, (tx) => tx.query(insert, [1]));
  }
  const { rows } = await database.query(ctx, star, [0]);
  expect(rows).toHaveLength(6);
});
