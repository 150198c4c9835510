import { PGlite } from '@electric-sql/pglite';
import { createContext, realRandom, virtualClock } from '@fairlead/core';
import { expect, test } from 'vitest';
import { logReader } from '../log/log-reader.ts';
import { append } from '../log/log.ts';
import { migrateStore } from '../migrate/migrate.ts';
import { acrossTenants } from '../tenancy/across-tenants.ts';
import { pgliteDatabase } from './pglite-database.ts';

const clock = virtualClock();
const ctx = createContext({ clock, random: realRandom() });
const [ann, bob] = [ctx.derive({ tenant: 'ann' }), ctx.derive({ tenant: 'bob' })];

test('rows are isolated on PGlite as they are on a server', async () => {
  await using pglite = await PGlite.create();
  const options = { pglite, schema: 'shop', name: 'shop', clock } as const;
  const owner = pgliteDatabase(options);
  await migrateStore(ctx, owner);
  await owner.query(
    ctx,
    `create table orders (tenant text not null, id integer, primary key (tenant, id));
     select fairlead.isolate('orders'); select fairlead.isolate_store()`,
  );
  const database = pgliteDatabase({ ...options, tenancy: 'rows' });
  for (const of of [ann, bob]) {
    await database.query(of, 'insert into orders (id) values ($1)', [1]);
    await database.tx(of, (tx) => append(tx, `order-${of.tenant}`, 'none', [{ type: 'placed', key: '1', data: 1 }]));
  }
  expect((await database.query(ann, 'select tenant from orders')).rows).toEqual([{ tenant: 'ann' }]);
  await expect(database.query(ctx, 'select * from orders')).rejects.toMatchObject({ code: 'TENANT_REQUIRED' });
  await expect(database.query(ann, `insert into orders values ('bob', 2)`)).rejects.toMatchObject({
    code: 'TENANT_REFUSED',
  });
  await expect(
    database.tx(ann, async (tx) => {
      await tx.query(`select set_config('fairlead.tenancy', 'tbob', true)`);
      await tx.query('select * from orders');
    }),
  ).rejects.toMatchObject({ code: 'TENANT_FORGED' });
  const across = acrossTenants(database);
  const events = await logReader(across).read(ctx, { after: 0n, limit: 9 });
  expect(events.map(({ tenant }) => tenant)).toEqual(['ann', 'bob']);
  expect((await across.query(ctx, 'select * from orders')).rows).toEqual([]);
  expect((await database.query(bob, 'select tenant from fairlead_log')).rows).toEqual([{ tenant: 'bob' }]);
});
