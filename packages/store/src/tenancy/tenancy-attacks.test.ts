import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createHmac } from 'node:crypto';
import { connectAdmin } from '../embedded/admin-connection.ts';
import { realClock, type Context } from '@fairlead/core';
import type { Database, Tx } from '../database.ts';
import { append } from '../log/log.ts';
import { openDatabase } from '../postgres/postgres-database.ts';
import { rewriteDatabaseUrl } from '../postgres/database-url.ts';
import { acrossTenants } from './across-tenants.ts';
import { tenancyBed, type TenancyBed } from './tenancy.fixture.ts';

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

/** Everything that a statement shows: rows, or what an error says. */
async function shown(tx: Tx, text: string, params?: readonly unknown[]): Promise<string> {
  try {
    return JSON.stringify((await tx.query(text, params)).rows);
  } catch (error) {
    return JSON.stringify(error, Object.getOwnPropertyNames(error)) + String(error);
  }
}

/** What a whole transaction of `ann` shows, one statement after another; a failed statement is rolled back on its own. */
async function attack(...texts: readonly string[]): Promise<string> {
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

describe('a connection that was left dirty', () => {
  async function afterwards(...texts: readonly string[]): Promise<void> {
    await attack(...texts);
    const { database, ann, bob, ctx } = bed;
    expect((await database.query(bob, READ)).rows).toEqual([{ secret: LEAK }, { secret: LEAK }]);
    expect((await database.query(ann, `${READ} where id = $1`, [1])).rows).toEqual([{ secret: 'secret of ann' }]);
    await expect(database.query(ctx, READ)).rejects.toMatchObject({ code: 'TENANT_REQUIRED' });
    await expect(database.query(ctx, `${READ} where id = $1`, [1])).rejects.toMatchObject({ code: 'TENANT_REQUIRED' });
  }

  test('by a setting of the session, a valid claim included, does not carry it on', async () => {
    await afterwards(`select set_config('fairlead.tenancy', current_setting('fairlead.tenancy'), false)`, 'select 1');
    await afterwards(`set search_path = pg_catalog`, `set session statement_timeout = 1`, `set row_security = off`);
    await afterwards(`set session characteristics as transaction read only`);
    await afterwards(`select set_config('fairlead.now', '2001-01-01', false)`);
    const { rows } = await bed.database.query(bed.ann, `select fairlead.now() > '2020-01-01' as right where $1`, [
      true,
    ]);
    expect(rows).toEqual([{ right: true }]);
  });

  test('by a statement under the name of one of ours does not run it', async () => {
    const text = 'select secret from orders where id = $1';
    for (let name = 1; name <= 20; name += 1)
      await attack(
        `deallocate fairlead_${name}`,
        `prepare fairlead_${name} as select set_config('stolen.rows', (select string_agg(secret, ',') from orders), false)`,
      );
    await bed.database.tx(bed.bob, async (tx) => {
      await tx.query(text, [1]);
      await append(tx, 'order-of-bob', 'exists', [{ type: 'changed', key: '1', data: 'secret of bob' }]);
    });
    expect(await attack(`select current_setting('stolen.rows', true)`)).not.toContain(LEAK);
  });

  test('by commands that end the transaction loses the tenant and not the walls', async () => {
    for (const text of [
      `commit; ${READ}`,
      `rollback; ${READ}`,
      `commit; begin; ${READ}`,
      `rollback; begin; select set_config('fairlead.tenancy', 'tbob', false); ${READ}`,
      `abort; start transaction; ${READ}`,
    ]) {
      const seen = await attack(text);
      expect(seen, text).not.toContain(LEAK);
      await afterwards('select 1');
    }
  });

  test('by a failure in the middle of a transaction serves the next one as ever', async () => {
    const failing = bed.database.tx(bed.ann, (tx) => tx.query('select 1 / 0'));
    await expect(failing).rejects.toMatchObject({ code: '22012' });
    await afterwards('select 1');
  });

  test('by a temporary table cannot stand in for ours: the role may make none', async () => {
    expect(await attack('create temp table orders (secret text)')).toMatch(/permission denied/);
  });
});

describe('the store’s own tables', () => {
  test('show a tenant’s own events, streams and keys', async () => {
    for (const text of [
      'select * from fairlead_log',
      'select * from fairlead_stream',
      `select data from fairlead_log where stream = 'order-of-bob'`,
      'select * from fairlead_tenant_key',
    ])
      expect(await attack(text), text).not.toMatch(/of.bob/);
    const across = acrossTenants(bed.database);
    expect(JSON.stringify((await across.query(bed.ctx, 'select * from fairlead_log')).rows)).toContain(LEAK);
  });

  test('show a tenant’s own documents and jobs, and the service’s own documents to everybody', async () => {
    const put = `insert into fairlead_doc (namespace, tenant, key, version, body, updated_at)
      values ('cart', $1, $2, 1, to_json($3::text), fairlead.now())`;
    await bed.database.query(bed.bob, put, ['bob', '1', LEAK]);
    await bed.database.query(bed.bob, put, [null, 'shared', 'of the service']);
    await bed.database.query(
      bed.bob,
      `insert into fairlead_job (id, queue, tenant, state, priority, payload, origin, enqueued_at, max_attempts)
         values ($1, 'mail', 'bob', 'ready', 0, to_json($2::text), '{}', fairlead.now(), 1)`,
      ['00000000-0000-7000-8000-000000000001', LEAK],
    );
    for (const text of [
      'select * from fairlead_doc',
      `delete from fairlead_doc where tenant = 'bob' returning *`,
      'select * from fairlead_job',
      `update fairlead_job set tenant = 'ann' returning *`,
    ])
      expect(await attack(text), text).not.toMatch(/of bob/);
    expect(await attack('select body from fairlead_doc')).toBe('[{"body":"of the service"}]\n');
    const across = acrossTenants(bed.database);
    expect((await across.query(bed.ctx, 'select payload, tenant from fairlead_job')).rows).toEqual([
      { payload: LEAK, tenant: 'bob' },
    ]);
  });

  test('take no event into another tenant’s stream, nor into another tenant’s name', async () => {
    const event = { type: 'forged', key: '1', data: 1 };
    const into = (expected: 'any' | 'none' | 'exists' | number): Promise<unknown> =>
      bed.database.tx(bed.ann, (tx) => append(tx, 'order-of-bob', expected, [event])).catch((error: unknown) => error);
    expect(await into('any')).toMatchObject({ code: 'TENANT_REFUSED' });
    expect(await into('exists')).toEqual({ kind: 'conflict', actual: 0 });
    expect(await into(2)).toEqual({ kind: 'conflict', actual: 0 });
    const copy = await attack(`insert into fairlead_log select position + 1000000, stream, version + 1000, 'x', type,
      schema_version, key, data, time, 'bob' from fairlead_log limit 1`);
    expect(copy).not.toContain('[{');
    const { rows } = await acrossTenants(bed.database).query(
      bed.ctx,
      `select 1 from fairlead_log where type = 'forged'`,
    );
    expect(rows).toEqual([]);
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
