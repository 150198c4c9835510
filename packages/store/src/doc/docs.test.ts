import { PGlite } from '@electric-sql/pglite';
import { createContext, realClock, realRandom, virtualClock } from '@fairlead/core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Database } from '../database.ts';
import { migrateStore } from '../migrate/migrate.ts';
import { pgliteDatabase } from '../pglite/index.ts';
import { testDatabase } from '../testing/index.ts';
import { dropDocs, sweepDocs } from './doc-sweep.ts';
import type { DocEntry, PutOptions } from './doc-types.ts';
import { docs } from './docs.ts';
import { prefixEnd } from './prefix-end.ts';
import { bothDatabases } from '../testing/both-databases.fixture.ts';

const clock = realClock();
const ctx = createContext({ clock, random: realRandom() });

describe.each(bothDatabases(clock))('documents on %s', (_name, create) => {
  let database: Database;
  let end: () => Promise<void>;
  let namespaces = 0;
  beforeAll(async () => {
    ({ database, end } = await create());
  });
  afterAll(() => end());

  /** A namespace that no other test writes. */
  const fresh = () => {
    const carts = docs(`cart-${(namespaces += 1)}`);
    return {
      carts,
      put: (key: string, body: unknown, options?: PutOptions) =>
        database.tx(ctx, (tx) => carts.put(tx, key, body, options)),
      putMany: (entries: readonly DocEntry[]) => database.tx(ctx, (tx) => carts.putMany(tx, entries)),
      get: (key: string) => carts.get({ ctx, database }, key),
    };
  };
  const versionOf = (result: Awaited<ReturnType<ReturnType<typeof fresh>['put']>>): number => {
    if (result.kind !== 'put') throw new Error('a conflict');
    return result.version;
  };

  test('what was put is read back as it was, in its transaction and after it', async () => {
    const { carts, get } = fresh();
    const body = { text: 'nul \u0000, quote " and ✓', n: 1.5, list: [null] };
    const version = await database.tx(ctx, async (tx) => {
      const result = await carts.put(tx, 'a', body);
      expect(await carts.get(tx, 'a')).toMatchObject({ body });
      return versionOf(result);
    });
    expect(await get('a')).toMatchObject({ key: 'a', version, body, tenant: undefined, expiresAt: undefined });
    expect(await get('b')).toBeUndefined();
  });

  test('each put has a greater version, and a version that is not the expected one is a conflict with the actual one', async () => {
    const { put, get } = fresh();
    expect(await put('a', 1, { expected: 'exists' })).toEqual({ kind: 'conflict', actual: 0 });
    expect(await put('a', 1, { expected: 7 })).toEqual({ kind: 'conflict', actual: 0 });
    const first = versionOf(await put('a', 1, { expected: 'none' }));
    expect(await put('a', 2, { expected: 'none' })).toEqual({ kind: 'conflict', actual: first });
    const second = versionOf(await put('a', 2, { expected: first }));
    expect(second).toBeGreaterThan(first);
    expect(await put('a', 3, { expected: first })).toEqual({ kind: 'conflict', actual: second });
    expect(await get('a')).toMatchObject({ body: 2, version: second });
    expect(versionOf(await put('a', 3, { expected: 'exists' }))).toBeGreaterThan(second);
  });

  test('a namespace is dropped as a whole, whosever its documents are, and no other is', async () => {
    const [gone, kept] = [fresh(), fresh()];
    await gone.putMany(Array.from({ length: 5 }, (_, n) => ({ key: `${n}`, body: n })));
    const acme = ctx.derive({ tenant: 'acme' });
    await database.tx(acme, (tx) => gone.carts.put(tx, 'a', 1));
    await kept.put('a', 1);
    expect(await dropDocs(ctx, database, gone.carts.namespace, { batchSize: 2 })).toBe(6);
    expect([await gone.get('1'), await gone.carts.get({ ctx: acme, database }, 'a')]).toEqual([undefined, undefined]);
    expect(await kept.get('a')).toMatchObject({ body: 1 });
  });

  test('a conflict leaves the transaction usable', async () => {
    const { carts, get } = fresh();
    await database.tx(ctx, async (tx) => {
      expect((await carts.put(tx, 'a', 1, { expected: 'exists' })).kind).toBe('conflict');
      await carts.put(tx, 'a', 2);
    });
    expect(await get('a')).toMatchObject({ body: 2 });
  });

  test('what is put in a transaction that rolls back was never there', async () => {
    const { carts, get } = fresh();
    const failing = database.tx(ctx, async (tx) => {
      await carts.put(tx, 'a', 1);
      throw new Error('no');
    });
    await expect(failing).rejects.toThrow('no');
    expect(await get('a')).toBeUndefined();
  });

  test('a document that is deleted and put again has none of its old versions', async () => {
    const { carts, put, get } = fresh();
    const remove = (expected?: number) =>
      database.tx(ctx, (tx) => carts.delete(tx, 'a', expected === undefined ? {} : { expected }));
    expect(await remove()).toEqual({ kind: 'absent' });
    const first = versionOf(await put('a', 1));
    expect(await remove(first + 1)).toEqual({ kind: 'conflict', actual: first });
    expect(await remove(first)).toEqual({ kind: 'deleted' });
    expect(await get('a')).toBeUndefined();
    expect(await remove(first)).toEqual({ kind: 'conflict', actual: 0 });
    await clock.sleep(2);
    expect(versionOf(await put('a', 2, { expected: 'none' }))).toBeGreaterThan(first);
    expect(await put('a', 3, { expected: first })).toMatchObject({ kind: 'conflict' });
  });

  test('several are put and read at once, each with an outcome of its own', async () => {
    const { carts, put, putMany } = fresh();
    const first = versionOf(await put('b', 0));
    const results = await putMany([
      { key: 'c', body: { n: 3 } },
      { key: 'b', body: 2, expected: 'none' },
      { key: 'a', body: 1, expected: 'none' },
    ]);
    expect(results).toMatchObject([{ kind: 'put' }, { kind: 'conflict', actual: first }, { kind: 'put' }]);
    const found = await carts.getMany({ ctx, database }, ['a', 'b', 'c', 'd']);
    expect(['a', 'b', 'c', 'd'].map((key) => found.get(key)?.body)).toEqual([1, 0, { n: 3 }, undefined]);
    expect(await carts.getMany({ ctx, database }, [])).toEqual(new Map());
    expect(await putMany([])).toEqual([]);
  });

  test('an expired document is absent at once, and its key is free', async () => {
    const { carts, put, get } = fresh();
    await put('a', 1, { expiresInMs: 0 });
    expect(await get('a')).toBeUndefined();
    expect((await carts.list({ ctx, database })).docs).toEqual([]);
    expect(await put('a', 2, { expected: 'exists' })).toEqual({ kind: 'conflict', actual: 0 });
    expect(await put('a', 2, { expected: 'none', expiresInMs: 60_000 })).toMatchObject({ kind: 'put' });
    const doc = await get('a');
    expect(doc?.expiresAt).toBeGreaterThan(clock.now() + 30_000);
    await put('a', 3);
    expect(await get('a')).toMatchObject({ body: 3, expiresAt: undefined });
  });

  test('a sweep removes what has expired, in batches, and nothing else', async () => {
    const { carts, put, putMany, get } = fresh();
    await putMany(Array.from({ length: 5 }, (_, n) => ({ key: `old-${n}`, body: n, expiresInMs: 0 })));
    await put('young', 1, { expiresInMs: 60_000 });
    await put('forever', 1);
    expect(await sweepDocs(ctx, database, { batchSize: 2 })).toBeGreaterThanOrEqual(5);
    expect(await sweepDocs(ctx, database)).toBe(0);
    expect([await get('young'), await get('forever')]).toMatchObject([{ body: 1 }, { body: 1 }]);
    const { rows } = await database.query<{ n: number }>(
      ctx,
      'select count(*)::int as n from fairlead_doc where namespace = $1',
      [carts.namespace],
    );
    expect(rows[0]?.n).toBe(2);
  });

  test('a list goes on from page to page, in the order of code points, with no key twice and none left out', async () => {
    const { carts, putMany } = fresh();
    const keys = ['a', 'a-1', 'a-2', 'a.', 'aa', 'A', 'ä', 'a-\u{10ffff}', '\u{1f600}', 'a-%', 'a-_', 'b'];
    await putMany(keys.map((key) => ({ key, body: null })));
    const pages = async (prefix: string): Promise<readonly string[]> => {
      const found: string[] = [];
      for (let after: string | undefined = ''; after !== undefined;) {
        const page = await carts.list({ ctx, database }, { prefix, after, limit: 2 });
        found.push(...page.docs.map(({ key }) => key));
        after = page.next;
      }
      return found;
    };
    const inOrder = keys.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
    for (const prefix of ['', 'a', 'a-', 'ä', '\u{1f600}', 'zz']) {
      expect(await pages(prefix)).toEqual(inOrder.filter((key) => key.startsWith(prefix)));
    }
  });

  test('what two tenants call alike are two documents, and those of nobody are a third', async () => {
    const mine = docs('profile');
    const shared = docs('profile', { tenancy: 'none' });
    const [acme, zenith] = [ctx.derive({ tenant: 'acme' }), ctx.derive({ tenant: 'zenith' })];
    for (const [of, body] of [
      [acme, 'a'],
      [zenith, 'z'],
    ] as const) {
      await database.tx(of, (tx) => mine.put(tx, 'main', body, { expected: 'none' }));
    }
    await database.tx(acme, (tx) => shared.put(tx, 'main', 'all', { expected: 'none' }));
    expect(await mine.get({ ctx: acme, database }, 'main')).toMatchObject({ body: 'a', tenant: 'acme' });
    expect(await mine.get({ ctx: zenith, database }, 'main')).toMatchObject({ body: 'z', tenant: 'zenith' });
    expect(await mine.get({ ctx, database }, 'main')).toMatchObject({ body: 'all', tenant: undefined });
    expect((await mine.list({ ctx: zenith, database })).docs).toHaveLength(1);
    await database.tx(acme, (tx) => mine.delete(tx, 'main'));
    expect(await mine.get({ ctx: zenith, database }, 'main')).toMatchObject({ body: 'z' });
  });

  test('of writers that expect one version, one wins', async () => {
    const { put } = fresh();
    const begun = await Promise.all(Array.from({ length: 4 }, (_, n) => put('a', n, { expected: 'none' })));
    expect(begun.filter(({ kind }) => kind === 'put')).toHaveLength(1);
    const version = Math.max(...begun.map((result) => (result.kind === 'put' ? result.version : result.actual)));
    const changed = await Promise.all(Array.from({ length: 4 }, (_, n) => put('a', n, { expected: version })));
    expect(changed.map(({ kind }) => kind).toSorted()).toEqual(['conflict', 'conflict', 'conflict', 'put']);
  });

  test('writers that expect nothing all get through', async () => {
    const { put } = fresh();
    const results = await Promise.all(Array.from({ length: 8 }, (_, n) => put('a', n)));
    expect(new Set(results.map(versionOf)).size).toBe(8);
  });

  test('what is not JSON, too large, or badly named is refused before anything is sent', async () => {
    const { carts, put } = fresh();
    const loop: { self?: unknown } = {};
    loop.self = loop;
    for (const body of [undefined, 1n, () => {}, loop])
      await expect(put('a', body)).rejects.toMatchObject({ code: 'DOC_INVALID' });
    await expect(put('a', 'x'.repeat(1024 * 1024))).rejects.toMatchObject({ code: 'DOC_TOO_LARGE' });
    const small = docs('small', { maxBodyBytes: 4 });
    await expect(database.tx(ctx, (tx) => small.put(tx, 'a', 'é'))).resolves.toMatchObject({ kind: 'put' });
    await expect(database.tx(ctx, (tx) => small.put(tx, 'a', 'éé'))).rejects.toMatchObject({ code: 'DOC_TOO_LARGE' });
    for (const key of ['', 'a\0']) await expect(put(key, 1)).rejects.toMatchObject({ code: 'DOC_INVALID' });
    for (const expected of [-1, 1.5, Number.NaN])
      await expect(put('a', 1, { expected })).rejects.toMatchObject({ code: 'DOC_INVALID' });
    for (const expiresInMs of [-1, Number.NaN, Infinity])
      await expect(put('a', 1, { expiresInMs })).rejects.toMatchObject({ code: 'DOC_INVALID' });
    for (const limit of [0, 1_001, 1.5])
      await expect(carts.list({ ctx, database }, { limit })).rejects.toMatchObject({ code: 'DOC_INVALID' });
    const twice = database.tx(ctx, (tx) =>
      carts.putMany(tx, [
        { key: 'a', body: 1 },
        { key: 'a', body: 2 },
      ]),
    );
    await expect(twice).rejects.toMatchObject({ code: 'DOC_INVALID' });
    expect(() => docs('')).toThrow('needs a name');
    expect(() => docs('a', { maxBodyBytes: 0 })).toThrow('maxBodyBytes');
  });
});

test('a document expires by the time that the database is told', async () => {
  const pglite = await PGlite.create();
  const time = virtualClock();
  const database = pgliteDatabase({ pglite, schema: 'orders', name: 'orders', clock: time });
  await migrateStore(ctx, database);
  const carts = docs('cart');
  await database.tx(ctx, (tx) => carts.put(tx, 'a', 1, { expiresInMs: 1_000 }));
  await time.advance(999);
  expect(await carts.get({ ctx, database }, 'a')).toMatchObject({ body: 1 });
  await time.advance(1);
  expect(await carts.get({ ctx, database }, 'a')).toBeUndefined();
  await pglite.close();
});

test('a put that changes no expiry touches no index', async () => {
  await using held = await testDatabase();
  const { database } = held;
  const carts = docs('cart');
  await database.tx(ctx, (tx) => carts.put(tx, 'a', 0));
  for (let n = 1; n <= 20; n += 1) await database.tx(ctx, (tx) => carts.put(tx, 'a', n));
  const { rows } = await database.query<{ pages: number }>(
    ctx,
    `select (pg_relation_size('fairlead_doc_pkey') / 8192)::int as pages`,
  );
  expect(rows[0]?.pages).toBe(2);
  // All versions of the row lie on its page: an update that left it would have needed a new entry in the index.
  const size = await database.query<{ pages: number }>(
    ctx,
    `select (pg_relation_size('fairlead_doc') / 8192)::int as pages`,
  );
  expect(size.rows[0]?.pages).toBe(1);
});

test('a document that was read with a lock is what it was until the transaction ends', async () => {
  await using held = await testDatabase();
  const { database } = held;
  const carts = docs('cart');
  await database.tx(ctx, (tx) => carts.put(tx, 'a', 1));
  let put: Promise<unknown> | undefined;
  const order: string[] = [];
  await database.tx(ctx, async (tx) => {
    expect(await carts.get(tx, 'a', { lock: 'share' })).toMatchObject({ body: 1 });
    // Another one may look as well.
    await database.tx(ctx, (other) => carts.get(other, 'a', { lock: 'share' }));
    put = database.tx(ctx, (other) => carts.put(other, 'a', 2)).then(() => order.push('put'));
    const waits = `select 1 from pg_stat_activity where wait_event_type = 'Lock' and query like '%fairlead_doc_put%'`;
    while ((await database.query(ctx, waits)).rowCount === 0) await clock.sleep(2);
    order.push('read');
    expect(await carts.get(tx, 'a', { lock: 'update' })).toMatchObject({ body: 1 });
  });
  await put;
  expect(order).toEqual(['read', 'put']);
});

test('in a snapshot that is older than the document, a put has to start over', async () => {
  await using held = await testDatabase();
  const { database } = held;
  const carts = docs('cart');
  const late = database.tx(
    ctx,
    async (tx) => {
      await tx.query('select 1 from fairlead_doc');
      await database.tx(ctx, (other) => carts.put(other, 'a', 1));
      return carts.put(tx, 'a', 2);
    },
    { isolation: 'repeatable read' },
  );
  await expect(late).rejects.toMatchObject({ code: '40001' });
});

test.each([
  ['a', 'b'],
  ['ab', 'ac'],
  ['a\u{10ffff}', 'b'],
  ['\ud7ff', '\ue000'],
  ['\u{10ffff}', undefined],
  ['', undefined],
])('after all that begin with %j comes %j', (prefix, end) => {
  expect(prefixEnd(prefix)).toBe(end);
});
