import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openDatabase } from '../postgres/postgres-database.ts';
import { realClock } from '@fairlead/core';
import { tenancyBed } from '../tenancy/tenancy.fixture.ts';
import { readArchiveFile } from './archive-file.ts';
import { archiveLog } from './log-archive.ts';
import { restoreLogArchive } from './log-archive-restore.ts';
import { logReader } from './log-reader.ts';
import { trimLog } from './log-trim.ts';
import { append } from './log.ts';
import { exportTenant } from './tenant-export.ts';

let directory = '';
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'log-tenants-'));
});
afterEach(() => rm(directory, { recursive: true }));

test('a log whose rows belong to tenants is read, archived, trimmed and restored as a whole, and exported for one', async () => {
  await using bed = await tenancyBed({ maxConnections: 3 });
  const { database, ctx } = bed;
  for (const [of, name] of [
    [bed.ann, 'ann'],
    [bed.bob, 'bob'],
    [bed.ann, 'ann again'],
  ] as const) {
    await database.tx(of, (tx) =>
      append(tx, `note-${of.tenant}`, 'any', [{ type: 'note.made', key: '1', data: name }]),
    );
  }
  const read = async () => {
    const events = await logReader(database, { gapWaitMs: 0 }).read(ctx, { after: 0n, limit: 10 });
    return events.map(({ data, tenant }) => [tenant, data]);
  };
  const all = [
    ['ann', 'ann'],
    ['bob', 'bob'],
    ['ann', 'ann again'],
  ];
  expect(await read()).toEqual(all);

  const file = join(directory, 'ann.gz');
  const parts = {
    async *orders(tx: { query(text: string): Promise<{ rows: readonly unknown[] }> }) {
      yield* (await tx.query('select tenant, item from orders order by id')).rows;
    },
  };
  expect(await exportTenant(ctx, database, { tenant: 'ann', file, service: 'shop', parts })).toEqual({
    events: 2,
    orders: 2,
  });
  for await (const line of readArchiveFile(file)) expect(line).not.toContain('bob');

  const archive = { directory: join(directory, 'archive'), service: 'shop' };
  expect(await archiveLog(ctx, database, archive)).toMatchObject({ events: 3, through: 3n });
  expect(await trimLog(ctx, database, { cursors: async () => [] })).toMatchObject({ deleted: 3, through: 3n });
  await using patient = openDatabase({
    url: bed.held.url,
    name: 'shop',
    clock: realClock(),
    tenancy: 'rows',
    transactionTimeoutMs: 0,
  });
  expect(await restoreLogArchive(ctx, patient, archive)).toEqual({ events: 3, after: 0n });
  expect(await read()).toEqual(all);
});
