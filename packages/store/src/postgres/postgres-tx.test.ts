import { createContext, realClock, realRandom } from '@fairlead/core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Database, Tx } from '../database.ts';
import { connectAdmin } from '../embedded/admin-connection.ts';
import { openDatabase } from './postgres-database.ts';
import { testDatabase, type TestDatabase } from '../testing/index.ts';

const clock = realClock();
const ctx = createContext({ clock, random: realRandom() });

let held: TestDatabase;
beforeAll(async () => {
  held = await testDatabase();
  await owner('create table thing (id integer primary key, n integer not null default 0)');
});
afterAll(async () => {
  ctx[Symbol.dispose]();
  await held[Symbol.asyncDispose]();
});

async function owner(sql: string): Promise<void> {
  await using connection = await connectAdmin(held.ownerUrl);
  await connection.run(sql);
}

const open = (maxConnections = 1): Database =>
  openDatabase({ url: held.url, name: 'things', clock, maxConnections, idleTimeoutMs: 0 });

const ids = async (): Promise<unknown[]> =>
  (await held.database.query(ctx, 'select id from thing order by id')).rows.map((row) => row['id']);

/** Ends a process of the server and holds this one still until it is gone, so that nobody has read of it yet. */
function kill(pid: unknown): void {
  process.kill(Number(pid), 'SIGTERM');
  for (;;) {
    try {
      process.kill(Number(pid), 0);
    } catch (error) {
      // EPERM: it lives, as another user.
      if (error instanceof Error && 'code' in error && error.code === 'ESRCH') return;
    }
  }
}

const pidOf = async (database: Database): Promise<unknown> =>
  (await database.query(ctx, 'select pg_backend_pid() as pid')).rows[0]?.['pid'];

test('a statement does not run when the transaction that it was to be in could not be begun', async () => {
  // An isolation level that does not exist: BEGIN fails, and the first statement was sent with it.
  const isolation = 'no such level' as 'serializable';
  for (const [text, params] of [
    ['insert into thing values (100)', []],
    ['insert into thing values ($1)', [100]],
  ] as const) {
    const begin = (work: (tx: Tx) => Promise<unknown>): Promise<unknown> =>
      held.database.tx(ctx, work, { isolation, retry: false }).catch((error: unknown) => error);
    expect(await begin((tx) => tx.query(text, params))).toMatchObject({ code: '42601' });
    // Nor do those after it, when the failure is swallowed.
    const swallowed = await begin(async (tx) => {
      await tx.query(text, params).catch(() => {});
      await tx.query(text, params);
    });
    expect(swallowed).toMatchObject({ code: 'TX_ABORTED' });
    const silent = await begin(async (tx) => void (await tx.query(text, params).catch(() => {})));
    expect(silent).toMatchObject({ code: 'TX_ABORTED' });
  }
  expect(await ids()).toEqual([]);
});

test('a transaction that asks for nothing reaches no server, and its afterCommit runs', async () => {
  let told = false;
  expect(await held.database.tx(ctx, async (tx) => (tx.afterCommit(() => (told = true)), 7))).toBe(7);
  expect(told).toBe(true);
});

test('statements that are sent at once run one after another, in the transaction that the first began', async () => {
  const answers = await held.database.tx(ctx, (tx) =>
    Promise.all([
      tx.query('select pg_current_xact_id()::text as id, $1::int as n', [1]),
      tx.query('select pg_current_xact_id()::text as id, 2 as n'),
      tx.query('select pg_current_xact_id()::text as id, $1::int as n', [3]),
    ]),
  );
  expect(answers.map(({ rows }) => rows[0]?.['n'])).toEqual([1, 2, 3]);
  expect(new Set(answers.map(({ rows }) => rows[0]?.['id'])).size).toBe(1);
});

test('the first statement may still choose the isolation, and sees the limits of the transaction', async () => {
  const { rows } = await held.database.tx(ctx, async (tx) => {
    await tx.query('set transaction isolation level serializable');
    return tx.query(
      `select name, setting from pg_settings where name in ('transaction_isolation', 'idle_in_transaction_session_timeout') order by 1`,
    );
  });
  expect(rows.map((row) => row['setting'])).toEqual(['60000', 'serializable']);
});

test('a place in a text is that of the text, also when BEGIN goes ahead of it', async () => {
  const failure = held.database.tx(ctx, (tx) => tx.query('select 1; selct 2'));
  await expect(failure).rejects.toMatchObject({ code: '42601', position: '11' });
});

test('a dead connection from the pool is replaced under the first statement of a transaction, and under a read', async () => {
  await using database = open();
  for (const params of [[], [1]]) {
    kill(await pidOf(database));
    const { rows } = await database.tx(ctx, (tx) => tx.query(`select 1 as one where 1 = ${params[0] ?? 1}`, []));
    expect(rows).toEqual([{ one: 1 }]);
  }
  kill(await pidOf(database));
  expect((await database.query(ctx, 'select $1::int as one', [1])).rows).toEqual([{ one: 1 }]);
});

test('a write on its own whose connection broke is COMMIT_UNKNOWN, since it may have happened', async () => {
  await using database = open();
  for (const write of ['insert into thing values ($1)', 'select fairlead_no_such($1::int)']) {
    kill(await pidOf(database));
    const work = database.query(ctx, write, [200]);
    await expect(work).rejects.toMatchObject({ code: 'COMMIT_UNKNOWN' });
  }
});

test('a serialization failure runs the work again: hooks of the attempt that was committed run, once', async () => {
  await using database = open(2);
  await owner('insert into thing (id) values (1), (2)');
  let runs = 0;
  let read = 0;
  const hooks: number[] = [];
  const both = Promise.withResolvers<void>();
  const add = async (): Promise<void> =>
    database.tx(
      ctx,
      async (tx) => {
        runs += 1;
        const run = runs;
        tx.afterCommit(() => hooks.push(run));
        await tx.query('select sum(n) from thing where id in (1, 2)');
        read += 1;
        if (read === 2) both.resolve();
        await both.promise;
        await tx.query('update thing set n = n + 1 where id = $1', [1]);
      },
      { isolation: 'serializable' },
    );
  await Promise.all([add(), add()]);
  expect(runs).toBeGreaterThan(2);
  expect(hooks).toHaveLength(2);
  expect(new Set(hooks).size).toBe(2);
  expect((await database.query(ctx, 'select n from thing where id = 1')).rows).toEqual([{ n: 2 }]);
});

test('work is run again when it wraps the failure or swallows it, and when COMMIT brings it', async () => {
  await owner(`create function give_up() returns trigger language plpgsql as $$ begin
      if current_setting('test.give_up', true) = 'yes' then raise exception 'not now' using errcode = '40001'; end if;
      return null; end $$;
    create table late (id integer);
    create constraint trigger give_up after insert on late deferrable initially deferred for each row execute function give_up()`);
  const fails = `do $$ begin raise exception 'not now' using errcode = '40P01'; end $$`;
  for (const attempt of [
    async (tx: Tx) => {
      try {
        await tx.query(fails);
      } catch (error) {
        throw new Error('wrapped', { cause: error });
      }
    },
    async (tx: Tx) => void (await tx.query(fails).catch(() => {})),
    async (tx: Tx) => {
      await tx.query(`set local test.give_up = 'yes'`);
      await tx.query('insert into late values (1)');
    },
  ]) {
    let runs = 0;
    await held.database.tx(
      ctx,
      async (tx) => {
        runs += 1;
        if (runs < 3) await attempt(tx);
      },
      { retry: true },
    );
    expect(runs).toBe(3);
  }
});

test('read committed is not run again unless that is asked for, and nothing is for ever', async () => {
  let runs = 0;
  const deadlock = async (tx: Tx): Promise<void> => {
    runs += 1;
    await tx.query(`do $$ begin raise exception 'not now' using errcode = '40P01'; end $$`);
  };
  await expect(held.database.tx(ctx, deadlock)).rejects.toMatchObject({ code: '40P01' });
  expect(runs).toBe(1);
  const never = held.database.tx(ctx, deadlock, { isolation: 'repeatable read', retry: false });
  await expect(never).rejects.toMatchObject({ code: '40P01' });
  expect(runs).toBe(2);
  await expect(held.database.tx(ctx, deadlock, { retry: true })).rejects.toMatchObject({ code: '40P01' });
  expect(runs).toBe(12);
  using scope = ctx.withCancel();
  const cancelled = held.database.tx(
    scope,
    (tx) => {
      scope.cancel();
      return deadlock(tx);
    },
    { retry: true },
  );
  await expect(cancelled).rejects.toMatchObject({ code: 'CANCELLED' });
});
