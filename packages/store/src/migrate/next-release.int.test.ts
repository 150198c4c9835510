import { readdir, readFile } from 'node:fs/promises';
import { createContext, realClock, realRandom, type Context } from '@fairlead/core';
import { expect, test } from 'vitest';
import { docs } from '../doc/docs.ts';
import { connectAdmin } from '../embedded/admin-connection.ts';
import { enqueue } from '../job/enqueue.ts';
import { handle, queue } from '../job/queue.ts';
import { worker } from '../job/worker.ts';
import { leases } from '../lease/leases.ts';
import { append } from '../log/log.ts';
import { openDatabase } from '../postgres/postgres-database.ts';
import { subscribe } from '../subscription/subscribe.ts';
import { testDatabase } from '../testing/index.ts';
import { migrate, storeMigrations, type MigrationFile } from './migrate.ts';

// Tables of the next release under the code of this one: what expand/contract asks of whoever wrote the statements of today.

const clock = realClock();
const random = realRandom();
const ctx = createContext({ clock, random });
const COUNTERS = docs('counter');
const NUMBERS = queue<{ n: number }>('numbers');
const WRITERS = 4;
/** What each writer does at least after the tables have changed. */
const AFTERWARDS = 30;

async function ofThisRelease(): Promise<MigrationFile[]> {
  const { from } = storeMigrations();
  if (!(from instanceof URL)) throw new Error('The set is a directory.');
  const names = (await readdir(from)).filter((name) => name.endsWith('.sql'));
  return Promise.all(names.map(async (name) => ({ name, sql: await readFile(new URL(name, from), 'utf8') })));
}

/** What a next release may do: columns in front of nobody, with and without defaults, another index, another table. */
function ofTheNext(tables: readonly string[]): MigrationFile[] {
  return [
    ...tables.map((table, index) => ({
      name: `${9001 + index}_${table}.sql`,
      sql: `alter table ${table} add column next_note text, add column next_count integer not null default 7;`,
    })),
    {
      name: '9999_more.sql',
      sql: `create table next_release (id integer primary key); create index on fairlead_doc (next_count);`,
    },
  ];
}

test('each table gets columns of the next release while this one appends, reads, stores, holds leases, works and subscribes: nothing fails, is lost or doubled', async () => {
  await using held = await testDatabase();
  {
    await using admin = await connectAdmin(held.ownerUrl);
    await admin.run('create table effect (what text, n integer)');
  }
  await using owner = openDatabase({ url: held.ownerUrl, name: 'owner', clock });
  await using database = openDatabase({ url: held.url, name: 'service', clock, maxConnections: 12 });
  await using rights = leases({ database, holder: 'this', clock, random, ttlMs: 20_000, renewEveryMs: 50 });
  const mark = (what: string, n: number) => ['insert into effect values ($1, $2)', [what, n]] as const;

  await using subscription = subscribe({
    database,
    name: 'effects',
    clock,
    random,
    shards: 2,
    pollMs: 100,
    handler: async (tx, events) => {
      for (const { data } of events) await tx.query(...mark('event', (data as { n: number }).n));
    },
  });
  await using working = worker({
    database,
    leases: rights,
    clock,
    random,
    pollMs: 100,
    queues: [
      handle(NUMBERS, async (jobCtx: Context, job) => {
        await database.tx(jobCtx, async (tx) => {
          await job.complete(tx);
          await tx.query(...mark('job', job.payload.n));
        });
      }),
    ],
  });

  let upgraded = false;
  let n = 0;
  const written: number[] = [];
  const writer = async (index: number): Promise<void> => {
    for (let after = 0; after < AFTERWARDS; after += upgraded ? 1 : 0) {
      const mine = (n += 1);
      const lease = await rights.acquire(ctx, `lease-${index}`);
      await database.tx(ctx, async (tx) => {
        if (lease.kind === 'held') await lease.lease.guard(tx);
        await append(tx, `stream-${mine % 7}`, 'any', [{ type: 'n.told', key: `k${mine % 5}`, data: { n: mine } }]);
        await enqueue(tx, NUMBERS, { n: mine }, mine % 3 === 0 ? { key: `k${mine % 5}` } : {});
        const before = await COUNTERS.get(tx, `writer-${index}`);
        const expected = before?.version ?? 'none';
        const put = await COUNTERS.put(tx, `writer-${index}`, ((before?.body ?? 0) as number) + 1, { expected });
        expect(put.kind).toBe('put');
      });
      if (lease.kind === 'held') await lease.lease.release(ctx);
      written.push(mine);
    }
  };
  const writing = Promise.all(Array.from({ length: WRITERS }, (_, index) => writer(index)));
  const begun = async (): Promise<boolean> => (await database.query(ctx, 'select from effect limit 1')).rowCount > 0;
  while (!(await begun())) await Promise.race([clock.sleep(5), writing]);

  const tables = await owner.query<{ name: string }>(
    ctx,
    `select relname::text as name from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace
        and relname ~ '^fairlead_' and relname <> 'fairlead_migration' order by 1`,
  );
  const today = await ofThisRelease();
  const next = ofTheNext(tables.rows.map(({ name }) => name));
  const { applied } = await migrate(ctx, owner, { set: 'fairlead', from: [...today, ...next] });
  upgraded = true;
  expect(applied).toHaveLength(next.length);
  await writing;

  const effects = async (what: string): Promise<number[]> => {
    const { rows } = await database.query<{ n: number }>(ctx, 'select n from effect where what = $1 order by n', [
      what,
    ]);
    return rows.map((row) => row.n);
  };
  const all = written.toSorted((a, b) => a - b);
  const patient = { timeout: 60_000, interval: 50 };
  await expect.poll(async () => (await effects('event')).length, patient).toBeGreaterThanOrEqual(all.length);
  await expect.poll(async () => (await effects('job')).length, patient).toBeGreaterThanOrEqual(all.length);
  expect(await effects('event')).toEqual(all);
  expect(await effects('job')).toEqual(all);
  const counted = await COUNTERS.list({ ctx, database }, {});
  expect(counted.docs.reduce((sum, { body }) => sum + (body as number), 0)).toBe(all.length);
  expect(subscription.state().kind).toBe('running');
  expect(working.state().kind).toBe('running');
  // Nobody was tried twice or given up: what changed under a statement was nobody's failure.
  const odd = await database.query(ctx, 'select from fairlead_job');
  const parked = await database.query(ctx, 'select from fairlead_parked_event');
  expect([odd.rowCount, parked.rowCount]).toEqual([0, 0]);
  // This release leaves the tables as they are, and says so.
  expect((await migrate(ctx, owner, { set: 'fairlead', from: today })).ahead).toEqual(next.map(({ name }) => name));
});
