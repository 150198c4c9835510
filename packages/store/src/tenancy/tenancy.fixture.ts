import { createContext, realClock, realRandom, type Context } from '@fairlead/core';
import type { Database, Tx } from '../database.ts';
import { openDatabase } from '../postgres/postgres-database.ts';
import { testDatabase, type TestDatabase } from '../testing/test-database.ts';
import { installTenancy } from './install-tenancy.ts';

/** A shop's tables, isolated; and what a careless owner adds to them. */
export const SHOP = `
  create table orders (
    tenant text not null default '', id integer not null, item text not null, secret text not null, note text unique,
    primary key (tenant, id)
  );
  create index on orders (item);
  create table order_line (tenant text not null default '', id integer, order_id integer, primary key (tenant, id),
    foreign key (tenant, order_id) references orders);
  create table setting (name text primary key, value text);
  create view all_orders as select * from orders;
  create function order_count() returns bigint language sql security definer as $$ select count(*) from orders $$;
  create function secrets() returns setof text language plpgsql security definer as
    $$ begin return query execute 'select secret from orders'; end $$;
  create table measured (tenant text not null default '', at integer not null, value integer) partition by range (at);
  create table measured_1 partition of measured for values from (0) to (10);
  create table noted (tenant text, note text not null);
  select fairlead.isolate_kept('noted');
  select fairlead.isolate('orders');
  select fairlead.isolate('order_line');
  select fairlead.isolate('measured');
  select fairlead.isolate_store();`;

/** A database with two tenants, `ann` and `bob`, opened as a service would. */
export interface TenancyBed extends AsyncDisposable {
  readonly held: TestDatabase;
  readonly database: Database;
  readonly owner: Database;
  readonly ctx: Context;
  readonly ann: Context;
  readonly bob: Context;
}

export async function tenancyBed(options: { readonly maxConnections?: number } = {}): Promise<TenancyBed> {
  const held = await testDatabase({ migrations: [{ set: 'shop', from: [{ name: '0001_shop.sql', sql: SHOP }] }] });
  const clock = realClock();
  const ctx = createContext({ clock, random: realRandom() });
  const [ann, bob] = [ctx.derive({ tenant: 'ann' }), ctx.derive({ tenant: 'bob' })];
  const owner = openDatabase({ url: held.ownerUrl, name: 'owner', clock, maxConnections: 1 });
  await installTenancy(ctx, owner, { url: held.url });
  const database = openDatabase({ url: held.url, name: 'shop', clock, tenancy: 'rows', maxConnections: 1, ...options });
  for (const of of [ann, bob]) {
    await database.tx(of, async (tx) => {
      await tx.query(`insert into orders (id, item, secret) values (1, 'tea', $1), (2, 'rum', $1)`, [
        `secret of ${of.tenant}`,
      ]);
      await tx.query(`insert into measured (at, value) values (1, 1)`);
    });
  }
  return {
    held,
    database,
    owner,
    ctx,
    ann,
    bob,
    async [Symbol.asyncDispose]() {
      await database.close();
      await owner.close();
      await held[Symbol.asyncDispose]();
    },
  };
}

/** Everything that a statement shows: rows, or what an error says. */
async function shown(tx: Tx, text: string, params?: readonly unknown[]): Promise<string> {
  try {
    return JSON.stringify((await tx.query(text, params)).rows);
  } catch (error) {
    return JSON.stringify(error, Object.getOwnPropertyNames(error)) + String(error);
  }
}

/** What a whole transaction of `ann` shows, one statement after another; a failed statement is rolled back on its own. */
export async function attackAs(bed: TenancyBed, texts: readonly string[]): Promise<string> {
  let all = '';
  await bed.database
    .tx(bed.ann, async (tx) => {
      for (const text of texts) {
        await tx.query('savepoint attack').catch(() => {});
        const seen = await shown(tx, text);
        if (/"code":/.test(seen)) await tx.query('rollback to attack').catch(() => {});
        all += `${seen}\n`;
      }
    })
    .catch((error: unknown) => (all += String(error)));
  return all;
}
