import { PGlite } from '@electric-sql/pglite';
import { createContext, realClock, realRandom, virtualClock, type Context } from '@fairlead/core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Database } from '../database.ts';
import { keyRing } from '../encryption/key-ring.ts';
import { tenantKeys, type TenantKeys } from '../encryption/tenant-keys.ts';
import { migrateStore } from '../migrate/migrate.ts';
import { pgliteDatabase } from '../pglite/pglite-database.ts';
import { testDatabase } from '../testing/test-database.ts';
import { logReader } from './log-reader.ts';
import type { LoggedEvent } from './log-types.ts';
import { append } from './log.ts';

const ring = `k:${Buffer.alloc(32, 5).toString('base64')}`;

interface Bed extends AsyncDisposable {
  readonly database: Database;
  readonly ctx: Context;
}

async function onPostgres(): Promise<Bed> {
  const held = await testDatabase();
  const ctx = createContext({ clock: realClock(), random: realRandom() });
  return { database: held.database, ctx, [Symbol.asyncDispose]: () => held[Symbol.asyncDispose]() };
}

async function onPglite(): Promise<Bed> {
  const pglite = await PGlite.create();
  const clock = virtualClock();
  const ctx = createContext({ clock, random: realRandom() });
  const database = pgliteDatabase({ pglite, schema: 'orders', name: 'orders', clock });
  await migrateStore(ctx, database);
  return { database, ctx, [Symbol.asyncDispose]: () => pglite.close() };
}

describe.each([
  ['Postgres', onPostgres],
  ['PGlite', onPglite],
])('on %s', (_name, create) => {
  let bed: Bed;
  let keys: TenantKeys;
  beforeAll(async () => {
    bed = await create();
    keys = tenantKeys({ database: bed.database, provider: keyRing(ring) });
  });
  afterAll(() => bed[Symbol.asyncDispose]());

  const put = (tenant: string, data: unknown, sealed = true): ReturnType<typeof append> =>
    bed.database.tx(bed.ctx.derive({ tenant }), (tx) =>
      append(tx, `order-${tenant}`, 'any', [{ type: 'placed', key: tenant, data }], sealed ? { seal: keys } : {}),
    );
  const read = (seal: TenantKeys | undefined, after = 0n): Promise<readonly LoggedEvent[]> =>
    logReader(bed.database, { gapWaitMs: 0, seal }).read(bed.ctx, { after, limit: 100 });

  test('a sealed event is ciphertext in the table, and what it was for a reader with the seal', async () => {
    const result = await put('ann', { iban: 'DE02', list: [1, null, 'ü'] });
    const { rows } = await bed.database.query(bed.ctx, `select * from fairlead_log where stream = 'order-ann'`);
    expect(rows[0]).toMatchObject({ sealed: 'k1', type: 'placed', tenant: 'ann' });
    expect(JSON.stringify(rows)).not.toContain('iban');
    const [event] = await read(keys);
    expect(event).toMatchObject({ data: { iban: 'DE02', list: [1, null, 'ü'] }, sealed: 'opened', key: 'ann' });
    expect(result).toEqual({ kind: 'appended', events: [event] });
  });

  test('a reader without the seal goes on past sealed events, and events in the clear are as ever', async () => {
    await put('bob', 'in the clear', false);
    const [sealed, clear] = await read(undefined);
    expect(sealed).toMatchObject({ data: undefined, sealed: 'closed' });
    expect(clear).toMatchObject({ data: 'in the clear' });
    expect(clear).not.toHaveProperty('sealed');
  });

  test('shredding a tenant leaves its events in their places, marked and without data, and readers go on', async () => {
    await put('carl', 'secret of carl');
    await put('dora', 'secret of dora');
    const before = await read(keys);
    await keys.shred(bed.ctx, 'carl');
    const after = await read(keys);
    expect(after).toEqual(
      before.map((event) => (event.tenant === 'carl' ? { ...event, data: undefined, sealed: 'shredded' } : event)),
    );
    await expect(put('carl', 'more')).rejects.toMatchObject({ code: 'TENANT_SHREDDED' });
    expect(await put('carl', 'in the clear', false)).toMatchObject({ kind: 'appended' });
  });

  test('a row whose payload, tenant or names were exchanged stops the reader with what and where', async () => {
    await put('eve', 'first');
    await put('eve', 'second');
    const start = (await read(undefined)).findLast((event) => event.tenant === 'carl')!.position;
    const change = (assignment: string): Promise<unknown> =>
      bed.database.query(bed.ctx, `update fairlead_log l set ${assignment} where stream = 'order-eve' and version = 1`);
    const second = `(select o.data from fairlead_log o where o.stream = 'order-eve' and o.version = 2)`;
    const first = (
      await bed.database.query(bed.ctx, `select data::text as text from fairlead_log where stream = 'order-eve'`)
    ).rows[0]!['text'];
    for (const [there, back] of [
      [`data = ${second}`, `data = '${String(first)}'`],
      [`data = '"plain"'`, `data = '${String(first)}'`],
      [`data = '{}'`, `data = '${String(first)}'`],
      [`tenant = 'dora'`, `tenant = 'eve'`],
      [`tenant = null`, `tenant = 'eve'`],
      [`type = 'cancelled'`, `type = 'placed'`],
      [`key = 'x'`, `key = 'eve'`],
      [`sealed = 'k9'`, `sealed = 'k1'`],
    ] as const) {
      await change(there);
      await expect(read(keys, start), there).rejects.toMatchObject({
        code: 'SEAL_BROKEN',
        details: { table: 'fairlead_log' },
      });
      await change(back);
      expect(await read(keys, start), back).toMatchObject([{ data: 'first' }, { data: 'second' }]);
    }
  });

  test('a conflict seals nothing into the log, and a rollback leaves no key behind', async () => {
    const ctx = bed.ctx.derive({ tenant: 'fred' });
    const tried = bed.database.tx(ctx, async (tx) => {
      const result = await append(tx, 'order-fred', 7, [{ type: 'placed', key: '1', data: 1 }], { seal: keys });
      throw new Error(result.kind);
    });
    await expect(tried).rejects.toThrow('conflict');
    const { rowCount } = await bed.database.query(ctx, `select 1 from fairlead_tenant_key where tenant = 'fred'`);
    expect(rowCount).toBe(0);
  });
});
