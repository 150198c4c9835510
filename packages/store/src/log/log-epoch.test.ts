import { createContext, realClock, realRandom } from '@fairlead/core';
import { expect, test } from 'vitest';
import type { Database } from '../database.ts';
import { connectAdmin } from '../embedded/admin-connection.ts';
import { testDatabase } from '../testing/index.ts';
import { beginLogEpoch, epochAt, logEpoch, type LogCursor } from './log-epoch.ts';
import { logReader } from './log-reader.ts';
import { append } from './log.ts';

const ctx = createContext({ clock: realClock(), random: realRandom() });

const add = (database: Database, data: string) =>
  database.tx(ctx, (tx) => append(tx, 'note-1', 'any', [{ type: 'note.made', key: '1', data }]));

const resume = (database: Database, cursor: LogCursor) => epochAt(ctx, database, cursor);

/** The log as after a restore: what is above `position` never was. */
async function rewind(ownerUrl: string, database: Database, position: number): Promise<void> {
  await using owner = await connectAdmin(ownerUrl);
  await owner.run(`delete from fairlead_log where position > ${position}`);
  await owner.run(`update fairlead_stream set version = ${position}`);
  await owner.run(`select setval('fairlead_log_position', ${position})`);
  await database.tx(ctx, (tx) => beginLogEpoch(tx));
}

test('a cursor that knows events which a restore has undone is refused, with the position to go on from', async () => {
  await using held = await testDatabase();
  const reader = logReader(held.database);
  for (const data of ['a', 'b', 'c']) await add(held.database, data);
  const before = await logEpoch(ctx, held.database);
  await rewind(held.ownerUrl, held.database, 1);

  // Nothing to read there yet, and refused all the same: what comes next would be taken for the events after 3.
  const refused = { code: 'LOG_EPOCH_CHANGED' };
  await expect(reader.read(ctx, { after: 3n, limit: 10, epoch: before })).rejects.toMatchObject(refused);
  for (const data of ['B', 'C', 'D']) await add(held.database, data);
  await expect(reader.read(ctx, { after: 3n, limit: 10, epoch: before })).rejects.toMatchObject(refused);
  await expect(resume(held.database, { position: 3n, epoch: before })).rejects.toMatchObject({
    ...refused,
    details: { partedAt: '1' },
  });
  const epoch = await logEpoch(ctx, held.database);
  const events = await reader.read(ctx, { after: 1n, limit: 10, epoch });
  expect(events.map(({ data }) => data)).toEqual(['B', 'C', 'D']);
});

test('a cursor of an older epoch that is not beyond where it ended goes on in the current one', async () => {
  await using held = await testDatabase();
  for (const data of ['a', 'b', 'c']) await add(held.database, data);
  const first = await logEpoch(ctx, held.database);
  await rewind(held.ownerUrl, held.database, 2);
  const second = await logEpoch(ctx, held.database);
  await rewind(held.ownerUrl, held.database, 1);
  const third = await logEpoch(ctx, held.database);

  expect(new Set([first, second, third]).size).toBe(3);
  for (const epoch of [first, second]) {
    expect(await resume(held.database, { position: 1n, epoch })).toBe(third);
    await expect(resume(held.database, { position: 2n, epoch })).rejects.toMatchObject({ details: { partedAt: '1' } });
  }
  expect(await resume(held.database, { position: 2n, epoch: third })).toBe(third);
});

test("another database's cursor is refused wherever it stands, but at the beginning", async () => {
  await using held = await testDatabase();
  await add(held.database, 'a');
  await expect(resume(held.database, { position: 1n, epoch: '12345' })).rejects.toMatchObject({
    code: 'LOG_EPOCH_CHANGED',
  });
  expect(await resume(held.database, { position: 0n, epoch: '12345' })).toBe(await logEpoch(ctx, held.database));
});

test('what a reader knew to be settled is forgotten when the log was replaced under it', async () => {
  await using held = await testDatabase();
  const reader = logReader(held.database, { gapWaitMs: 0 });
  await add(held.database, 'a');
  await held.database.query(ctx, `select nextval('fairlead_log_position')`);
  await add(held.database, 'c');
  const [a] = await reader.read(ctx, { after: 0n, limit: 10 });
  expect(a?.data).toBe('a');
  // Now it knows that 2 stays missing.
  expect(await reader.read(ctx, { after: 1n, limit: 10 })).toHaveLength(1);

  await rewind(held.ownerUrl, held.database, 1);
  const drawn = Promise.withResolvers<void>();
  const end = Promise.withResolvers<void>();
  const slow = held.database.tx(ctx, async (tx) => {
    await append(tx, 'note-2', 'any', [{ type: 'note.made', key: '1', data: 'slow' }]);
    drawn.resolve();
    await end.promise;
  });
  await drawn.promise;
  await add(held.database, 'fast');
  expect(await reader.read(ctx, { after: 1n, limit: 10 })).toEqual([]);
  end.resolve();
  await slow;
  const events = await reader.read(ctx, { after: 1n, limit: 10 });
  expect(events.map(({ data }) => data)).toEqual(['slow', 'fast']);
});
