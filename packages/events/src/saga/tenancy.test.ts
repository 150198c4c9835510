import { createContext, realClock, realRandom } from '@fairlead/core';
import { installTenancy, openDatabase } from '@fairlead/store';
import { testDatabase } from '@fairlead/store/testing';
import { expect, test } from 'vitest';
import { sagaAdmin } from './saga-admin.ts';
import { sagaProcess, until } from './saga-world.fixture.ts';
import { saga } from './saga.ts';

const clock = realClock();

test('where rows of tenants are kept apart, each has runs and signals of its own under the same ids, also after a crash', async () => {
  using ctx = createContext({ clock, random: realRandom(), timeoutMs: 20_000 });
  await using held = await testDatabase({
    migrations: [
      {
        set: 'orders',
        from: [
          {
            name: '0001_orders.sql',
            sql: `select fairlead.isolate_store(); create table effect (tenant text not null, name text not null);
                  select fairlead.isolate('effect')`,
          },
        ],
      },
    ],
  });
  await using owner = openDatabase({ url: held.ownerUrl, name: 'owner', clock, maxConnections: 1 });
  await installTenancy(ctx, owner, { url: held.url });
  await using database = openDatabase({ url: held.url, name: 'orders', clock, tenancy: 'rows' });
  const it = saga('buying', async (s, what: string) => {
    s.attributes({ what });
    const paid = await s.signal<string>('paid');
    await s.transaction('note', async (tx) => {
      await tx.query('insert into effect (name) values ($1)', [`${what} by ${s.tenant} ${paid}`]);
    });
    return s.tenant;
  });
  const [ann, bob] = [ctx.derive({ tenant: 'ann' }), ctx.derive({ tenant: 'bob' })];

  const first = sagaProcess(database, { it });
  for (const [index, tenant] of [ann, bob].entries()) {
    expect(await first.sagas.start(tenant, 'it', '1', `thing ${index}`)).toEqual({ kind: 'started', id: '1' });
    // In a transaction of the tenant's, which may not ask for anything of others.
    await database.tx(tenant, (tx) => first.sagas.start(tx, 'it', '2', `other ${index}`));
  }
  // It dies with runs in its memory and out of it.
  await first.leases.close({ graceMs: 0 });
  await using second = sagaProcess(database, { it });
  for (const tenant of [ann, bob])
    await until(ctx, async () =>
      (await second.sagas.get(tenant, 'it', '1'))?.status === 'waiting' ? true : undefined,
    );
  expect(await second.sagas.signal(ann, 'it', '1', 'paid', 'now')).toEqual({ kind: 'sent' });
  expect(await second.sagas.result(ann, 'it', '1')).toEqual({ kind: 'completed', result: 'ann' });
  expect((await second.sagas.get(bob, 'it', '1'))?.status).toBe('waiting');
  await database.tx(bob, (tx) => second.sagas.signal(tx, 'it', '1', 'paid', 'later'));
  expect(await second.sagas.result(bob, 'it', '1')).toEqual({ kind: 'completed', result: 'bob' });
  const effects = async (of: typeof ann) => (await database.query(of, 'select tenant, name from effect')).rows;
  expect(await effects(ann)).toEqual([{ tenant: 'ann', name: 'thing 0 by ann now' }]);
  expect(await effects(bob)).toEqual([{ tenant: 'bob', name: 'thing 1 by bob later' }]);
  const admin = sagaAdmin(database);
  expect((await admin.list(ann)).sagas.map(({ id, tenant }) => [id, tenant])).toEqual([
    ['1', 'ann'],
    ['2', 'ann'],
  ]);
  expect((await admin.list(bob, { saga: 'buying', attribute: { name: 'what', value: 'thing 0' } })).sagas).toEqual([]);
  await first[Symbol.asyncDispose]();
});
