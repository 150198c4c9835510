import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { queue } from '../job/queue.ts';
import { gather, scatter } from '../job/scatter.ts';
import { append } from '../log/log.ts';
import { acrossTenants } from './across-tenants.ts';
import { attackAs, tenancyBed, type TenancyBed } from './tenancy.fixture.ts';

// What is left behind for the next transaction, and what lies in the store's own tables: see tenancy-attacks.test.ts.
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

  test('keep parts of scattered jobs and what they came to apart, and one tenant’s scattering leaves the other’s alone', async () => {
    const { database, ann, bob, ctx } = bed;
    const [part, whole] = [queue('part'), queue('whole')];
    const scattered = await database.tx(bob, (tx) =>
      scatter(tx, part, [LEAK], { then: whole, payload: {}, deadlineMs: 60_000 }),
    );
    if (scattered.kind !== 'scattered') throw new Error('nothing was scattered');
    const { id } = scattered;
    await acrossTenants(database).query(
      ctx,
      `update fairlead_scatter_part set result = to_json($2::text), outcome = 'done' where scatter = $1`,
      [id, LEAK],
    );
    // Which sweeps what has ended long ago.
    await database.tx(ann, (tx) => scatter(tx, part, ['of ann'], { then: whole, payload: {}, deadlineMs: 60_000 }));
    for (const text of [
      'select * from fairlead_scatter_part where scatter is not null',
      `update fairlead_scatter_part set outcome = 'failed' where scatter = '${id}' returning *`,
      `delete from fairlead_scatter where id = '${id}' returning *`,
    ])
      expect(await attack(text), text).not.toMatch(new RegExp(`of bob|${id}`));
    expect(await attack(`insert into fairlead_scatter_part (scatter, place) values ('${id}', 7)`)).toContain(
      'TENANT_REFUSED',
    );
    const results = [{ place: 0, value: LEAK }];
    expect(await database.tx(bob, (tx) => gather(tx, id))).toEqual({
      results,
      failed: [],
      missing: [],
      partial: false,
    });
  });

  test('show no event that a subscription has parked, as those may be anybody’s', async () => {
    const across = acrossTenants(bed.database);
    await across.query(
      bed.ctx,
      `insert into fairlead_parked_event (subscription, shard, key, position, error_message) values ('mails', 0, $1, 1, $1)`,
      [LEAK],
    );
    for (const text of ['select * from fairlead_parked_event', 'delete from fairlead_parked_event returning *'])
      expect(await attack(text), text).toBe('[]\n');
    expect((await across.query(bed.ctx, 'select key from fairlead_parked_event')).rows).toEqual([{ key: LEAK }]);
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
