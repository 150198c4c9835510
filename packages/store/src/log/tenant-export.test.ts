import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createContext, realClock, realRandom } from '@fairlead/core';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Database, Tx } from '../database.ts';
import { testDatabase } from '../testing/index.ts';
import { checkArchiveFile, readArchiveFile } from './archive-file.ts';
import { append } from './log.ts';
import { exportTenant } from './tenant-export.ts';

const ctx = createContext({ clock: realClock(), random: realRandom() });

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tenant-export-'));
});
afterEach(() => rm(folder, { recursive: true }));

const add = (database: Database, tenant: string, ...data: unknown[]) =>
  database.tx(ctx.derive({ tenant }), (tx) =>
    append(
      tx,
      `${tenant}-1`,
      'any',
      data.map((each) => ({ type: 'note.made', key: '1', data: each })),
    ),
  );

async function linesOf(file: string): Promise<readonly { part: string; value: Record<string, unknown> }[]> {
  const lines = [];
  for await (const line of readArchiveFile(file)) lines.push(JSON.parse(line));
  return lines;
}

test("the file has all events of the tenant, nobody else's, and the parts that were asked for", async () => {
  await using held = await testDatabase();
  const { database } = held;
  await add(database, 'acme', ...Array.from({ length: 1_001 }, (_, index) => index));
  await add(database, 'other', 'secret');
  await add(database, 'acme', { text: 'last' });
  const file = join(folder, 'acme.gz');
  async function* carts(tx: Tx, tenant: string) {
    const { rows } = await tx.query('select $1::text as tenant', [tenant]);
    yield* rows;
  }

  expect(await exportTenant(ctx, database, { tenant: 'acme', file, service: 'orders', parts: { carts } })).toEqual({
    events: 1_002,
    carts: 1,
  });
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  expect(await checkArchiveFile(file, 'tenant', 1)).toMatchObject({ service: 'orders', tenant: 'acme' });
  const lines = await linesOf(file);
  expect(lines.at(0)).toMatchObject({ part: 'events', value: { position: '1', version: 1, tenant: 'acme', data: 0 } });
  expect(lines.at(-2)).toMatchObject({ part: 'events', value: { position: '1003', data: { text: 'last' } } });
  expect(lines.at(-1)).toEqual({ part: 'carts', value: { tenant: 'acme' } });
  expect(new Set(lines.flatMap(({ value }) => value['tenant']))).toEqual(new Set(['acme']));
});

test('a failing part leaves no file', async () => {
  await using held = await testDatabase();
  const file = join(folder, 'acme.gz');
  // oxlint-disable-next-line require-yield -- the point is that it fails before it yields
  async function* failing(): AsyncGenerator<unknown> {
    throw new Error('no');
  }
  const exported = exportTenant(ctx, held.database, { tenant: 'acme', file, service: 'orders', parts: { failing } });
  await expect(exported).rejects.toThrow('no');
  await expect(stat(file)).rejects.toMatchObject({ code: 'ENOENT' });
});
