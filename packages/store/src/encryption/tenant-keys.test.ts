import { inspect } from 'node:util';
import { PGlite } from '@electric-sql/pglite';
import { createContext, realClock, realRandom, virtualClock, type Context } from '@fairlead/core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Database } from '../database.ts';
import { migrateStore } from '../migrate/migrate.ts';
import { pgliteDatabase } from '../pglite/pglite-database.ts';
import { testDatabase } from '../testing/test-database.ts';
import { keyRing } from './key-ring.ts';
import type { KeyProvider } from './key-provider.ts';
import type { Sealed } from './payload-seal.ts';
import { tenantKeys, type TenantKeys } from './tenant-keys.ts';

const OLD = `old:${Buffer.alloc(32, 1).toString('base64')}`;
const NEW = `new:${Buffer.alloc(32, 2).toString('base64')}`;

interface Bed extends AsyncDisposable {
  readonly database: Database;
  readonly ctx: Context;
  /** Lets time pass by the Context's clock, where it is ours. */
  readonly advance: ((byMs: number) => Promise<void>) | undefined;
}

async function onPostgres(): Promise<Bed> {
  const held = await testDatabase();
  const ctx = createContext({ clock: realClock(), random: realRandom() });
  return { database: held.database, ctx, advance: undefined, [Symbol.asyncDispose]: () => held[Symbol.asyncDispose]() };
}

async function onPglite(): Promise<Bed> {
  const pglite = await PGlite.create();
  const clock = virtualClock();
  const ctx = createContext({ clock, random: realRandom() });
  const database = pgliteDatabase({ pglite, schema: 'orders', name: 'orders', clock });
  await migrateStore(ctx, database);
  const advance = async (byMs: number): Promise<void> => clock.advance(byMs);
  return { database, ctx, advance, [Symbol.asyncDispose]: () => pglite.close() };
}

describe.each([
  ['Postgres', onPostgres],
  ['PGlite', onPglite],
])('on %s', (_name, create) => {
  let bed: Bed;
  beforeAll(async () => {
    bed = await create();
  });
  afterAll(() => bed[Symbol.asyncDispose]());

  const as = (tenant: string): Context => bed.ctx.derive({ tenant });
  const keysWith = (ring: string, more: { cacheKeys?: number; cacheForMs?: number } = {}): TenantKeys =>
    tenantKeys({ database: bed.database, provider: keyRing(ring), ...more });

  async function seal(keys: TenantKeys, tenant: string, row: string, json: string): Promise<Sealed> {
    const { key, payloads } = await bed.database.tx(as(tenant), (tx) => keys.seal(tx, [{ table: 't', row, json }]));
    return { tenant, key, table: 't', row, payload: payloads[0]! };
  }
  const open = (keys: TenantKeys, ...sealed: Sealed[]): Promise<readonly unknown[]> =>
    bed.database
      .tx(bed.ctx, (tx) => keys.open(bed.ctx, tx, sealed))
      .then((opened) => opened.map((one) => (one.kind === 'opened' ? JSON.parse(one.json) : one.kind)));

  test('what one process seals another one opens, and the same text never looks the same twice', async () => {
    const one = await seal(keysWith(OLD), 'acme', '1', '{"iban":"DE02"}');
    const two = await seal(keysWith(OLD), 'acme', '1', '{"iban":"DE02"}');
    expect(one.payload).not.toBe(two.payload);
    expect(Buffer.from(one.payload, 'base64').toString('latin1')).not.toContain('iban');
    expect(await open(keysWith(OLD), one, two)).toEqual([{ iban: 'DE02' }, { iban: 'DE02' }]);
  });

  test('a payload that was changed, moved to another row, table or tenant, or given another key does not open', async () => {
    const keys = keysWith(OLD);
    const mine = await seal(keys, 'ann', '1', '"secret of ann"');
    await seal(keys, 'bob', '1', '"secret of bob"');
    const bytes = Buffer.from(mine.payload, 'base64');
    const changed = (at: number): string => {
      const copy = Buffer.from(bytes);
      copy[at] = copy[at]! ^ 1;
      return copy.toString('base64');
    };
    const wrong: Partial<Sealed>[] = [
      { row: '2' },
      { table: 'u' },
      { tenant: 'bob' },
      { tenant: 'nobody' },
      { key: 'k2' },
      { key: 'k01' },
      { key: 'toString' },
      { payload: '' },
      { payload: 'no base64 at all' },
      ...[0, 1, 24, 25, bytes.length - 17, bytes.length - 1].map((at) => ({ payload: changed(at) })),
    ];
    for (const part of wrong) {
      const failure = await open(keys, { ...mine, ...part }).catch((error: unknown) => error);
      expect(failure, JSON.stringify(part)).toMatchObject({ code: 'SEAL_BROKEN' });
      expect(inspect(failure, { depth: 9 })).not.toContain('secret of');
    }
    expect(await open(keys, mine)).toEqual(['secret of ann']);
  });

  test('a wrapped key in the row of another tenant does not unwrap', async () => {
    const sealed = await seal(keysWith(OLD), 'carl', '1', '1');
    await seal(keysWith(OLD), 'dora', '1', '1');
    await bed.database.query(
      bed.ctx,
      `update fairlead_tenant_key set wrapped = (select wrapped from fairlead_tenant_key where tenant = 'dora')
        where tenant = 'carl'`,
    );
    await expect(open(keysWith(OLD), sealed)).rejects.toMatchObject({ code: 'SEAL_BROKEN' });
  });

  test('a new data key seals from then on, and older payloads stay readable', async () => {
    const keys = keysWith(OLD);
    const before = await seal(keys, 'eve', '1', '1');
    expect(await keys.rotate(bed.ctx, 'eve')).toBe(2);
    const after = await seal(keys, 'eve', '2', '2');
    expect([before.key, after.key]).toEqual(['k1', 'k2']);
    expect(await open(keysWith(OLD), before, after)).toEqual([1, 2]);
  });

  test('keys wrapped anew need the old key-encryption key no more', async () => {
    await bed.database.query(bed.ctx, 'delete from fairlead_tenant_key');
    const sealed = await seal(keysWith(OLD), 'fred', '1', '"old"');
    const both = keysWith(`${NEW}\n${OLD}\n`);
    for (let index = 0; index < 60; index += 1) await seal(keysWith(OLD), `many-${index}`, '1', '1');
    expect(await both.rewrap(bed.ctx)).toBe(61);
    expect(await both.rewrap(bed.ctx)).toBe(0);
    expect(await open(keysWith(NEW), sealed)).toEqual(['old']);
    const failure = await open(keysWith(OLD), sealed).catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: 'KEY_UNAVAILABLE', details: { kek: 'new' } });
  });

  test('shredding takes one tenant’s payloads and nobody else’s, and seals nothing more for it', async () => {
    const keys = keysWith(OLD);
    const [gone, stays] = [await seal(keys, 'gina', '1', '1'), await seal(keys, 'hugo', '1', '2')];
    await keys.rotate(bed.ctx, 'gina');
    expect(await keys.shred(bed.ctx, 'gina')).toBe(2);
    expect(await keys.shred(bed.ctx, 'gina')).toBe(0);
    expect(await open(keys, gone, stays)).toEqual(['shredded', 2]);
    expect(await open(keysWith(OLD), gone)).toEqual(['shredded']);
    await expect(seal(keys, 'gina', '2', '1')).rejects.toMatchObject({ code: 'TENANT_SHREDDED' });
    await expect(keys.rotate(bed.ctx, 'gina')).rejects.toMatchObject({ code: 'TENANT_SHREDDED' });
    const { rows } = await bed.database.query(
      bed.ctx,
      `select kek, wrapped from fairlead_tenant_key where tenant = 'gina'`,
    );
    expect(rows).toEqual([
      { kek: null, wrapped: null },
      { kek: null, wrapped: null },
    ]);
    expect(await keys.shred(bed.ctx, 'never-seen')).toBe(0);
    await expect(seal(keys, 'never-seen', '1', '1')).rejects.toMatchObject({ code: 'TENANT_SHREDDED' });
  });

  test('a key that was made in a transaction which rolled back is not used again', async () => {
    const keys = keysWith(OLD);
    const rolledBack = bed.database.tx(as('ivan'), async (tx) => {
      await keys.seal(tx, [{ table: 't', row: '1', json: '1' }]);
      throw new Error('no');
    });
    await expect(rolledBack).rejects.toThrow('no');
    expect(await open(keysWith(OLD), await seal(keys, 'ivan', '1', '1'))).toEqual([1]);
  });

  test('keys at hand are so many for so long, and the provider is asked again afterwards', async () => {
    let asked = 0;
    const ring = keyRing(OLD);
    const provider: KeyProvider = {
      ...ring,
      unwrap: (...args) => {
        asked += 1;
        return ring.unwrap(...args);
      },
    };
    const tenants = ['x1', 'x2', 'x3'];
    const sealed = [];
    for (const tenant of tenants) sealed.push(await seal(keysWith(OLD), tenant, '1', '1'));
    const keys = tenantKeys({ database: bed.database, provider, cacheKeys: 2 });
    await open(keys, sealed[0]!, sealed[1]!);
    await open(keys, sealed[0]!, sealed[1]!);
    expect(asked).toBe(2);
    await open(keys, sealed[2]!);
    await open(keys, sealed[1]!);
    expect(asked).toBe(3);
    await open(keys, sealed[0]!);
    expect(asked).toBe(4);
    if (bed.advance === undefined) return;
    await bed.advance(60_000);
    await open(keys, sealed[0]!);
    expect(asked).toBe(5);
  });

  test('without a tenant nothing is sealed', async () => {
    const work = bed.database.tx(bed.ctx, (tx) => keysWith(OLD).seal(tx, [{ table: 't', row: '1', json: '1' }]));
    await expect(work).rejects.toMatchObject({ code: 'TENANT_REQUIRED' });
  });
});

test('two that seal first for one tenant at the same time use one key', async () => {
  await using bed = await onPostgres();
  const all = Array.from({ length: 8 }, async (_, index) => {
    const keys = tenantKeys({ database: bed.database, provider: keyRing(OLD) });
    const ctx = bed.ctx.derive({ tenant: 'rush' });
    const place = { table: 't', row: String(index) };
    const { key, payloads } = await bed.database.tx(ctx, (tx) => keys.seal(tx, [{ ...place, json: String(index) }]));
    return { ...place, tenant: 'rush', key, payload: payloads[0]! };
  });
  const keys = tenantKeys({ database: bed.database, provider: keyRing(OLD) });
  const sealed = await Promise.all(all);
  const opened = await bed.database.tx(bed.ctx, (tx) => keys.open(bed.ctx, tx, sealed));
  expect(opened.map((one) => one.kind === 'opened' && one.json)).toEqual(sealed.map(({ row }) => row));
});

test('a key ring says which line is wrong and never what is in it', () => {
  const secret = Buffer.alloc(32, 9).toString('base64');
  for (const [text, line] of [
    ['', 'is empty'],
    [secret, 'line 1'],
    [`${OLD}\nbad id:${secret}`, 'line 2'],
    [`${OLD}\nk:${secret.slice(4)}`, 'line 2'],
    [`${OLD}\n${OLD}`, 'line 2 twice'],
  ] as const) {
    let message = '';
    try {
      keyRing(text);
    } catch (error) {
      message = inspect(error);
    }
    expect(message).toContain(line);
    expect(message).not.toContain(secret.slice(4));
  }
  expect(inspect(keyRing(OLD), { depth: 9, showHidden: true })).not.toContain(OLD.slice(4));
});
