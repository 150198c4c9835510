import { afterAll, beforeAll, expect, test } from 'vitest';
import { realClock, type Context } from '@fairlead/core';
import { openDatabase } from '../postgres/postgres-database.ts';
import { acrossTenants } from './across-tenants.ts';
import { installTenancy } from './install-tenancy.ts';
import { tenancyBed, type TenancyBed } from './tenancy.fixture.ts';

let bed: TenancyBed;
beforeAll(async () => {
  bed = await tenancyBed();
});
afterAll(() => bed[Symbol.asyncDispose]());

const secrets = async (ctx: Context): Promise<unknown[]> =>
  (await bed.database.query(ctx, 'select distinct secret from orders where id < $1', [9])).rows.map(
    (row) => row['secret'],
  );

test('a tenant sees its own rows: in transactions, in single statements, with parameters and without', async () => {
  const { database, ann, bob } = bed;
  for (const [ctx, name] of [
    [ann, 'ann'],
    [bob, 'bob'],
    [ann, 'ann'],
  ] as const) {
    expect(await secrets(ctx)).toEqual([`secret of ${name}`]);
    expect((await database.query(ctx, 'select distinct secret from orders')).rows).toEqual([
      { secret: `secret of ${name}` },
    ]);
    await database.tx(ctx, async (tx) => {
      expect((await tx.query('select secret from orders')).rowCount).toBe(2);
      expect((await tx.query('select secret from orders where id = $1', [1])).rows).toEqual([
        { secret: `secret of ${name}` },
      ]);
    });
  }
});

test('without a tenant nothing of an isolated table is read or written, and the failure says why', async () => {
  const { database, ctx } = bed;
  for (const text of [
    'select * from orders',
    'update orders set item = item',
    'delete from orders',
    `insert into orders (id, item, secret) values (7, 'x', 'x')`,
    `insert into orders (tenant, id, item, secret) values ('ann', 7, 'x', 'x')`,
  ]) {
    await expect(database.query(ctx, text), text).rejects.toMatchObject({ code: 'TENANT_REQUIRED' });
    await expect(
      database.tx(ctx, (tx) => tx.query(text)),
      text,
    ).rejects.toMatchObject({ code: 'TENANT_REQUIRED' });
  }
  await expect(secrets(ctx.derive({ tenant: '' }))).rejects.toMatchObject({ code: 'TENANT_REQUIRED' });
  // What belongs to nobody needs nobody.
  expect((await database.query(ctx, 'select * from setting')).rowCount).toBe(0);
});

test('a row for another tenant is refused, and rows of others are not there to be changed', async () => {
  const { database, ann } = bed;
  const insert = `insert into orders (tenant, id, item, secret) values ($1, 9, 'x', 'x')`;
  await expect(database.query(ann, insert, ['bob'])).rejects.toMatchObject({ code: 'TENANT_REFUSED' });
  const give = `update orders set tenant = 'bob' where id = 1`;
  await expect(database.query(ann, give)).rejects.toMatchObject({ code: 'TENANT_REFUSED' });
  expect((await database.query(ann, `update orders set item = $1 where tenant = 'bob'`, ['mine'])).rowCount).toBe(0);
  expect((await database.query(ann, `delete from orders where tenant = $1`, ['bob'])).rowCount).toBe(0);
});

test('tenants may have any name', async () => {
  const { database, ctx } = bed;
  for (const tenant of [
    `o'brien; drop table orders --`,
    '*',
    '**',
    't',
    'tann',
    ' ann',
    'ann ',
    'ünïcödé ☂',
    'a'.repeat(300),
  ]) {
    const as = ctx.derive({ tenant });
    expect((await database.query(as, 'select * from orders')).rowCount).toBe(0);
    await database.query(as, `insert into orders (id, item, secret) values (1, 'x', $1)`, [tenant]);
    expect(await secrets(as)).toEqual([tenant]);
  }
  await expect(secrets(ctx.derive({ tenant: 'nul\0' }))).rejects.toThrow();
});

test('the owner is bound as well, and has a way to everything for migrations of data', async () => {
  const { owner, ctx } = bed;
  await expect(owner.query(ctx, 'select * from orders')).rejects.toMatchObject({ code: 'TENANT_REQUIRED' });
  await owner.tx(ctx, async (tx) => {
    await tx.query('select fairlead.claim_every_tenant()');
    const { rows } = await tx.query(`select distinct tenant from orders where tenant in ('ann', 'bob') order by 1`);
    expect(rows).toEqual([{ tenant: 'ann' }, { tenant: 'bob' }]);
    await tx.query(`update orders set item = upper(item)`);
    await tx.query(`update orders set item = lower(item)`);
  });
});

test('across tenants the store’s own tables show everything, and other isolated tables nothing', async () => {
  const { database, ctx } = bed;
  const across = acrossTenants(database);
  expect((await across.query(ctx, 'select * from orders')).rowCount).toBe(0);
  expect((await across.query(ctx, 'select * from fairlead_log')).rowCount).toBe(0);
  await expect(database.query(ctx, 'select * from fairlead_tenant_key where version > $1', [0])).resolves.toBeDefined();
  expect(acrossTenants(bed.owner)).toBe(bed.owner);
});

test('a new password takes effect beside the one before it, and the third ends the first', async () => {
  const { ctx, ann, owner, held } = bed;
  const clock = realClock();
  const opened = ['one', 'two', 'three'].map((secret) =>
    openDatabase({ url: held.url, name: 'shop', clock, maxConnections: 1, tenancy: { kind: 'rows', secret } }),
  );
  const [one, two, three] = opened;
  const sees = (database = one): Promise<number> =>
    database!.query(ann, 'select * from orders where id < $1', [3]).then(({ rowCount }) => rowCount);
  await expect(sees(one)).rejects.toMatchObject({ code: 'TENANT_FORGED' });
  await installTenancy(ctx, owner, { url: held.url, secret: 'one' });
  await installTenancy(ctx, owner, { url: held.url, secret: 'two' });
  await installTenancy(ctx, owner, { url: held.url, secret: 'two' });
  expect([await sees(one), await sees(two)]).toEqual([2, 2]);
  await installTenancy(ctx, owner, { url: held.url, secret: 'three' });
  await expect(sees(one)).rejects.toMatchObject({ code: 'TENANT_FORGED' });
  expect([await sees(two), await sees(three)]).toEqual([2, 2]);
  for (const each of opened) await each.close();
  await installTenancy(ctx, owner, { url: held.url });
});

test('a tenancy that is no such thing is refused by name', () => {
  const options = { url: bed.held.url, name: 'shop', clock: realClock() };
  // @ts-expect-error no such tenancy
  expect(() => openDatabase({ ...options, tenancy: 'columns' })).toThrow(/tenancy is neither/);
});
