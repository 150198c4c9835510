import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createHmac } from 'node:crypto';
import { connectAdmin } from '../embedded/admin-connection.ts';
import { realClock, type Context } from '@fairlead/core';
import type { Database } from '../database.ts';
import { append } from '../log/log.ts';
import { openDatabase } from '../postgres/postgres-database.ts';
import { rewriteDatabaseUrl } from '../postgres/database-url.ts';
import { acrossTenants } from './across-tenants.ts';
import { attackAs, tenancyBed, type TenancyBed } from './tenancy.fixture.ts';

/*
 * Somebody has found a hole in the service and runs any SQL in transactions of `ann`, on the connection that `bob` uses as
 * well. What is bob's says so: 'secret of bob'.
 */
let bed: TenancyBed;
beforeAll(async () => {
  bed = await tenancyBed();
  await bed.database.tx(bed.bob, (tx) =>
    append(tx, 'order-of-bob', 'none', [{ type: 'placed', key: '1', data: 'secret of bob' }]),
  );
});
afterAll(() => bed[Symbol.asyncDispose]());

const LEAK = 'secret of bob';

const attack = (...texts: readonly string[]): Promise<string> => attackAs(bed, texts);
const READ = 'select secret from orders';

describe('what is said about the tenant', () => {
  test('cannot be forged: neither a name, nor a claim of ann for bob, nor anything that looks like a claim', async () => {
    const claims = [
      'bob',
      'tbob',
      '*',
      '.*',
      `${'0'.repeat(16)}.${'0'.repeat(64)}.tbob`,
      `${'0'.repeat(16)}.${createHmac('sha256', '').update('0 tbob').digest('hex')}.*`,
    ];
    for (const claim of claims) {
      for (const local of ['true', 'false']) {
        const seen = await attack(`select set_config('fairlead.tenancy', '${claim}', ${local})`, READ);
        expect(seen, claim).not.toContain(LEAK);
        expect(seen, claim).toContain('TENANT_FORGED');
      }
    }
    const spliced = [
      `set_config('fairlead.tenancy', left(current_setting('fairlead.tenancy'), 82) || 'tbob', true)`,
      `set_config('fairlead.tenancy', left(current_setting('fairlead.tenancy'), 82) || '*', true)`,
      `set_config('fairlead.tenancy', current_setting('fairlead.tenancy') || 'bob', true)`,
      `set_config('fairlead.tenancy', left(current_setting('fairlead.tenancy'), 18) || 'tbob', true)`,
      `set_config('fairlead.tenancy', left(current_setting('fairlead.tenancy'), 16), true)`,
    ];
    for (const splice of spliced) {
      const seen = await attack(`select ${splice}`, READ, 'select * from fairlead_log');
      expect(seen).not.toContain(LEAK);
      expect(seen).toContain('TENANT_FORGED');
    }
  });

  test('is worth nothing in another session, so that what was overheard there cannot be used here', async () => {
    const clock = realClock();
    await using other = openDatabase({ url: bed.held.url, name: 'other', clock, maxConnections: 1, tenancy: 'rows' });
    const claimOf = (database: Database): Promise<unknown> =>
      database
        .query(bed.bob, `select current_setting('fairlead.tenancy') as claim where $1`, [true])
        .then(({ rows }) => rows[0]!['claim']);
    const [here, there] = [await claimOf(bed.database), await claimOf(other)];
    const reuse = (claim: unknown): Promise<string> =>
      attack(`select set_config('fairlead.tenancy', '${claim}', true)`, READ);
    expect(await reuse(there)).toContain('TENANT_FORGED');
    // The control: it is the session that makes the difference.
    expect(await reuse(here)).toContain(LEAK);
  });

  test('is not to be read in the texts that other sessions of the role run', async () => {
    const clock = realClock();
    await using other = openDatabase({ url: bed.held.url, name: 'other', clock, tenancy: 'rows' });
    await other.tx(bed.bob, async (tx) => {
      const statements = ['select 1', 'select $1::int'];
      for (const text of statements) {
        await tx.query(text, text.includes('$') ? [1] : []);
        const seen = await attack(`select query from pg_stat_activity where application_name = 'other'`);
        expect(seen).toContain(text);
        expect(seen).not.toMatch(/[0-9a-f]{64}/);
      }
    });
  });

  test('is not to be had from the key, which no role of the service can read', async () => {
    for (const text of [
      'select * from fairlead.tenancy_key',
      'copy fairlead.tenancy_key to stdout',
      'update fairlead.tenancy_key set installed_at = installed_at',
      'delete from fairlead.tenancy_key',
      `insert into fairlead.tenancy_key values ('x', '', '', fairlead.now())`,
      'select fairlead.claim_every_tenant()',
    ])
      expect(await attack(text)).toMatch(/permission denied/);
  });

  test('cannot be turned against the function that checks it', async () => {
    for (const path of [`set search_path = pg_temp, public, pg_catalog`, `set search_path = ''`]) {
      const seen = await attack(
        path,
        `create function pg_temp.sha256(bytea) returns bytea language sql as 'select ''''::bytea'`,
        `create function public.sha256(bytea) returns bytea language sql as 'select ''''::bytea'`,
        `create function fairlead.tenant() returns text language sql as 'select ''bob'''`,
        `create or replace function fairlead.tenant_scope() returns text language sql as 'select ''tbob'''`,
        `alter function fairlead.tenant() owner to current_user`,
        `select set_config('fairlead.tenancy', repeat('0', 82) || 'tbob', true)`,
        `select secret from public.orders`,
      );
      expect(seen).not.toContain(LEAK);
      expect(seen.match(/permission denied|must be owner/g)?.length).toBeGreaterThan(3);
    }
  });
});

describe('rights', () => {
  test('cannot be changed: not the role, not the session, not row security', async () => {
    for (const change of [
      'set role none',
      'reset role',
      'set role test_owner',
      'set local role test_owner',
      'set session authorization test_owner',
      'set session authorization default',
      'reset session authorization',
      'set row_security = off',
      'alter table orders disable row level security',
      'alter table orders no force row level security',
      'drop policy fairlead_tenant on orders',
      'create policy mine on orders using (true)',
      'alter table orders owner to test_runtime',
      'alter role test_runtime bypassrls',
      'grant test_owner to test_runtime',
      `select fairlead.isolate('orders', 'tenant', true, true)`,
      `select fairlead.isolate_kept('orders')`,
      `select fairlead.isolate_across('orders')`,
      'select fairlead.isolate_store()',
      `select set_config('role', 'test_owner', true)`,
      `select set_config('session_replication_role', 'replica', true)`,
      'reset all',
      'discard all',
    ])
      expect(await attack(change, READ), change).not.toContain(LEAK);
  });

  test('do not reach past the table: no copy, no truncate, no trigger, no large read of the server', async () => {
    for (const text of [
      'copy orders to stdout',
      'copy (select * from orders) to stdout',
      `copy orders to '/tmp/orders'`,
      `copy orders from program 'id'`,
      'truncate orders',
      'create trigger t before update on orders for each row execute function suppress_redundant_updates_trigger()',
      'create table mine as table orders',
      'create temp table mine as table orders',
      `select pg_read_file('base/1/1259')`,
      `select * from pg_stats where tablename = 'orders'`,
      'select * from pg_statistic',
      'lock table orders in access exclusive mode',
      `select query_to_xml('select secret from orders', true, true, '')`,
      `select database_to_xml(true, true, '')`,
      `do $$ declare r record; begin for r in select * from orders loop raise warning '%', r.secret; end loop; end $$`,
      `explain (analyze, verbose) ${READ}`,
    ]) {
      const seen = await attack(text);
      expect(seen, text).not.toContain(LEAK);
      expect((await bed.database.query(bed.bob, READ)).rowCount, text).toBe(2);
    }
  });
});

describe('ways around the table', () => {
  test('views and functions of the owner show what the caller may see', async () => {
    expect(await attack('select * from all_orders')).not.toContain(LEAK);
    expect(await attack('select * from all_orders')).toContain('secret of ann');
    expect(await attack('select * from secrets()')).toBe('[{"secrets":"secret of ann"},{"secrets":"secret of ann"}]\n');
    expect(await attack('select order_count() as n')).toBe('[{"n":"2"}]\n');
  });

  test('partitions are isolated as their table is', async () => {
    expect(await attack('select count(*) as n from measured')).toBe('[{"n":"1"}]\n');
    expect(await attack('select count(*) as n from measured_1')).toBe('[{"n":"1"}]\n');
  });

  test('expressions that tell or fail on what they see are not given rows of others', async () => {
    for (const text of [
      `select * from orders where 1 / (case when secret = '${LEAK}' then 0 else 1 end) > 0`,
      `select * from orders where cast(secret as integer) > 0`,
      `select * from orders where secret ~ '(((' or true`,
      `select * from orders where item like 'tea' and cast(secret as xml) is not null`,
      `select * from orders where pg_input_is_valid(secret, 'integer') and query_to_xml(secret, true, true, '') is not null`,
    ])
      expect(await attack(text), text).not.toContain(LEAK);
  });

  test('a plan that was made under another tenant, or under all of them, is no way in', async () => {
    const { database, ann, bob, ctx } = bed;
    const text = 'select secret from orders where item = $1';
    for (let round = 0; round < 8; round += 1) {
      expect((await database.query(bob, text, ['tea'])).rows).toEqual([{ secret: LEAK }]);
      expect((await database.query(ann, text, ['tea'])).rows).toEqual([{ secret: 'secret of ann' }]);
      expect((await acrossTenants(database).query(ctx, text, ['tea'])).rows).toEqual([]);
    }
    // On one session and by name, with the generic plan that the server takes after five runs.
    await database.tx(bob, async (tx) => {
      await tx.query(`prepare kept (text) as select secret from orders where item = $1`);
      for (let run = 0; run < 7; run += 1) await tx.query(`execute kept('tea')`);
      await tx.query('declare held cursor with hold for select 1');
    });
    expect(await attack(`execute kept('tea')`)).toBe('[{"secret":"secret of ann"}]\n');
    expect(await attack('fetch all from held')).toMatch(/does not exist/);
    await database.query(ann, 'deallocate kept');
  });

  test('RETURNING, ON CONFLICT and MERGE neither show nor change rows of others', async () => {
    for (const text of [
      `update orders set item = item where tenant = 'bob' returning secret`,
      `delete from orders where secret = '${LEAK}' returning *`,
      `insert into orders (tenant, id, item, secret) values ('bob', 1, 'x', 'x') on conflict (tenant, id) do nothing returning *`,
      `insert into orders (tenant, id, item, secret) values ('bob', 1, 'x', 'x')
         on conflict (tenant, id) do update set item = excluded.item returning orders.secret`,
      `merge into orders o using (select 'bob' as tenant, 1 as id) s on o.tenant = s.tenant and o.id = s.id
         when matched then update set item = 'x' when not matched then do nothing`,
      `with gone as (delete from orders where tenant = 'bob' returning *) select * from gone`,
    ])
      expect(await attack(text), text).not.toMatch(/"secret":"secret of bob"|"detail":"[^"]*secret of bob/);
    const { rows } = await bed.database.query(bed.bob, 'select item, secret from orders order by id');
    expect(rows).toEqual([
      { item: 'tea', secret: LEAK },
      { item: 'rum', secret: LEAK },
    ]);
  });

  test('a foreign key with the tenant in it points at nobody else’s rows', async () => {
    await bed.database.query(bed.bob, `insert into orders (id, item, secret) values ($1, 'x', 'x')`, [77]);
    const seen = await attack('insert into order_line (id, order_id) values (1, 77)');
    expect(seen).toContain('order_line_tenant_order_id_fkey');
    await bed.database.query(bed.bob, 'delete from orders where id = $1', [77]);
  });

  test('nothing that a constraint says tells what another tenant’s row holds', async () => {
    const seen = await attack(`insert into orders (id, item, secret, note) select 1, item, secret, note from orders`);
    expect(seen).not.toContain(LEAK);
  });
});

test('what stands open is told: nothing in this schema but what was left open on purpose', async () => {
  const gaps = async (): Promise<string[]> =>
    (await bed.owner.query(bed.ctx, 'select * from fairlead.tenancy_gaps()')).rows.map((row) =>
      `${row['object']} ${row['gap']}`.replaceAll('public.', ''),
    );
  expect(await gaps()).toEqual([
    'orders has the unique key orders_note_key without the tenant: a taken value tells that another tenant has it',
  ]);
  await using superuser = await connectAdmin(
    rewriteDatabaseUrl(bed.held.adminUrl, { database: bed.held.database.name }),
  );
  await superuser.run(`
    begin;
    create view careless as select * from orders;
    create function loose() returns bigint language sql security definer as 'select count(*) from orders';
    create materialized view kept as select secret from orders where false;
    create table forgotten (tenant text, x integer);
    create table measured_2 partition of measured for values from (10) to (20);
    create policy wide on orders for select using (true);
    create table pointing (tenant text, n text references orders (note));
    select fairlead.isolate('pointing');
    grant truncate on orders to test_runtime;
    grant select on fairlead.tenancy_key to test_runtime;
    alter table fairlead_job no force row level security;
    drop policy fairlead_every_tenant on fairlead_parked_event;
    grant temporary on database ${bed.held.database.name} to test_runtime;
    commit`);
  const all = (await gaps()).join('\n');
  for (const part of [
    'careless belongs to',
    'loose() runs as',
    'kept is a materialized view of orders',
    'forgotten has a column tenant and is not isolated',
    'measured_2 is a partition',
    'orders has the policy wide',
    'pointing has the foreign key pointing_n_fkey',
    'orders may be truncated by test_runtime',
    'fairlead.tenancy_key may be read by test_runtime',
    'temporary tables may be made by test_runtime',
    'fairlead_job holds rows of tenants and is not isolated',
    'fairlead_parked_event holds rows of tenants and is not isolated',
  ])
    expect(all).toContain(part);
});

test('the walls are why: the same statements on tables that are not isolated show everything', async () => {
  await using superuser = await connectAdmin(
    rewriteDatabaseUrl(bed.held.adminUrl, { database: bed.held.database.name }),
  );
  await superuser.run('alter table orders disable row level security');
  const context: Context = bed.ann;
  const { rows } = await bed.database.query(context, READ);
  expect(JSON.stringify(rows)).toContain(LEAK);
});
