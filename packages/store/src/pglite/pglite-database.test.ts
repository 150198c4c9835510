import { PGlite } from '@electric-sql/pglite';
import { createContext, realRandom, virtualClock } from '@fairlead/core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { migrateStore } from '../migrate/migrate.ts';
import { pgliteDatabase } from './pglite-database.ts';

const START = Date.UTC(2030, 0, 1);
const clock = virtualClock({ startMs: START });
const ctx = createContext({ clock, random: realRandom() });
let pglite: PGlite;
beforeAll(async () => {
  pglite = await PGlite.create();
});
afterAll(() => pglite.close());

const open = (schema: string) => pgliteDatabase({ pglite, schema, name: schema, clock });

test('two services on one instance have their own tables and positions', async () => {
  const [orders, payments] = [open('orders'), open('pay"ments')];
  await migrateStore(ctx, orders);
  await migrateStore(ctx, payments);
  await orders.query(ctx, 'create table mine (id integer)');
  await expect(payments.query(ctx, 'select * from mine')).rejects.toMatchObject({ code: '42P01' });
});

test('fairlead.now() is the virtual clock, in every statement', async () => {
  const database = open('timed');
  await migrateStore(ctx, database);
  const now = async (): Promise<unknown> =>
    (await database.query(ctx, 'select fairlead.now() as now')).rows[0]?.['now'];
  expect(await now()).toEqual(new Date(START));
  await clock.advance(1_500);
  expect(await now()).toEqual(new Date(START + 1_500));
});

test('transactions take turns, and one that was given up leaves the queue at once', async () => {
  const database = open('turns');
  const steps: string[] = [];
  const gate = Promise.withResolvers<void>();
  const first = database.tx(ctx, async () => {
    steps.push('first begins');
    await gate.promise;
    steps.push('first ends');
  });
  using scope = ctx.withCancel();
  const given = database.query(scope, 'select 1').catch((error: { code: string }) => error.code);
  const second = database.tx(ctx, async () => void steps.push('second'));
  scope.cancel();
  expect(await given).toBe('CANCELLED');
  gate.resolve();
  await Promise.all([first, second]);
  expect(steps).toEqual(['first begins', 'first ends', 'second']);
});

test('an abort in the middle of a transaction rolls it back and lets the next one in', async () => {
  const database = open('aborted');
  await database.query(ctx, 'create table t (id integer)');
  using scope = ctx.withCancel();
  const work = database.tx(scope, async (tx) => {
    await tx.query('insert into t values (1)');
    scope.cancel();
    await new Promise(() => {});
  });
  await expect(work).rejects.toMatchObject({ code: 'CANCELLED' });
  expect((await database.query(ctx, 'select * from t')).rowCount).toBe(0);
});

test('a swallowed failure does not pass for a commit, one within a savepoint does', async () => {
  const database = open('swallowed');
  await database.query(ctx, 'create table t (id integer)');
  const swallow = database.tx(ctx, async (tx) => {
    await tx.query('insert into t values (1)');
    await tx.query('select 1/0').catch(() => {});
  });
  await expect(swallow).rejects.toMatchObject({ code: 'TX_ABORTED' });
  await database.tx(ctx, async (tx) => {
    await tx.query('insert into t values (2)');
    await tx.query('savepoint s');
    await tx.query('select 1/0').catch(() => {});
    await tx.query('rollback to savepoint s');
  });
  expect((await database.query(ctx, 'select id from t')).rows).toEqual([{ id: 2 }]);
});

test('values arrive as they do from Postgres', async () => {
  const { rows } = await open('types').query(
    ctx,
    `select $1::bigint as big, date '2026-01-02' as day, timestamptz '2026-01-02T03:04:05Z' as at, $2::json as doc, 1.10::numeric as n, $3::text[] as list`,
    ['9007199254740993', '{"a":1}', ['x', 'y,"']],
  );
  expect(rows[0]).toEqual({
    big: '9007199254740993',
    day: '2026-01-02',
    at: new Date('2026-01-02T03:04:05Z'),
    doc: { a: 1 },
    n: '1.10',
    list: ['x', 'y,"'],
  });
});

test('a listener hears what was committed, until it is closed', async () => {
  const database = open('heard');
  const heard: string[] = [];
  const listening = await database.listen('news', (payload) => heard.push(payload));
  await database.query(ctx, `select pg_notify('news', 'one')`);
  await listening.close();
  await database.query(ctx, `select pg_notify('news', 'two')`);
  expect(heard).toEqual(['', 'one']);
});

test('a transaction that is given up for another is run again where that is asked for', async () => {
  const database = open('repeated');
  await database.query(ctx, 'create table t (id integer)');
  let runs = 0;
  const hooks: number[] = [];
  const work = database.tx(
    ctx,
    async (tx) => {
      runs += 1;
      const run = runs;
      tx.afterCommit(() => hooks.push(run));
      await tx.query('insert into t values ($1)', [run]);
      if (run < 3) await tx.query(`do $$ begin raise exception 'not now' using errcode = '40001'; end $$`);
    },
    { isolation: 'serializable' },
  );
  // The waits in between are of the virtual clock.
  let done = false;
  void work.finally(() => (done = true));
  while (!done) {
    await clock.advance(50);
    await new Promise((resolve) => setImmediate(resolve));
  }
  await work;
  expect(hooks).toEqual([3]);
  expect((await database.query(ctx, 'select id from t')).rows).toEqual([{ id: 3 }]);
});
