import { createContext, realClock, realRandom, type Context } from '@fairlead/core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connectAdmin } from '../embedded/admin-connection.ts';
import { logReader } from '../log/log-reader.ts';
import { append } from '../log/log.ts';
import { parseDatabaseUrl } from '../postgres/database-url.ts';
import { testDatabase, type TestDatabase } from '../testing/test-database.ts';
import { acrossTenants } from './across-tenants.ts';
import type { TenancyKind, TenantDatabases, TenantDatabasesOptions } from './tenancy-options.ts';
import { tenantDatabases } from './tenant-databases.ts';

const clock = realClock();
const ctx = createContext({ clock, random: realRandom() });
const as = (tenant: string): Context => ctx.derive({ tenant });
const ORDERS = [
  {
    name: '0001_orders.sql',
    sql: `create table orders (tenant text not null, id integer not null, item text not null, primary key (tenant, id));
      create table order_line (tenant text not null, id integer not null, order_id integer, primary key (tenant, id),
        foreign key (tenant, order_id) references orders);
      create view order_items as select item from orders;
      select fairlead.isolate('orders'); select fairlead.isolate('order_line')`,
  },
];
const NOTES = {
  name: '0002_note.sql',
  sql: `create table note (tenant text not null, text text); select fairlead.isolate('note')`,
};

/** What every kind of tenancy does alike, on a real server. */
export function tenantDatabasesSuite(kind: TenancyKind): void {
  describe(`tenants in ${kind}`, () => {
    let held: TestDatabase;
    let tenants: TenantDatabases;
    const open = (more: Partial<TenantDatabasesOptions> = {}): TenantDatabases => {
      const { database } = parseDatabaseUrl(held.url, 'test');
      const options = { kind, name: database, url: held.url, ownerUrl: held.ownerUrl, adminUrl: held.adminUrl, clock };
      return tenantDatabases({
        ...options,
        migrations: [{ set: 'orders', from: ORDERS }],
        maxConnections: 4,
        knownForMs: 0,
        ...more,
      });
    };
    beforeAll(async () => {
      held = await testDatabase();
      tenants = open();
      await tenants.migrate(ctx);
      for (const tenant of ['ann', 'bob']) await tenants.create(ctx, tenant);
    });
    afterAll(async () => {
      for (const tenant of await tenants.list(ctx)) await tenants.drop(ctx, tenant);
      await tenants.close();
      await held[Symbol.asyncDispose]();
    });

    const put = (tenant: string, id: number): Promise<unknown> =>
      tenants.query(as(tenant), 'insert into orders (id, item) values ($1, $2)', [id, `item of ${tenant}`]);
    const items = async (tenant: string): Promise<unknown[]> =>
      (await tenants.query(as(tenant), 'select item from orders order by id')).rows.map((row) => row['item']);

    test('are apart though the statements are the same', async () => {
      await Promise.all([put('ann', 1), put('bob', 1), put('ann', 2)]);
      expect(await items('ann')).toEqual(['item of ann', 'item of ann']);
      expect(await items('bob')).toEqual(['item of bob']);
      await tenants.tx(as('bob'), async (tx) => {
        expect(tx.ctx.tenant).toBe('bob');
        await tx.query('insert into order_line (id, order_id) values (1, 1)');
        expect((await tx.query('select * from order_items')).rows).toEqual([{ item: 'item of bob' }]);
      });
      expect((await tenants.query(as('ann'), 'select * from order_line')).rowCount).toBe(0);
      await expect(
        tenants.tx(as('ann'), async (tx) => {
          await tx.query('delete from orders');
          throw new Error('no');
        }),
      ).rejects.toThrow('no');
      expect(await items('ann')).toHaveLength(2);
    });

    test('that nobody named or nobody made are refused before anything is asked', async () => {
      for (const work of [
        (of: Context) => tenants.query(of, 'select 1'),
        (of: Context) => tenants.query(of, 'select $1::int', [1]),
        (of: Context) => tenants.tx(of, (tx) => tx.query('select 1')),
      ]) {
        await expect(work(ctx)).rejects.toMatchObject({ code: 'TENANT_REQUIRED' });
        await expect(work(as('nobody'))).rejects.toMatchObject({ code: 'UNKNOWN_TENANT' });
        await expect(work(as(`ann'; --`))).rejects.toMatchObject({ code: 'UNKNOWN_TENANT' });
      }
      expect((await tenants.home.query(ctx, 'select 1 as one')).rows).toEqual([{ one: 1 }]);
    });

    test('do not see each other by names of schemas, by paths, nor in the directory', async () => {
      await put('bob', 50);
      const { rows: schemas } = await tenants.home.query(
        ctx,
        `select nspname::text as name from pg_namespace where nspname like 'tenant%' or nspname = 'public'`,
      );
      const attempts = schemas.flatMap(({ name }) => [
        `select * from ${String(name)}.orders`,
        `select * from ${String(name)}.order_items`,
        `select * from ${String(name)}.fairlead_stream`,
        `set search_path = ${String(name)}; select * from orders`,
        `delete from ${String(name)}.orders where item = 'item of bob' returning item`,
      ]);
      for (const text of [
        ...attempts,
        'select * from fairlead.tenant_place',
        `update fairlead.tenant_place set place = 'x'`,
      ]) {
        const seen = await tenants
          .tx(as('ann'), async (tx) => JSON.stringify((await tx.query(text)).rows))
          .catch((error: unknown) => String(error));
        expect(seen, text).not.toContain('bob');
      }
      expect(await items('bob')).toContain('item of bob');
    });

    test('have the store’s primitives each for themselves', async () => {
      for (const tenant of ['ann', 'bob']) {
        const result = await tenants.tx(as(tenant), (tx) =>
          append(tx, `order-${tenant}`, 'none', [{ type: 'placed', key: '1', data: tenant }]),
        );
        expect(result.kind).toBe('appended');
      }
      const read = (database: TenantDatabases, of: Context): Promise<unknown[]> =>
        logReader(kind === 'rows' ? acrossTenants(database) : database, { gapWaitMs: 0 })
          .read(of, { after: 0n, limit: 10 })
          .then((events) => events.map(({ data }) => data));
      expect(await read(tenants, as('ann'))).toEqual(kind === 'rows' ? ['ann', 'bob'] : ['ann']);
      expect((await tenants.query(as('ann'), 'select tenant from fairlead_log')).rows).toEqual([{ tenant: 'ann' }]);
    });

    test('are made once though many ask, under whatever name, and listed', async () => {
      const strange = `O'Brien & "Söhne"; drop schema public cascade; --`;
      const results = await Promise.all([tenants.create(ctx, strange), tenants.create(ctx, strange)]);
      expect(results.toSorted()).toEqual(['created', 'exists']);
      await put(strange, 1);
      expect(await items(strange)).toEqual([`item of ${strange}`]);
      expect(await tenants.list(ctx)).toEqual([strange, 'ann', 'bob']);
    });

    test('that were dropped are gone with all they had, and a new one of the name starts empty', async () => {
      await tenants.create(ctx, 'carl');
      await put('carl', 1);
      await tenants.query(as('carl'), 'insert into order_line (id, order_id) values ($1, 1)', [1]);
      await tenants.tx(as('carl'), (tx) => append(tx, 'order-carl', 'none', [{ type: 'placed', key: '1', data: 1 }]));
      expect(await tenants.drop(ctx, 'carl')).toBe(true);
      expect(await tenants.drop(ctx, 'carl')).toBe(false);
      await expect(items('carl')).rejects.toMatchObject({ code: 'UNKNOWN_TENANT' });
      await tenants.create(ctx, 'carl');
      expect(await items('carl')).toEqual([]);
      expect((await tenants.query(as('carl'), 'select 1 from fairlead_log')).rowCount).toBe(0);
      expect(await items('ann')).toHaveLength(2);
      await tenants.drop(ctx, 'carl');
    });

    test('one that was dropped elsewhere shows nothing to who still knows it', async () => {
      await using other = open({ knownForMs: 60_000 });
      await tenants.create(ctx, 'dora');
      await put('dora', 1);
      const text = 'select item from orders where id > $1';
      expect((await other.query(as('dora'), text, [0])).rowCount).toBe(1);
      await tenants.drop(ctx, 'dora');
      const seen = await other.query(as('dora'), text, [0]).then(
        ({ rowCount }) => rowCount,
        () => 0,
      );
      expect(seen).toBe(0);
    });

    test('one that a crash left half made or half dropped is finished by the next who tries', async () => {
      await tenants.create(ctx, 'eve');
      const state = async (to: string): Promise<void> => {
        await using owner = await connectAdmin(held.ownerUrl);
        await owner.run(`begin; select fairlead.claim_every_tenant();
        update fairlead.tenant_place set state = '${to}' where tenant = 'eve'; commit`);
      };
      await state('making');
      await expect(items('eve')).rejects.toMatchObject({ code: 'UNKNOWN_TENANT' });
      expect(await tenants.create(ctx, 'eve')).toBe('created');
      await state('dropping');
      await expect(tenants.create(ctx, 'eve')).rejects.toMatchObject({ code: 'UNKNOWN_TENANT' });
      expect(await tenants.drop(ctx, 'eve')).toBe(true);
      expect(await tenants.list(ctx)).not.toContain('eve');
    });

    test('get the tables of a newer version all at once', async () => {
      await using newer = open({ migrations: [{ set: 'orders', from: [...ORDERS, NOTES] }] });
      await newer.migrate(ctx);
      for (const tenant of ['ann', 'bob']) {
        await newer.query(as(tenant), 'insert into note (text) values ($1)', [tenant]);
        expect((await newer.query(as(tenant), 'select text from note')).rows).toEqual([{ text: tenant }]);
      }
    });

    test('share one budget of connections, and nobody waits for ever', async () => {
      const names = ['p1', 'p2', 'p3', 'p4'];
      for (const tenant of names) await tenants.create(ctx, tenant);
      await using other = open({ connectionsPerTenant: 1, maxConnections: 3, name: 'budget' });
      const most = { connections: 0 };
      const work = names.flatMap((tenant) =>
        Array.from({ length: 5 }, (_, id) =>
          other.tx(as(tenant), async (tx) => {
            await tx.query('insert into orders (id, item) values ($1, $2)', [id, tenant]);
            const { rows } = await held.database.query(
              ctx,
              `select count(*)::int as n from pg_stat_activity where application_name = 'budget'`,
            );
            most.connections = Math.max(most.connections, Number(rows[0]?.['n']));
          }),
        ),
      );
      await Promise.all(work);
      for (const tenant of names) {
        expect((await other.query(as(tenant), 'select 1 from orders where item = $1', [tenant])).rowCount).toBe(5);
        await tenants.drop(ctx, tenant);
      }
      expect(most.connections).toBeGreaterThan(0);
      expect(most.connections).toBeLessThanOrEqual(3);
    });

    test('without the owner’s credentials are used and not made', async () => {
      await using other = open({ ownerUrl: undefined });
      expect((await other.query(as('ann'), 'select 1 from orders where id = $1', [1])).rowCount).toBe(1);
      await expect(other.create(ctx, 'zoe')).rejects.toMatchObject({ code: 'MISCONFIGURED' });
      await expect(other.drop(ctx, 'ann')).rejects.toMatchObject({ code: 'MISCONFIGURED' });
    });
  });
}
