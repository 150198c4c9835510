import { mkdtemp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PGlite } from '@electric-sql/pglite';
import { createContext, realClock, realRandom } from '@fairlead/core';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Database } from '../database.ts';
import { migrateStore } from '../migrate/migrate.ts';
import { pgliteDatabase } from '../pglite/index.ts';
import { openDatabase } from '../postgres/postgres-database.ts';
import { testDatabase } from '../testing/index.ts';
import { archiveLog } from './log-archive.ts';
import { restoreLogArchive } from './log-archive-restore.ts';
import { beginLogEpoch, epochAt, logEpoch } from './log-epoch.ts';
import { logReader } from './log-reader.ts';
import { trimLog } from './log-trim.ts';
import { append } from './log.ts';

const clock = realClock();
const ctx = createContext({ clock, random: realRandom() });

let directory = '';
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'log-archive-'));
});
afterEach(() => rm(directory, { recursive: true }));

const add = (database: Database, stream: string, ...data: unknown[]) =>
  database.tx(ctx, (tx) =>
    append(
      tx,
      stream,
      'any',
      data.map((each) => ({ type: 'note.made', key: stream, data: each })),
    ),
  );

/** Two streams, a gap at 4, and text that is awkward in any format. */
async function filled(database: Database): Promise<void> {
  await add(database, 'note-1', { text: 'nul \u0000, "quoted" \\ line\n\u2028 ✓' }, null, 3.5);
  await database.query(ctx, `select nextval('fairlead_log_position')`);
  await add(database, 'note-2', 'five', 'six');
}

const ROWS = 'select row_to_json(l)::text as row from fairlead_log l order by position';
const all = async (database: Database) => (await database.query(ctx, ROWS)).rows;
const options = () => ({ directory, service: 'orders' });

test('what was archived and trimmed comes back as it was, and the log begins where it did', async () => {
  await using held = await testDatabase();
  const { database } = held;
  await filled(database);
  const before = await all(database);
  const archived = await archiveLog(ctx, database, { ...options(), eventsPerFile: 2 });
  expect(archived).toMatchObject({ events: 5, through: 6n });
  expect(archived.files).toHaveLength(3);
  expect((await stat(archived.files[0]!)).mode & 0o777).toBe(0o600);
  await trimLog(ctx, database, { cursors: async () => [{ name: 'archive', position: archived.through }] });
  expect(await all(database)).toEqual([]);
  await add(database, 'note-1', 'later');

  expect(await restoreLogArchive(ctx, database, options())).toEqual({ events: 5, after: 0n });
  expect((await all(database)).slice(0, 5)).toEqual(before);
  const reader = logReader(database);
  const events = [
    ...(await reader.read(ctx, { after: 0n, limit: 10 })),
    ...(await reader.read(ctx, { after: 3n, limit: 10 })),
  ];
  expect(events.map(({ position, version }) => [position, version])).toEqual([
    [1n, 1],
    [2n, 2],
    [3n, 3],
    [5n, 1],
    [6n, 2],
    [7n, 4],
  ]);
  // Again: everything is there.
  expect(await restoreLogArchive(ctx, database, options())).toEqual({ events: 0, after: 0n });
});

test('a run goes on where the last one ended, whatever it left half-written, and one with nothing new writes nothing', async () => {
  await using held = await testDatabase();
  const { database } = held;
  await filled(database);
  expect(await archiveLog(ctx, database, { ...options(), through: 3n })).toMatchObject({ events: 3, through: 3n });
  await writeFile(join(directory, 'crashed.log.gz.1234.part'), 'half a file');
  expect(await archiveLog(ctx, database, options())).toMatchObject({ events: 2, through: 6n });
  expect(await archiveLog(ctx, database, options())).toMatchObject({ files: [], events: 0, through: 6n });
  expect((await readdir(directory)).filter((name) => name.endsWith('.gz'))).toEqual([
    '0000000000000000001-0000000000000000003.log.gz',
    '0000000000000000004-0000000000000000006.log.gz',
  ]);
});

test('a part of the archive can be restored, and a log that was trimmed within a file is filled up to there', async () => {
  await using held = await testDatabase();
  const { database } = held;
  await filled(database);
  await archiveLog(ctx, database, { ...options(), eventsPerFile: 2 });
  const whole = await all(database);
  await trimLog(ctx, database, { through: 3n, cursors: async () => [] });
  // The second file has 3 and 5, of which only 3 is gone.
  expect(await restoreLogArchive(ctx, database, { ...options(), after: 2n })).toEqual({ events: 1, after: 2n });
  expect(await all(database)).toEqual(whole.slice(2));
});

test('a new log is given the whole archive, with positions, epoch and the versions of its streams', async () => {
  await using held = await testDatabase();
  await filled(held.database);
  await archiveLog(ctx, held.database, { ...options(), eventsPerFile: 2 });
  await using fresh = await testDatabase();
  await using owner = openDatabase({ url: fresh.ownerUrl, name: 'owner', clock, transactionTimeoutMs: 0 });

  expect(await restoreLogArchive(ctx, owner, options())).toEqual({ events: 5, after: 0n });
  expect(await all(fresh.database)).toEqual(await all(held.database));
  const cursor = { position: 6n, epoch: await logEpoch(ctx, held.database) };
  expect(await epochAt(ctx, fresh.database, cursor)).toBe(cursor.epoch);
  expect(await add(fresh.database, 'note-1', 'on')).toMatchObject({ events: [{ position: 7n, version: 4 }] });
});

test('the same on PGlite: archived, trimmed, brought back, and into a new log', async () => {
  await using pglite = await PGlite.create();
  const open = async (schema: string) => {
    const database = pgliteDatabase({ pglite, schema, name: schema, clock });
    await migrateStore(ctx, database);
    return database;
  };
  const database = await open('orders');
  await filled(database);
  const before = await all(database);
  const { through } = await archiveLog(ctx, database, { ...options(), eventsPerFile: 2 });
  const trimmed = await trimLog(ctx, database, { cursors: async () => [{ name: 'archive', position: through }] });
  expect(trimmed).toEqual({ deleted: 5, through: 6n, heldBy: undefined });
  await expect(logReader(database).read(ctx, { after: 1n, limit: 1 })).rejects.toMatchObject({ code: 'LOG_TRIMMED' });
  expect(await restoreLogArchive(ctx, database, options())).toEqual({ events: 5, after: 0n });
  expect(await all(database)).toEqual(before);

  const fresh = await open('copy');
  expect(await restoreLogArchive(ctx, fresh, options())).toEqual({ events: 5, after: 0n });
  expect(await all(fresh)).toEqual(before);
  const epoch = await logEpoch(ctx, database);
  await fresh.tx(ctx, (tx) => beginLogEpoch(tx));
  const refused = logReader(fresh).read(ctx, { after: 6n, limit: 1, epoch });
  await expect(refused).rejects.toMatchObject({ code: 'LOG_EPOCH_CHANGED' });
  expect(await epochAt(ctx, fresh, { position: 6n, epoch })).toBe(await logEpoch(ctx, fresh));
});

test('files that are cut off, changed, missing or of another log are refused before anything is restored', async () => {
  await using held = await testDatabase();
  const { database } = held;
  await filled(database);
  const { files } = await archiveLog(ctx, database, { ...options(), eventsPerFile: 2 });
  await trimLog(ctx, database, { cursors: async () => [] });
  const invalid = { code: 'ARCHIVE_INVALID' };
  await expect(restoreLogArchive(ctx, database, { directory, service: 'payments' })).rejects.toMatchObject(invalid);
  const path = files[1]!;
  const good = await readFile(path);
  const changed = Buffer.from(good);
  changed[changed.length >> 1]! ^= 0x55;
  for (const bad of [good.subarray(0, good.length - 20), changed, Buffer.from('no archive')]) {
    await writeFile(path, bad);
    await expect(restoreLogArchive(ctx, database, options())).rejects.toMatchObject(invalid);
    await expect(archiveLog(ctx, database, options())).rejects.toMatchObject(invalid);
  }
  await rm(path);
  await expect(restoreLogArchive(ctx, database, options())).rejects.toMatchObject(invalid);
  expect(await all(database)).toEqual([]);
});

test('an archive that would have a hole is not begun, and one that ends too early is not restored', async () => {
  await using held = await testDatabase();
  const { database } = held;
  await filled(database);
  await archiveLog(ctx, database, { ...options(), through: 2n });
  await trimLog(ctx, database, { through: 3n, cursors: async () => [] });
  await expect(archiveLog(ctx, database, options())).rejects.toMatchObject({ code: 'LOG_TRIMMED' });
  await expect(restoreLogArchive(ctx, database, options())).rejects.toMatchObject({ code: 'ARCHIVE_MISMATCH' });
});
