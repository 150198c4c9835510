import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createContext, realClock, realRandom } from '@fairlead/core';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { rewriteDatabaseUrl } from '../postgres/database-url.ts';
import type { Database } from '../database.ts';
import { connectAdmin } from '../embedded/admin-connection.ts';
import { provision } from '../embedded/provision.ts';
import { uniqueSuffix } from '../embedded/secret.ts';
import { epochAt, logEpoch } from '../log/log-epoch.ts';
import { append } from '../log/log.ts';
import { logReader } from '../log/log-reader.ts';
import { leases } from '../lease/leases.ts';
import { migrate, storeMigrations, type MigrateOptions, type MigrationFile } from '../migrate/migrate.ts';
import { openDatabase } from '../postgres/postgres-database.ts';
import { testDatabase } from '../testing/index.ts';
import { backupDatabase, replaceDatabase, restoreDatabase } from './index.ts';

const clock = realClock();
const ctx = createContext({ clock, random: realRandom() });

const SHAPES: MigrationFile = {
  name: '0001_shapes.sql',
  sql: `
    create table parent (id bigint generated always as identity primary key, boss bigint references parent);
    create table child (id integer primary key, parent bigint not null references parent);
    alter table parent add column favourite integer references child deferrable initially deferred;
    create table shape (
      flag boolean, small smallint, big bigint, real real, double double precision, exact numeric, words text,
      code char(5), bytes bytea, day date, at timestamptz, span interval, document json, indexed jsonb,
      list text[], doubled bigint generated always as (big * 2) stored, kind "char"
    );
    create table seen (what text);
    create function note() returns trigger language plpgsql as $$ begin insert into seen values ('trigger'); return new; end $$;
    create trigger note after insert on child for each row execute function note();
    create table seed (id integer primary key);
    insert into seed values (1), (2);
    create materialized view big_ones as select big from shape where big > 1;
  `,
};
const LATER: MigrationFile = { name: '0002_later.sql', sql: 'alter table seed add column note text' };
const sets = (...files: MigrationFile[]): readonly MigrateOptions[] => [
  storeMigrations(),
  { set: 'orders', from: files },
];

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'backup-test-'));
});
afterEach(() => rm(folder, { recursive: true }));

/** An empty database with its owner's connection. */
async function empty(): Promise<{ owner: Database } & AsyncDisposable> {
  const held = await testDatabase();
  const url = rewriteDatabaseUrl(held.ownerUrl, { database: `test_${uniqueSuffix()}` });
  const name = new URL(url).pathname.slice(1);
  await using admin = await connectAdmin(held.adminUrl);
  await admin.run(`create database ${name} owner test_owner template template0`);
  const owner = openDatabase({ url, name: 'orders', clock, transactionTimeoutMs: 0 });
  return {
    owner,
    async [Symbol.asyncDispose]() {
      await owner.close({ graceMs: 0 });
      await using again = await connectAdmin(held.adminUrl);
      await again.run(`drop database ${name} with (force)`);
      await held[Symbol.asyncDispose]();
    },
  };
}

async function filled() {
  const source = await empty();
  for (const set of sets(SHAPES)) await migrate(ctx, source.owner, set);
  await source.owner.tx(ctx, async (tx) => {
    await tx.query(`insert into parent (boss) values (null), (1), (1); delete from parent where id = 3`);
    await tx.query(`insert into child values (7, 2); update parent set favourite = 7 where id = 1`);
    await tx.query(
      `insert into shape values
        (true, -1, 9007199254740993, 0.1, 1e-300, 1.10, E'a "quoted"\\n\\\\ line\\u2028 ü', 'ab', '\\x00ff', 'infinity',
         '2026-02-03 04:05:06.789012+00', '1 mon -3 days 00:00:01.5', '{"b": 1,  "a": 2}', '{"b": 1, "a": [null]}',
         array['x', null, '{"'], default, 'z'),
        (null, null, null, 'NaN', '-infinity', 'NaN', '', null, '', null, null, null, 'null', null, '{}', default, null)`,
    );
    await tx.query(`insert into shape (big) select generate_series(1, 1000); delete from seed where id = 1`);
    await append(tx, 'order-1', 'none', [{ type: 'placed', key: '1', data: { n: 1 } }]);
    await append(tx, 'order-2', 'none', [{ type: 'placed', key: '2', data: { n: 2 } }]);
  });
  await source.owner.query(ctx, 'refresh materialized view big_ones');
  return source;
}

const ROWS = `select (select json_agg(s)::text from shape s) as shapes, (select json_agg(p)::text from parent p) as parents,
  (select json_agg(l)::text from fairlead_log l) as log, (select count(*)::text from seen) as seen,
  (select json_agg(s)::text from seed s) as seeds, (select count(*)::text from big_ones) as big`;

test('a restored database has every value, sequence, constraint and trigger of the one that was backed up', async () => {
  await using source = await filled();
  await using target = await empty();
  const file = join(folder, 'orders.backup');
  const { rows } = await backupDatabase(ctx, source.owner, { service: 'orders', file });
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  expect(await readdir(folder)).toEqual(['orders.backup']);

  const restored = await restoreDatabase(ctx, target.owner, { file, service: 'orders', sets: sets(SHAPES) });
  expect(restored).toMatchObject({ rows, forgotten: 0n });
  expect((await target.owner.query(ctx, ROWS)).rows).toEqual((await source.owner.query(ctx, ROWS)).rows);
  // Sequences, keys and triggers live on.
  const { rows: next } = await target.owner.query(ctx, 'insert into parent (boss) values (1) returning id');
  expect(next).toEqual([{ id: '4' }]);
  await expect(target.owner.query(ctx, 'insert into child values (8, 99)')).rejects.toMatchObject({ code: '23503' });
  await target.owner.query(ctx, 'insert into child values (8, 2)');
  expect((await target.owner.query(ctx, 'select count(*)::int as n from seen')).rows).toEqual([{ n: 2 }]);
});

test('no lease outlasts a restore, and the next token is above those that were given after the backup', async () => {
  await using source = await filled();
  await using target = await empty();
  const file = join(folder, 'orders.backup');
  const shared = { clock, random: realRandom(), ttlMs: 600_000 };
  await using before = leases({ ...shared, database: source.owner, holder: 'orders-1' });
  const first = await before.acquire(ctx, 'mail');
  await backupDatabase(ctx, source.owner, { service: 'orders', file });
  if (first.kind === 'held') await first.lease.release(ctx);
  const later = await before.acquire(ctx, 'mail');

  await restoreDatabase(ctx, target.owner, { file, service: 'orders', sets: sets(SHAPES) });
  await using after = leases({ ...shared, database: target.owner, holder: 'orders-2' });
  const again = await after.acquire(ctx, 'mail');
  if (later.kind !== 'held' || again.kind !== 'held') throw new Error('taken');
  expect(again.lease.token).toBeGreaterThan(later.lease.token);
});

test('a restore begins an epoch of the log: who had read beyond the backup is told where the two part', async () => {
  await using source = await filled();
  await using target = await empty();
  const file = join(folder, 'orders.backup');
  await backupDatabase(ctx, source.owner, { service: 'orders', file });
  const epoch = await logEpoch(ctx, source.owner);
  await source.owner.tx(ctx, (tx) => append(tx, 'order-3', 'none', [{ type: 'placed', key: '3', data: {} }]));

  await restoreDatabase(ctx, target.owner, { file, service: 'orders', sets: sets(SHAPES) });
  const after = await epochAt(ctx, target.owner, { position: 2n, epoch });
  expect(after).toBe(await logEpoch(ctx, target.owner));
  expect(after).not.toBe(epoch);
  await expect(epochAt(ctx, target.owner, { position: 3n, epoch })).rejects.toMatchObject({
    code: 'LOG_EPOCH_CHANGED',
    details: { partedAt: '2' },
  });
});

test('a backup is one moment: what is written meanwhile is not in it, and holds nobody up', async () => {
  await using source = await filled();
  await using target = await empty();
  const file = join(folder, 'orders.backup');
  // A writer who has written and not committed when the snapshot is taken.
  const written = Promise.withResolvers<void>();
  const taken = Promise.withResolvers<void>();
  const writer = source.owner.tx(ctx, async (tx) => {
    await append(tx, 'order-3', 'none', [{ type: 'placed', key: '3', data: {} }]);
    written.resolve();
    await taken.promise;
  });
  await written.promise;
  await backupDatabase(ctx, source.owner, { service: 'orders', file });
  taken.resolve();
  await writer;
  await restoreDatabase(ctx, target.owner, { file, service: 'orders', sets: sets(SHAPES) });
  expect(await logReader(target.owner).read(ctx, { after: 0n, limit: 10 })).toHaveLength(2);
  // Its position was drawn, and is not drawn again.
  const event = await target.owner.tx(ctx, (tx) => append(tx, 'order-4', 'none', [{ type: 'x', key: '4', data: {} }]));
  expect(event).toMatchObject({ kind: 'appended', events: [{ position: 4n }] });
});

test('the log goes on above what others have seen, so that nothing it will say is passed over', async () => {
  await using source = await filled();
  await using target = await empty();
  const file = join(folder, 'orders.backup');
  await backupDatabase(ctx, source.owner, { service: 'orders', file });
  const options = { file, service: 'orders', sets: sets(SHAPES), logFloor: 12n };
  expect((await restoreDatabase(ctx, target.owner, options)).forgotten).toBe(10n);
  await target.owner.tx(ctx, (tx) => append(tx, 'order-9', 'none', [{ type: 'x', key: '9', data: {} }]));
  const events = await logReader(target.owner).read(ctx, { after: 12n, limit: 10 });
  expect(events.map((event) => event.position)).toEqual([13n]);
});

test('a backup with other migrations than this code, or of another service, is refused with what to do', async () => {
  await using source = await filled();
  await using target = await empty();
  const file = join(folder, 'orders.backup');
  await migrate(ctx, source.owner, { set: 'orders', from: [SHAPES, LATER] });
  await backupDatabase(ctx, source.owner, { service: 'orders', file });
  const attempt = (service: string, ...files: MigrationFile[]) =>
    restoreDatabase(ctx, target.owner, { file, service, sets: sets(...files) });
  await expect(attempt('orders', SHAPES)).rejects.toThrow(/0002_later\.sql of the set orders.*does not have/);
  await expect(attempt('orders', SHAPES, { ...LATER, sql: 'select 1' })).rejects.toThrow(/another text of 0002_later/);
  await expect(attempt('payments', SHAPES, LATER)).rejects.toThrow(/is of "orders", not of "payments"/);
  // Nothing had been done: the right call succeeds, and applies what the backup had, not what is newer.
  await attempt('orders', SHAPES, LATER, { name: '0003_newest.sql', sql: 'create table newest ()' });
  expect((await target.owner.query(ctx, `select to_regclass('newest') as t`)).rows).toEqual([{ t: null }]);
});

test('a file that was cut off, changed, or is none at all is refused before anything is done', async () => {
  await using source = await filled();
  await using target = await empty();
  const file = join(folder, 'orders.backup');
  await backupDatabase(ctx, source.owner, { service: 'orders', file });
  const text = await readFile(file, 'utf8');
  const lines = text.split('\n');
  for (const broken of [
    text.slice(0, text.length / 2),
    lines.toSpliced(-2, 1).join('\n'),
    text.replace('order-1', 'order-7'),
    lines.toSpliced(3, 1).join('\n'),
    text.replace('"format":1', '"format":2'),
    'hello\n',
    '',
  ]) {
    await writeFile(file, broken);
    const restored = restoreDatabase(ctx, target.owner, { file, service: 'orders', sets: sets(SHAPES) });
    await expect(restored).rejects.toMatchObject({ code: 'BACKUP_INVALID' });
  }
  const nowhere = restoreDatabase(ctx, target.owner, { file: `${file}.x`, service: 'orders', sets: sets(SHAPES) });
  await expect(nowhere).rejects.toMatchObject({ code: 'BACKUP_INVALID' });
  expect((await target.owner.query(ctx, `select to_regclass('fairlead_log') as t`)).rows).toEqual([{ t: null }]);
});

test('a backup that fails leaves the file that was there', async () => {
  await using source = await filled();
  const file = join(folder, 'orders.backup');
  await writeFile(file, 'the last one');
  await source.owner.query(ctx, `create view spoiled as select 1; alter table shape rename column big to "large"`);
  using late = ctx.withTimeout(0);
  await expect(backupDatabase(late, source.owner, { service: 'orders', file })).rejects.toThrow();
  await expect(
    backupDatabase(ctx, source.owner, { service: 'orders', file: join(folder, 'no', 'where') }),
  ).rejects.toThrow();
  expect(await readFile(file, 'utf8')).toBe('the last one');
  expect(await readdir(folder)).toEqual(['orders.backup']);
});

test('a database is replaced by one rename, keeps its rights, and stays when filling the new one fails', async () => {
  await using held = await testDatabase();
  const name = `s_${uniqueSuffix()}`;
  const { services } = await provision(ctx, held.adminUrl, { services: [{ name, uses: [] }] });
  const urls = services.get(name)!;
  const options = { adminUrl: held.adminUrl, ownerUrl: urls.ownerUrl, name, runtimeRoles: [name] };
  const run = async (url: string, sql: string) => {
    await using connection = await connectAdmin(url);
    return await connection.run(sql);
  };
  await run(urls.ownerUrl, "create table mark (v text); insert into mark values ('first')");

  const failing = replaceDatabase(ctx, options, () => Promise.reject(new Error('no space')));
  await expect(failing).rejects.toThrow('no space');
  expect(await run(urls.runtimeUrl, 'select v from mark')).toEqual([{ v: 'first' }]);

  {
    await using busy = await connectAdmin(urls.runtimeUrl);
    await busy.run('select 1');
    await expect(replaceDatabase(ctx, options, async () => {})).rejects.toMatchObject({ code: 'DATABASE_IN_USE' });
  }
  const fill = (url: string) => run(url, `create table mark (v text); insert into mark values ('second')`);
  await expect
    .poll(
      () =>
        replaceDatabase(ctx, options, fill).then(
          () => 'replaced',
          (error: Error) => error.message,
        ),
      { timeout: 20_000 },
    )
    .toBe('replaced');
  expect(await run(urls.runtimeUrl, 'select v from mark')).toEqual([{ v: 'second' }]);
  const left = await run(
    held.adminUrl,
    `select datname::text as d from pg_database where datname like '${name}%' order by 1`,
  );
  expect(left).toEqual([{ d: name }, { d: `${name}_old` }]);
  await run(held.adminUrl, `drop database "${name}"`);
  await run(held.adminUrl, `drop database "${name}_old"`);
});
