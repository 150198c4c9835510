import { createContext, realClock, realRandom } from '@fairlead/core';
import { expect, test } from 'vitest';
import { migrate, type MigrationFile } from './migrate.ts';
import { openDatabase } from '../postgres/postgres-database.ts';
import { testDatabase } from '../testing/index.ts';

const clock = realClock();
const ctx = createContext({ clock, random: realRandom() });
const FIRST: MigrationFile = {
  name: '0001_first.sql',
  sql: 'create table first (id integer); insert into first values (1);',
};
const SECOND: MigrationFile = { name: '0002_second.sql', sql: 'create table second (id integer)' };

async function prepared() {
  const held = await testDatabase();
  const owner = openDatabase({ url: held.ownerUrl, name: 'orders', clock });
  return {
    held,
    owner,
    run: (...from: MigrationFile[]) => migrate(ctx, owner, { set: 'orders', from }),
    async [Symbol.asyncDispose]() {
      await owner.close();
      await held[Symbol.asyncDispose]();
    },
  };
}

test('each file is applied once, in order, whatever order they are listed in', async () => {
  await using db = await prepared();
  expect(await db.run(SECOND, FIRST)).toEqual({ applied: ['0001_first.sql', '0002_second.sql'], ahead: [] });
  expect(await db.run(FIRST, SECOND)).toEqual({ applied: [], ahead: [] });
  expect((await db.owner.query(ctx, 'select * from first')).rowCount).toBe(1);
});

test('a file that was changed after it had been applied is drift, line ends apart', async () => {
  await using db = await prepared();
  const lines = { name: FIRST.name, sql: 'create table first (id integer);\n-- end\n' };
  await db.run(lines);
  await expect(db.run({ name: FIRST.name, sql: lines.sql.replaceAll('\n', '\r\n') })).resolves.toEqual({
    applied: [],
    ahead: [],
  });
  await expect(db.run({ name: FIRST.name, sql: `${lines.sql} ` })).rejects.toMatchObject({ code: 'MIGRATION_DRIFT' });
});

test('an applied file that is gone and a new one before an applied one are refused', async () => {
  await using db = await prepared();
  await db.run(SECOND);
  await expect(db.run({ name: '0003_third.sql', sql: '' })).rejects.toMatchObject({ code: 'MIGRATION_MISSING' });
  await expect(db.run(FIRST, SECOND)).rejects.toMatchObject({ code: 'MIGRATION_OUT_OF_ORDER' });
  await expect(db.run(FIRST)).rejects.toMatchObject({ code: 'MIGRATION_OUT_OF_ORDER' });
});

test('a database that newer code has migrated is left as it is, and says so', async () => {
  await using db = await prepared();
  await db.run(FIRST, SECOND);
  expect(await db.run(FIRST)).toEqual({ applied: [], ahead: ['0002_second.sql'] });
  await expect(db.run({ ...FIRST, sql: 'select 1' })).rejects.toMatchObject({ code: 'MIGRATION_DRIFT' });
});

test('the line that the server could not read is told, other letters than ASCII before it or not', async () => {
  await using db = await prepared();
  const sql = '-- Größe ⛵\ncreate table first (id integer);\n\ncreate table second (id intger);\n';
  await expect(db.run({ name: '0001_first.sql', sql })).rejects.toMatchObject({
    code: 'MIGRATION_FAILED',
    message: expect.stringMatching(
      /^orders, set orders: 0001_first\.sql:4 failed and was rolled back: type "intger" does not exist\./,
    ),
  });
});

test('a file that fails leaves nothing of itself, and what came before stays', async () => {
  await using db = await prepared();
  const broken = { name: '0002_second.sql', sql: 'create table second (id integer); select 1/0' };
  await expect(db.run(FIRST, broken)).rejects.toMatchObject({ code: 'MIGRATION_FAILED' });
  expect(
    (await db.owner.query(ctx, `select to_regclass('first') as first, to_regclass('second') as second`)).rows,
  ).toEqual([{ first: 'first', second: null }]);
  expect(await db.run(FIRST, SECOND)).toEqual({ applied: ['0002_second.sql'], ahead: [] });
});

test('concurrent runners apply each file once', async () => {
  await using db = await prepared();
  const runs = await Promise.all(Array.from({ length: 8 }, () => db.run(FIRST, SECOND)));
  expect(runs.flatMap((run) => run.applied).toSorted()).toEqual(['0001_first.sql', '0002_second.sql']);
});

test('a migration that does not get its lock steps back and lets others pass, until it gets it', async () => {
  await using db = await prepared();
  await db.run(FIRST);
  const waiting = async (): Promise<boolean> =>
    (await db.owner.query(ctx, `select 1 from pg_locks where not granted and mode = 'AccessExclusiveLock'`)).rowCount >
    0;
  const until = async (want: boolean): Promise<void> => {
    while ((await waiting()) !== want);
  };
  let migrating: Promise<unknown> | undefined;
  await db.held.database.tx(ctx, async (tx) => {
    await tx.query('select * from first');
    migrating = db.run(FIRST, { name: '0002_second.sql', sql: 'alter table first add column note text' });
    // It stands in line, and leaves it while the reader still reads: twice, so that it came again.
    for (let round = 0; round < 2; round += 1) {
      await until(true);
      await until(false);
    }
    await db.held.database.query(ctx, 'insert into first values (3)');
  });
  expect(await migrating).toEqual({ applied: ['0002_second.sql'], ahead: [] });
});

test('names that are no migration, two of one number and a missing directory are refused', async () => {
  await using db = await prepared();
  await expect(db.run({ name: '1_first.sql', sql: '' })).rejects.toMatchObject({ code: 'MIGRATION_INVALID' });
  await expect(db.run(FIRST, { ...SECOND, name: '0001_other.sql' })).rejects.toMatchObject({
    code: 'MIGRATION_INVALID',
  });
  const nowhere = migrate(ctx, db.owner, { set: 'orders', from: new URL('../no-such/', import.meta.url) });
  await expect(nowhere).rejects.toMatchObject({ code: 'MIGRATION_INVALID' });
});

test('the runtime role may use rows but neither make tables nor rewrite what was applied', async () => {
  await using db = await prepared();
  await db.run(FIRST);
  const runtime = db.held.database;
  await runtime.query(ctx, 'insert into first values (2)');
  for (const ddl of [
    'create table mine (id integer)',
    'drop table first',
    'alter table first add x integer',
    'create temp table t (id integer)',
    'truncate first',
    'create schema mine',
  ]) {
    await expect(runtime.query(ctx, ddl), ddl).rejects.toMatchObject({ code: '42501' });
  }
  await expect(runtime.query(ctx, 'delete from fairlead_migration')).rejects.toMatchObject({ code: '42501' });
  await expect(migrate(ctx, runtime, { set: 'orders', from: [FIRST, SECOND] })).rejects.toMatchObject({
    code: 'MIGRATION_FAILED',
  });
});
