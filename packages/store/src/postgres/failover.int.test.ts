import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createContext, isError, realClock, realRandom } from '@fairlead/core';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Database } from '../database.ts';
import { connectAdmin } from '../embedded/admin-connection.ts';
import { startPostgres, type EmbeddedPostgres } from '../embedded/start-postgres.ts';
import { openDatabase } from './postgres-database.ts';

const clock = realClock();
const random = realRandom();
const ctx = createContext({ clock, random });

let folder: string;
let server: EmbeddedPostgres;
const start = (): Promise<EmbeddedPostgres> =>
  startPostgres({ dataDir: join(folder, 'data'), socketDir: join(folder, 's'), settings: { fsync: 'off' } });

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'flover-'));
  mkdirSync(join(folder, 's'), { mode: 0o700 });
  server = await start();
});
afterEach(async () => {
  await server.close({ graceMs: 0 });
  rmSync(folder, { recursive: true, force: true });
});

const open = (maxConnections: number): Database =>
  openDatabase({ url: server.adminUrl, name: 'failover', clock, maxConnections });

/** What writers were told of their rows. */
interface Told {
  readonly acknowledged: Set<number>;
  readonly refused: Set<number>;
  readonly doubtful: Set<number>;
}

/** Writes rows one after another until told to stop, as transactions or on their own, and notes what it was told. */
async function write(database: Database, told: Told, next: () => number | undefined): Promise<void> {
  for (let id = next(); id !== undefined; id = next()) {
    const row = id;
    const insert = 'insert into written (id) values ($1)';
    try {
      if (row % 2 === 0) await database.query(ctx, insert, [row]);
      else await database.tx(ctx, (tx) => tx.query(insert, [row]));
      told.acknowledged.add(row);
    } catch (error) {
      if (isError(error, 'COMMIT_UNKNOWN')) told.doubtful.add(row);
      else if (isError(error, 'DATABASE_UNAVAILABLE')) told.refused.add(row);
      else throw error;
      await clock.sleep(5, ctx.signal);
    }
  }
}

test('servers that crash, are killed and come back lose nothing that was acknowledged and keep nothing that was refused', async () => {
  await using database = open(6);
  await database.query(ctx, 'create table written (id integer primary key)');
  const told: Told = { acknowledged: new Set(), refused: new Set(), doubtful: new Set() };
  let id = 0;
  let writing = true;
  const next = (): number | undefined => (writing ? (id += 1) : undefined);
  const writers = Array.from({ length: 6 }, () => write(database, told, next));
  const more = async (): Promise<void> => {
    const enough = told.acknowledged.size + 50;
    while (told.acknowledged.size < enough) await clock.sleep(2, ctx.signal);
  };

  for (let round = 0; round < 3; round += 1) {
    await more();
    // A process of the server dies: the postmaster ends all the others and recovers.
    const victim = await database.query(ctx, `select pid from pg_stat_activity where query like 'insert%' limit 1`);
    const pid = victim.rows[0]?.['pid'];
    if (pid !== undefined) process.kill(Number(pid), 'SIGKILL');
    await more();
    // An immediate shutdown, as of a machine that is lost, and a start that has to recover.
    process.kill(server.pid, 'SIGQUIT');
    await server.exited;
    await server.close({ graceMs: 0 });
    server = await start();
  }
  await more();
  writing = false;
  await Promise.all(writers);

  const { rows } = await database.query<{ id: number }>(ctx, 'select id from written');
  const there = new Set(rows.map((row) => row.id));
  expect([...told.acknowledged].filter((row) => !there.has(row))).toEqual([]);
  expect([...told.refused].filter((row) => there.has(row))).toEqual([]);
  expect([...there].filter((row) => !told.acknowledged.has(row) && !told.doubtful.has(row))).toEqual([]);
});

test('a standby refuses writes as unavailable, answers reads, and writes by the same pool once it is the primary', async () => {
  await using before = open(1);
  await before.query(ctx, 'create table written (id integer primary key)');
  await before.close();
  await server.close({ graceMs: 0 });
  writeFileSync(join(folder, 'data', 'postgres', 'standby.signal'), '');
  server = await start();
  await using database = open(2);
  const insert = 'insert into written (id) values ($1)';
  const unavailable = { code: 'DATABASE_UNAVAILABLE', message: expect.stringContaining('takes no writes') };
  for (let round = 0; round < 2; round += 1) {
    await expect(database.tx(ctx, (tx) => tx.query(insert, [1]))).rejects.toMatchObject(unavailable);
    await expect(database.tx(ctx, (tx) => tx.query('insert into written values (1)'))).rejects.toMatchObject(
      unavailable,
    );
    await expect(database.query(ctx, insert, [1])).rejects.toMatchObject(unavailable);
    expect((await database.query(ctx, 'select * from written')).rowCount).toBe(0);
    const reading = database.tx(ctx, (tx) => tx.query('select * from written'), { readOnly: true });
    expect((await reading).rowCount).toBe(0);
  }
  // What only reads may not write, and that is nobody's unavailability.
  await expect(database.tx(ctx, (tx) => tx.query(insert, [1]), { readOnly: true })).rejects.toMatchObject({
    code: '25006',
  });
  await using admin = await connectAdmin(server.adminUrl);
  await admin.run('select pg_promote()');
  await database.tx(ctx, (tx) => tx.query(insert, [1]));
  expect((await database.query(ctx, insert, [2])).rowCount).toBe(1);
});
