import { createContext, realClock, realRandom } from '@fairlead/core';
import { expect, test } from 'vitest';
import { connectAdmin } from '../embedded/admin-connection.ts';
import { testDatabase } from './test-database.ts';

const ctx = createContext({ clock: realClock(), random: realRandom() });
const migrations = [{ set: 'notes', from: [{ name: '0001_note.sql', sql: 'create table note (id integer)' }] }];

test('two databases of one template share nothing', async () => {
  await using one = await testDatabase({ migrations });
  await using two = await testDatabase({ migrations });
  await one.database.query(ctx, 'insert into note values (1)');
  expect((await two.database.query(ctx, 'select * from note')).rowCount).toBe(0);
});

test('several at once, of a template that nobody has made yet, all come out right', async () => {
  const fresh = [{ set: 'fresh', from: [{ name: '0001_fresh.sql', sql: 'create table fresh (id integer)' }] }];
  const all = await Promise.all(Array.from({ length: 4 }, () => testDatabase({ migrations: fresh })));
  for (const one of all) {
    expect((await one.database.query(ctx, 'select * from fresh')).rowCount).toBe(0);
    await one[Symbol.asyncDispose]();
  }
});

test('disposal drops the database, also while somebody is connected', async () => {
  const held = await testDatabase();
  await using stray = await connectAdmin(held.url);
  await stray.run('begin');
  await held[Symbol.asyncDispose]();
  await using admin = await connectAdmin(held.adminUrl);
  expect(await admin.run('select 1 from pg_database where datname = $1', [held.database.name])).toEqual([]);
});
