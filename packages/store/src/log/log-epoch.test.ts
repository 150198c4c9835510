import { createContext, realClock, realRandom } from '@fairlead/core';
import { expect, test } from 'vitest';
import type { Database } from '../database.ts';
import { connectAdmin } from '../embedded/admin-connection.ts';
import { testDatabase } from '../testing/index.ts';
import { beginLogEpoch, logEpoch } from './log-epoch.ts';
import { logReader } from './log-reader.ts';
import { append } from './log.ts';

const ctx = createContext({ clock: realClock(), random: realRandom() });

const add = (database: Database, data: string) =>
  database.tx(ctx, (tx) => append(tx, 'note-1', 'any', [{ type: 'note.made', key: '1', data }]));

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
  const refused = reader.read(ctx, { after: 3n, limit: 10, epoch: before });
  await expect(refused).rejects.toMatchObject({ code: 'LOG_EPOCH_CHANGED', details: { partedAt: '1' } });
  for (const data of ['B', 'C', 'D']) await add(held.database, data);
  await expect(reader.read(ctx, { after: 3n, limit: 10, epoch: before })).rejects.toMatchObject({
    code: 'LOG_EPOCH_CHANGED',
  });
  const epoch = await logEpoch(ctx, held.database);
  const events = await reader.read(ctx, { after: 1n, limit: 10, epoch });
  expect(events.map(({ data }) => data)).toEqual(['B', 'C', 'D']);
});

test('a cursor of an older epoch that is not beyond where it ended stays true', async () => {
  await using held = await testDatabase();
  const reader = logReader(held.database);
  for (const data of ['a', 'b', 'c']) await add(held.database, data);
  const first = await logEpoch(ctx, held.database);
  await rewind(held.ownerUrl, held.database, 2);
  const second = await logEpoch(ctx, held.database);
  await rewind(held.ownerUrl, held.database, 1);
  await add(held.database, 'B');

  for (const epoch of [first, second]) {
    expect((await reader.read(ctx, { after: 1n, limit: 10, epoch })).map(({ data }) => data)).toEqual(['B']);
    await expect(reader.read(ctx, { after: 2n, limit: 10, epoch })).rejects.toMatchObject({
      details: { partedAt: '1' },
    });
  }
  expect(BigInt(second)).toBeGreaterThan(BigInt(first));
});

test("another database's epoch is refused wherever its cursor stands, but at the beginning", async () => {
  await using held = await testDatabase();
  await add(held.database, 'a');
  const reader = logReader(held.database);
  await expect(reader.read(ctx, { after: 1n, limit: 10, epoch: '12345' })).rejects.toMatchObject({
    code: 'LOG_EPOCH_CHANGED',
  });
  expect(await reader.read(ctx, { after: 0n, limit: 10, epoch: '12345' })).toHaveLength(1);
});
