import { createContext, isError, realClock, realRandom, type ScopedContext } from '@fairlead/core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Database, Tx } from '../database.ts';
import { connectAdmin } from '../embedded/admin-connection.ts';
import { openDatabase } from './postgres-database.ts';
import { testDatabase, type TestDatabase } from '../testing/index.ts';

const clock = realClock();
const newContext = (timeoutMs?: number): ScopedContext =>
  createContext({ clock, random: realRandom(), ...(timeoutMs === undefined ? {} : { timeoutMs }) });

let held: TestDatabase;
const ctx = newContext();

beforeAll(async () => {
  held = await testDatabase();
  await owner('create table thing (id integer primary key)');
});
afterAll(async () => {
  ctx[Symbol.dispose]();
  await held[Symbol.asyncDispose]();
});

async function owner(sql: string): Promise<void> {
  await using connection = await connectAdmin(held.ownerUrl);
  await connection.run(sql);
}

/** Ends a backend from outside, as an administrator or a failover would, and waits until it is gone. */
async function terminate(pid: unknown): Promise<void> {
  await using admin = await connectAdmin(held.adminUrl);
  await admin.run('select pg_terminate_backend($1, 5000)', [pid]);
}

/** Waits until a statement with this text is running on the server. */
async function running(text: string, want = true): Promise<void> {
  await using admin = await connectAdmin(held.adminUrl);
  for (;;) {
    const rows = await admin.run(
      `select 1 from pg_stat_activity where query like $1 and state = 'active' and pid <> pg_backend_pid()`,
      [`%${text}%`],
    );
    if (rows.length > 0 === want) return;
  }
}

const open = (options: { maxConnections?: number; transactionTimeoutMs?: number } = {}): Database =>
  openDatabase({ url: held.url, name: 'things', clock, ...options });

const codeOf = async (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => 'nothing was thrown',
    (error: unknown) => (error instanceof Error && 'code' in error ? error.code : error),
  );

const count = async (id: number): Promise<number> =>
  (await held.database.query(ctx, 'select 1 from thing where id = $1', [id])).rowCount;

test('a transaction commits when its work resolves and rolls back when it rejects', async () => {
  await held.database.tx(ctx, (tx) => tx.query('insert into thing values (1)'));
  const failing = held.database.tx(ctx, async (tx) => {
    await tx.query('insert into thing values (2)');
    throw new Error('no');
  });
  await expect(failing).rejects.toThrow('no');
  expect([await count(1), await count(2)]).toEqual([1, 0]);
});

test('afterCommit runs once the commit is there for others to see, and never on rollback', async () => {
  const told: string[] = [];
  await held.database.tx(ctx, async (tx) => {
    tx.afterCommit(() => told.push('committed'));
    tx.afterCommit(() => {
      throw new Error('a failing callback changes nothing');
    });
    tx.afterCommit(() => told.push('second'));
    await tx.query('insert into thing values (3)');
    expect(told).toEqual([]);
  });
  await held.database
    .tx(ctx, async (tx) => {
      tx.afterCommit(() => told.push('rolled back'));
      await tx.query('insert into thing values (3)');
    })
    .catch(() => {});
  expect(told).toEqual(['committed', 'second']);
});

test('a failure that is swallowed inside a transaction does not pass for a commit', async () => {
  let told = false;
  const work = held.database.tx(ctx, async (tx) => {
    tx.afterCommit(() => (told = true));
    await tx.query('insert into thing values (4)');
    await tx.query('select 1/0').catch(() => {});
  });
  expect(await codeOf(work)).toBe('TX_ABORTED');
  expect([told, await count(4)]).toEqual([false, 0]);
});

test('a transaction that has ended refuses further statements', async () => {
  const tx = await held.database.tx(ctx, async (open) => open);
  expect(await codeOf(tx.query('select 1'))).toBe('TX_CLOSED');
  expect(() => tx.afterCommit(() => {})).toThrow(/ended/);
});

test('what a statement did wrong keeps its SQLSTATE', async () => {
  await held.database.query(ctx, 'insert into thing values (5)');
  expect(await codeOf(held.database.query(ctx, 'insert into thing values (5)'))).toBe('23505');
});

test('bigints and dates arrive as text, instants as Date, json parsed', async () => {
  const { rows } = await held.database.query(
    ctx,
    `select 9007199254740993::bigint as big, date '2026-01-02' as day, timestamptz '2026-01-02T03:04:05Z' as at, '{"a":1}'::jsonb as doc`,
  );
  expect(rows[0]).toEqual({
    big: '9007199254740993',
    day: '2026-01-02',
    at: new Date('2026-01-02T03:04:05Z'),
    doc: { a: 1 },
  });
});

test('a backend killed in a transaction is DATABASE_UNAVAILABLE, and a repeat works', async () => {
  await using database = open({ maxConnections: 1 });
  const work = (kill: boolean): Promise<unknown> =>
    database.tx(ctx, async (tx) => {
      const { rows } = await tx.query('insert into thing values (6) returning pg_backend_pid() as pid');
      if (kill) await terminate(rows[0]?.['pid']);
      return tx.query('select 1');
    });
  expect(await codeOf(work(true))).toBe('DATABASE_UNAVAILABLE');
  expect(await count(6)).toBe(0);
  await work(false);
  expect(await count(6)).toBe(1);
});

test('a pooled connection that died while it was idle is replaced without a word', async () => {
  await using database = open({ maxConnections: 1 });
  const { rows } = await database.query(ctx, 'select pg_backend_pid() as pid');
  await terminate(rows[0]?.['pid']);
  expect((await database.query(ctx, 'select 1 as one')).rows).toEqual([{ one: 1 }]);
});

test('a connection that breaks during COMMIT is COMMIT_UNKNOWN', async () => {
  await owner(`create table slow (id integer);
    create function dawdle() returns trigger language plpgsql as $$ begin perform pg_sleep(60); return null; end $$;
    create constraint trigger dawdle after insert on slow deferrable initially deferred for each row execute function dawdle()`);
  await using database = open();
  let pid: unknown;
  const work = codeOf(
    database.tx(ctx, async (tx) => {
      pid = (await tx.query('insert into slow values (1) returning pg_backend_pid() as pid')).rows[0]?.['pid'];
    }),
  );
  await running('COMMIT');
  await terminate(pid);
  expect(await work).toBe('COMMIT_UNKNOWN');
});

test('an abort during a slow statement returns at once, frees the connection and ends the statement on the server', async () => {
  await using database = open({ maxConnections: 1 });
  using scope = newContext();
  const slow = database.query(scope, 'select pg_sleep(61)');
  const failed = slow.catch((error: unknown) => error);
  await running('pg_sleep(61)');
  scope.cancel();
  expect(isError(await failed, 'CANCELLED')).toBe(true);
  expect((await database.query(ctx, 'select 1 as one')).rowCount).toBe(1);
  await running('pg_sleep(61)', false);
});

test('an abort inside a transaction rolls back, also while no statement is under way', async () => {
  await using database = open({ maxConnections: 1 });
  using scope = newContext();
  const work = database.tx(scope, async (tx) => {
    await tx.query('insert into thing values (7)');
    scope.cancel();
    await new Promise(() => {});
  });
  expect(await codeOf(work)).toBe('CANCELLED');
  await database.query(ctx, 'lock table thing in access exclusive mode').catch(() => {});
  expect(await count(7)).toBe(0);
});

test('a statement ends with the deadline of its Context', async () => {
  using scope = newContext(50);
  expect(await codeOf(held.database.query(scope, 'select pg_sleep(62)'))).toBe('DEADLINE_EXCEEDED');
  await running('pg_sleep(62)', false);
});

test('the server is told the time left, so a statement ends even when this process is stopped', async () => {
  using scope = newContext(5_000);
  const limit = async (database: Database): Promise<number> =>
    Number(
      (await database.query(scope, `select setting from pg_settings where name = 'statement_timeout'`)).rows[0]?.[
        'setting'
      ],
    );
  expect(await limit(held.database)).toBeGreaterThan(0);
  expect(await limit(held.database)).toBeLessThanOrEqual(6_100);
  await held.database.tx(scope, async (tx) => {
    const { rows } = await tx.query(`select setting::int as ms from pg_settings where name = 'statement_timeout'`);
    expect(rows[0]?.['ms']).toBeLessThanOrEqual(5_100);
  });
});

test('the cancel of one statement never hits another', async () => {
  await using database = open({ maxConnections: 2 });
  for (let round = 0; round < 20; round += 1) {
    using scope = newContext();
    const slow = codeOf(database.query(scope, 'select pg_sleep(63)'));
    scope.cancel();
    const next = await Promise.all([database.query(ctx, 'select pg_sleep(0.002)'), database.query(ctx, 'select 2')]);
    expect(next).toHaveLength(2);
    expect(await slow).toBe('CANCELLED');
  }
});

test('who waits for a connection leaves the queue at once when its Context ends', async () => {
  await using database = open({ maxConnections: 1 });
  using scope = newContext();
  await database.tx(ctx, async (tx) => {
    const waiting = codeOf(database.query(scope, 'select 1'));
    scope.cancel();
    expect(await waiting).toBe('CANCELLED');
    await tx.query('select 1');
  });
});

test('a transaction that sits idle for too long is ended by the server', async () => {
  await using database = open({ transactionTimeoutMs: 50 });
  const work = database.tx(ctx, async (tx) => {
    const { rows } = await tx.query('select pg_backend_pid() as pid');
    await using admin = await connectAdmin(held.adminUrl);
    while ((await admin.run('select 1 from pg_stat_activity where pid = $1', [rows[0]?.['pid']])).length > 0);
    await tx.query('select 1');
  });
  expect(await codeOf(work)).toBe('TRANSACTION_TIMEOUT');
});

/**
 * Keeps this process from reading until the backend is gone: what the server said lies unread in the socket, and the
 * next write is the first to notice.
 */
function outlive(pid: unknown): void {
  for (;;) {
    try {
      process.kill(Number(pid), 0);
    } catch (error) {
      // EPERM: it lives, as another user.
      if (error instanceof Error && 'code' in error && error.code === 'ESRCH') return;
    }
  }
}

/** A transaction in which the server hangs up before `last` is written. */
function hungUp(database: Database, last: (tx: Tx) => Promise<unknown>, first: string, kill = false): Promise<unknown> {
  return database
    .tx(ctx, async (tx) => {
      const { rows } = await tx.query('select pg_backend_pid() as pid');
      await tx.query(first);
      if (kill) process.kill(Number(rows[0]?.['pid']), 'SIGTERM');
      outlive(rows[0]?.['pid']);
      await last(tx);
    })
    .catch((error: unknown) => error);
}

test('a write that meets a server that has hung up tells what the server said', async () => {
  await using database = open();
  const limit = 'set local idle_in_transaction_session_timeout = 10';
  for (let round = 0; round < 20; round += 1) {
    const simple = await hungUp(database, (tx) => tx.query('select 1'), limit);
    expect(simple).toMatchObject({ code: 'TRANSACTION_TIMEOUT' });
    const withParameters = await hungUp(database, (tx) => tx.query('select $1::int', [1]), limit);
    expect(withParameters).toMatchObject({ code: 'TRANSACTION_TIMEOUT' });
  }
});

test('a write that meets a server that was stopped is DATABASE_UNAVAILABLE', async () => {
  await using database = open();
  for (let round = 0; round < 5; round += 1) {
    const failure = await hungUp(database, (tx) => tx.query('select 1'), 'select 1', true);
    expect(failure).toMatchObject({ code: 'DATABASE_UNAVAILABLE', details: { sqlState: '57P01' } });
  }
});

test('a COMMIT that the server ended for a limit of the transaction has not happened', async () => {
  await using database = open({ transactionTimeoutMs: 0 });
  const nothing = async (): Promise<void> => {};
  const idle = await hungUp(database, nothing, 'set local idle_in_transaction_session_timeout = 10');
  expect(idle).toMatchObject({ code: 'TRANSACTION_TIMEOUT' });
  // Since Postgres 17.
  const { rows: known } = await database.query(ctx, `select current_setting('transaction_timeout', true) as limit`);
  if (known[0]?.['limit'] === null) return;
  // Ended while it commits: the time begins to run in a trigger of the COMMIT itself.
  await owner(`create table overdue (id integer);
    create function overstay() returns trigger language plpgsql as $$ begin
      perform set_config('transaction_timeout', '10', true); perform pg_sleep(60); return null; end $$;
    create constraint trigger overstay after insert on overdue deferrable initially deferred for each row execute function overstay()`);
  const overdue = (): Promise<unknown> => database.tx(ctx, (tx) => tx.query('insert into overdue values (1)'));
  await expect(overdue()).rejects.toMatchObject({ code: 'TRANSACTION_TIMEOUT' });
  expect((await database.query(ctx, 'select * from overdue')).rowCount).toBe(0);
  // Where sessions have such a limit too, the server may say the same of a transaction that it has committed.
  const { rows } = await database.query(ctx, 'select current_user::text as role');
  await using admin = await connectAdmin(held.adminUrl);
  const inDatabase = `in database ${held.database.name}`;
  await admin.run(`alter role ${String(rows[0]?.['role'])} ${inDatabase} set transaction_timeout = '1h'`);
  await using limited = open({ transactionTimeoutMs: 0 });
  const unknown = limited.tx(ctx, (tx) => tx.query('insert into overdue values (1)'));
  await expect(unknown).rejects.toMatchObject({ code: 'COMMIT_UNKNOWN', cause: { code: 'TRANSACTION_TIMEOUT' } });
  await admin.run(`alter role ${String(rows[0]?.['role'])} ${inDatabase} reset transaction_timeout`);
});

test('a server that is not there is DATABASE_UNAVAILABLE, and the message keeps the password', async () => {
  await using database = openDatabase({ url: 'postgresql://u:hunter2@127.0.0.1:1/x', name: 'gone', clock });
  const failure = await database.query(ctx, 'select 1').catch((error: unknown) => error);
  expect(isError(failure, 'DATABASE_UNAVAILABLE')).toBe(true);
  expect(String(failure)).toContain('gone');
  expect(JSON.stringify(failure) + String(failure)).not.toContain('hunter2');
});

test('a closed database refuses work, and closing again waits for the first', async () => {
  const database = open();
  await database.query(ctx, 'select 1');
  await Promise.all([database.close(), database.close()]);
  expect(await codeOf(database.query(ctx, 'select 1'))).toBe('DATABASE_UNAVAILABLE');
});

test('closing waits for a transaction under way', async () => {
  const database = open();
  let closed: Promise<void> | undefined;
  await database.tx(ctx, async (tx) => {
    await tx.query('select 1');
    closed = database.close({ graceMs: 10_000 });
    await tx.query('insert into thing values (8)');
  });
  await closed;
  expect(await count(8)).toBe(1);
});

test('an unknown option and a URL that cannot be read are refused by name', () => {
  // @ts-expect-error an option that does not exist
  expect(() => openDatabase({ url: held.url, name: 'things', clock, maxConections: 3 })).toThrow(/maxConections/);
  expect(() => openDatabase({ url: held.url, name: 'things', clock, maxConnections: 0 })).toThrow(
    /maxConnections is 0/,
  );
  expect(() => openDatabase({ url: 'mysql://u:hunter2@h/x', name: 'things', clock })).toThrow(/^(?!.*hunter2).*things/);
});

test('a listener hears notifications, looks once at the start, and again after its connection was killed', async () => {
  await using database = open();
  const heard: string[] = [];
  let wake = (): void => {};
  const heardNext = (length: number): Promise<void> =>
    new Promise((resolve) => {
      wake = () => heard.length >= length && resolve();
      wake();
    });
  await using listening = await database.listen('news; drop table thing', (payload) => {
    heard.push(payload);
    wake();
  });
  await database.query(ctx, 'select pg_notify($1, $2)', ['news; drop table thing', 'one']);
  await heardNext(2);
  const { rows } = await database.query(
    ctx,
    `select pid from pg_stat_activity where application_name = 'things listen'`,
  );
  await terminate(rows[0]?.['pid']);
  await heardNext(3);
  await database.query(ctx, 'select pg_notify($1, $2)', ['news; drop table thing', 'two']);
  await heardNext(4);
  expect(heard).toEqual(['', 'one', '', 'two']);
  await listening.close();
});
