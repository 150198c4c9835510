import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createContext, realClock, realRandom } from '@fairlead/core';
import { expect, test } from 'vitest';
import type { Database } from '../database.ts';
import { testDatabase } from '../testing/index.ts';
import { archiveLog } from './log-archive.ts';
import { restoreLogArchive } from './log-archive-restore.ts';
import { logReader } from './log-reader.ts';
import { readStream } from './stream-reader.ts';
import { trimLog } from './log-trim.ts';
import { append } from './log.ts';

const ctx = createContext({ clock: realClock(), random: realRandom() });

const add = (database: Database, ...data: unknown[]) =>
  database.tx(ctx, (tx) =>
    append(
      tx,
      'note-1',
      'any',
      data.map((each) => ({ type: 'note.made', key: '1', data: each })),
    ),
  );

const nobody = async () => [];
const at =
  (position: bigint, name = 'mail') =>
  async () => [
    { name: 'fast', position: 1_000n },
    { name, position },
  ];

test('events up to a position go in batches; the rest, versions and positions stay', async () => {
  await using held = await testDatabase();
  const { database } = held;
  await add(database, 1, 2, 3, 4, 5);
  expect(await trimLog(ctx, database, { through: 3n, cursors: nobody, batch: 2 })).toEqual({
    deleted: 3,
    through: 3n,
    heldBy: undefined,
  });
  expect(await add(database, 6)).toMatchObject({ events: [{ position: 6n, version: 6 }] });
  const events = await logReader(database).read(ctx, { after: 3n, limit: 10 });
  expect(events.map(({ data }) => data)).toEqual([4, 5, 6]);
  // Again: nothing is left to do, and nothing comes back.
  expect(await trimLog(ctx, database, { through: 2n, cursors: nobody })).toMatchObject({ deleted: 0, through: 3n });
});

test('nothing goes that a cursor has not passed, and the result says whose it is', async () => {
  await using held = await testDatabase();
  await add(held.database, 1, 2, 3);
  const result = await trimLog(ctx, held.database, { cursors: at(2n) });
  expect(result).toEqual({ deleted: 2, through: 2n, heldBy: 'mail' });
  expect(await trimLog(ctx, held.database, { cursors: at(2n) })).toMatchObject({ deleted: 0, heldBy: 'mail' });
  expect(await trimLog(ctx, held.database, { cursors: at(3n) })).toEqual({
    deleted: 1,
    through: 3n,
    heldBy: undefined,
  });
});

test('a reader that begins before what is kept is told, or begins there when it was asked to', async () => {
  await using held = await testDatabase();
  const { database } = held;
  await add(database, 1, 2, 3, 4);
  await trimLog(ctx, database, { through: 2n, cursors: nobody });
  await expect(logReader(database).read(ctx, { after: 1n, limit: 10 })).rejects.toMatchObject({
    code: 'LOG_TRIMMED',
    details: { through: '2' },
  });
  const skipping = logReader(database, { trimmed: 'skip' });
  for (const after of [0n, 1n, 2n]) {
    expect((await skipping.read(ctx, { after, limit: 10 })).map(({ data }) => data)).toEqual([3, 4]);
  }
});

test('events of before a time go, and the first younger one stops it', async () => {
  await using held = await testDatabase();
  const { database } = held;
  const appendAt = (iso: string) =>
    database.tx(ctx, async (tx) => {
      await tx.query(`select set_config('fairlead.now', $1, true)`, [iso]);
      await append(tx, 'note-1', 'any', [{ type: 'note.made', key: '1', data: iso }]);
    });
  for (const day of ['01', '03', '02', '04']) await appendAt(`2026-01-${day}T00:00:00Z`);
  const before = Date.parse('2026-01-03T00:00:00Z');
  // The third is old enough, but younger than nothing that is kept before it.
  expect(await trimLog(ctx, database, { before, cursors: nobody })).toMatchObject({ deleted: 1, through: 1n });
  expect(await trimLog(ctx, database, { before: before + 1, cursors: nobody })).toMatchObject({ deleted: 2 });
  expect(await trimLog(ctx, database, { before: before + 1, through: 9n, cursors: nobody })).toMatchObject({
    deleted: 0,
  });
});

test('a gap whose writer is under way is not trimmed away over its head', async () => {
  await using held = await testDatabase();
  const { database } = held;
  await add(database, 1);
  const drawn = Promise.withResolvers<void>();
  const end = Promise.withResolvers<void>();
  const slow = database.tx(ctx, async (tx) => {
    await append(tx, 'slow-1', 'any', [{ type: 'note.made', key: '1', data: 'slow' }]);
    drawn.resolve();
    await end.promise;
  });
  await drawn.promise;
  await add(database, 3);
  expect((await trimLog(ctx, database, { cursors: nobody })).through).toBeLessThan(2n);
  end.resolve();
  await slow;
  expect(await trimLog(ctx, database, { cursors: nobody })).toMatchObject({ through: 3n });
});

test('categories that are kept stay readable by stream, whatever goes around them, and an archive is restored around them', async () => {
  await using held = await testDatabase();
  const { database } = held;
  const keeping = (n: number) =>
    database.tx(ctx, (tx) => append(tx, 'seat-7A', 'any', [{ type: 'seat.held', key: '7A', data: n }]));
  await add(database, 1, 2, 3);
  await keeping(4);
  await keeping(5);
  await add(database, 6);
  await database.tx(ctx, (tx) => append(tx, 'seats', 'any', [{ type: 'seat.counted', key: '7A', data: 7 }]));
  const directory = await mkdtemp(join(tmpdir(), 'log-trim-'));
  try {
    const archive = { directory, service: 'test' };
    await archiveLog(ctx, database, archive);
    expect(await trimLog(ctx, database, { cursors: nobody, batch: 2, keep: ['seat'] })).toEqual({
      deleted: 5,
      through: 7n,
      heldBy: undefined,
    });
    const seat = await readStream({ ctx, database }, 'seat-7A');
    expect(seat.map(({ data, version }) => [data, version])).toEqual([
      [4, 1],
      [5, 2],
    ]);
    expect(await readStream({ ctx, database }, 'note-1')).toEqual([]);
    expect(await logReader(database).read(ctx, { after: 7n, limit: 10 })).toEqual([]);
    await expect(logReader(database).read(ctx, { after: 3n, limit: 10 })).rejects.toMatchObject({
      code: 'LOG_TRIMMED',
    });
    expect(await trimLog(ctx, database, { cursors: nobody, keep: ['seat'] })).toMatchObject({ deleted: 0 });

    expect(await restoreLogArchive(ctx, database, archive)).toEqual({ events: 5, after: 0n });
    const all = await logReader(database).read(ctx, { after: 0n, limit: 10 });
    expect(all.map(({ data }) => data)).toEqual([1, 2, 3, 4, 5, 6, 7]);
  } finally {
    await rm(directory, { recursive: true });
  }
});
