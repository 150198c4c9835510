import { readdir, readFile } from 'node:fs/promises';
import { createContext, formatTraceparent, realClock, realRandom, uuidV7 } from '@fairlead/core';
import { expect, test } from 'vitest';
import type { Database, Sql } from '../database.ts';
import { connectAdmin } from '../embedded/admin-connection.ts';
import { uniqueSuffix } from '../embedded/secret.ts';
import { logReader } from '../log/log-reader.ts';
import { append } from '../log/log.ts';
import { migrate, storeMigrations, type MigrationFile } from './migrate.ts';
import { rewriteDatabaseUrl } from '../postgres/database-url.ts';
import { openDatabase } from '../postgres/postgres-database.ts';
import { testServer } from '../testing/test-server.ts';

const clock = realClock();
const ctx = createContext({ clock, random: realRandom() });
const ROWS = 1_000_000;

/** The files of the store's set up to a number. */
async function files(last: string): Promise<MigrationFile[]> {
  const { from } = storeMigrations();
  if (!(from instanceof URL)) throw new Error('The set is a directory.');
  const names = (await readdir(from)).filter((name) => name.endsWith('.sql') && name <= last);
  return Promise.all(names.map(async (name) => ({ name, sql: await readFile(new URL(name, from), 'utf8') })));
}

/** What code of the first release sends to append and to read: its statements, word for word. */
const OLD_APPEND = 'select * from fairlead_append($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)';
const OLD_READ = `select position, stream, version, id, type, schema_version, key, data, time, tenant, subject, traceparent,
  correlation_id, causation_id, criticality from fairlead_log
  where position > $1 and ($2::bigint is null or position <= $2) order by position limit $3`;

async function oldAppend(tx: Sql, stream: string, json: string): Promise<void> {
  const trace = formatTraceparent(ctx.trace);
  const values = [stream, -1, [uuidV7(ctx)], ['a.b'], [1], ['k'], [json], null, null, trace, 'c', null, 'sheddable'];
  const { rows } = await tx.query(OLD_APPEND, values);
  expect(rows).toMatchObject([{ conflict: null }]);
}

/** What code of the release that brought jobs sends to enqueue and to store, word for word. */
const OLD_ENQUEUE = 'select fairlead_job_enqueue($1, $2, $3, $4, $5, $6, $7) as told';
const OLD_PUT = 'select conflict, stored from fairlead_doc_put($1, $2, $3, $4, $5, $6, $7)';
const JOBS = 200_000;

async function oldEnqueue(tx: Sql, id: string): Promise<void> {
  const jobs = JSON.stringify([{ id }]);
  const { rows } = await tx.query(OLD_ENQUEUE, ['old', '', '{}', 3, null, jobs, ['{}']]);
  expect(rows).toEqual([{ told: null }]);
}

/**
 * Rows of large tables that were read one after the other, by the one session of `database` among others: a migration that does it keeps
 * its locks for as long as that takes.
 */
async function scanned(database: Database): Promise<Readonly<Record<string, number>>> {
  await database.query(ctx, 'select pg_stat_force_next_flush()');
  const { rows } = await database.query<{ name: string; read: number }>(
    ctx,
    `select relname::text as name, seq_tup_read::float8 as read from pg_stat_user_tables
      where relname in ('fairlead_log', 'fairlead_stream', 'fairlead_job', 'fairlead_doc')`,
  );
  return Object.fromEntries(rows.map(({ name, read }) => [name, read]));
}

async function filled(database: Database): Promise<void> {
  await database.query(
    ctx,
    `insert into fairlead_log (position, stream, version, id, type, schema_version, key, data, time, traceparent, correlation_id, criticality)
       select nextval('fairlead_log_position'), 'old-' || n / 100, n % 100 + 1, 'id-' || n, 'a.b', 1, 'k', '{"n":1}', fairlead.now(), 't', 'c', 'sheddable'
         from generate_series(0, ${ROWS - 1}) n`,
  );
  await database.query(
    ctx,
    `insert into fairlead_stream select 'old-' || n, 100 from generate_series(0, ${ROWS / 100 - 1}) n`,
  );
}

async function filledMore(database: Database): Promise<void> {
  await database.query(
    ctx,
    `insert into fairlead_job (id, queue, tenant, state, priority, payload, origin, enqueued_at, max_attempts)
       select lpad(to_hex(n), 32, '0')::uuid, 'full', '', 'ready', 0, '{}', '{}', fairlead.now(), 1 from generate_series(1, ${JOBS}) n`,
  );
  await database.query(
    ctx,
    `insert into fairlead_doc (namespace, key, version, body, updated_at)
       select 'full', n::text, 1, '{}', fairlead.now() from generate_series(1, ${JOBS}) n`,
  );
}

test('a log of a million events is upgraded under its writers: no table is written anew, old code goes on, new code reads all', async () => {
  const { adminUrl } = await testServer();
  const name = `upgrade_${uniqueSuffix()}`;
  await using admin = await connectAdmin(adminUrl);
  await admin.run(`create database ${name}`);
  const url = rewriteDatabaseUrl(adminUrl, { database: name });
  try {
    await using owner = openDatabase({ url, name: 'owner', clock, transactionTimeoutMs: 0, maxConnections: 1 });
    await using writers = openDatabase({ url, name: 'writers', clock });
    await migrate(ctx, owner, { set: 'fairlead', from: await files('0003~') });
    await filled(owner);
    const tables = `select relname::text as name, relfilenode::text as file from pg_class
      where relname in ('fairlead_log', 'fairlead_stream', 'fairlead_lease', 'fairlead_lease_holder', 'fairlead_log_pkey') order by 1`;
    const before = (await owner.query(ctx, tables)).rows;
    const read = await scanned(owner);

    let upgraded = false;
    let acknowledged = 0;
    let longestMs = 0;
    const writer = async (index: number): Promise<void> => {
      for (let n = 0; !upgraded || n < 20; n += 1) {
        const startedAt = clock.monotonic();
        await writers.tx(ctx, (tx) => oldAppend(tx, `new-${index}`, JSON.stringify({ n })));
        longestMs = Math.max(longestMs, clock.monotonic() - startedAt);
        acknowledged += 1;
      }
    };
    const writing = Promise.all([0, 1, 2, 3].map(writer));
    const { applied } = await migrate(ctx, owner, { set: 'fairlead', from: await files('9999') });
    upgraded = true;
    await writing;
    console.info(`${applied.length} migrations beside writers: the longest append took ${longestMs.toFixed(0)} ms`);

    expect(applied[0]).toBe('0004_log.sql');
    expect((await owner.query(ctx, tables)).rows).toEqual(before);
    expect(await scanned(owner)).toMatchObject(read);
    // Old code still reads what new code wrote, and new code what old code wrote.
    await writers.tx(ctx, (tx) => append(tx, 'newest', 'none', [{ type: 'a.b', key: 'k', data: { n: 'new' } }]));
    const seen = await logReader(writers).read(ctx, { after: BigInt(ROWS), limit: acknowledged + 10 });
    expect(seen.filter(({ stream }) => stream.startsWith('new-'))).toHaveLength(acknowledged);
    expect(seen.at(-1)).toMatchObject({ stream: 'newest', data: { n: 'new' } });
    const { rows } = await writers.query(ctx, OLD_READ, [ROWS, null, acknowledged + 10]);
    expect(rows.at(-1)).toMatchObject({ stream: 'newest', data: { n: 'new' } });
    expect(rows).toHaveLength(acknowledged + 1);
  } finally {
    await admin.run(`drop database if exists ${name} with (force)`);
  }
});

test('hundreds of thousands of jobs and documents, and a million events, are upgraded under those who write them: no table is read through or written anew under a lock', async () => {
  const { adminUrl } = await testServer();
  const name = `upgrade_${uniqueSuffix()}`;
  await using admin = await connectAdmin(adminUrl);
  await admin.run(`create database ${name}`);
  const url = rewriteDatabaseUrl(adminUrl, { database: name });
  try {
    await using writers = openDatabase({ url, name: 'writers', clock });
    // One session, whose statistics can be asked for when it has done its work.
    await using owner = openDatabase({ url, name: 'owner', clock, transactionTimeoutMs: 0, maxConnections: 1 });
    await migrate(ctx, owner, { set: 'fairlead', from: await files('0010~') });
    await filled(owner);
    await filledMore(owner);
    const tables = `select relname::text as name, relfilenode::text as file from pg_class
      where relname in ('fairlead_log', 'fairlead_stream', 'fairlead_job', 'fairlead_doc') order by 1`;
    const files0 = (await owner.query(ctx, tables)).rows;
    const before = await scanned(owner);

    let upgraded = false;
    const enqueued: string[] = [];
    let stored = 0;
    const writing = Promise.all(
      [0, 1].map(async (index) => {
        for (let n = 0; !upgraded || n < 20; n += 1) {
          const id = uuidV7(ctx);
          await writers.tx(ctx, async (tx) => {
            await oldEnqueue(tx, id);
            await tx.query(OLD_PUT, ['mine', null, `k-${index}`, -1, JSON.stringify(n), null, null]);
          });
          enqueued.push(id);
          stored = Math.max(stored, n);
        }
      }),
    );
    const { applied } = await migrate(ctx, owner, { set: 'fairlead', from: await files('9999') });
    upgraded = true;
    await writing;
    expect(applied[0]).toBe('0011_private_events.sql');
    expect(await scanned(owner)).toEqual(before);
    expect((await owner.query(ctx, tables)).rows).toEqual(files0);
    const { rows } = await writers.query(ctx, 'select id::text as id from fairlead_job where queue = $1 order by seq', [
      'old',
    ]);
    expect(new Set(rows.map(({ id }) => id))).toEqual(new Set(enqueued));
    expect(stored).toBeGreaterThan(0);
  } finally {
    await admin.run(`drop database if exists ${name} with (force)`);
  }
});
