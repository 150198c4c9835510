import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { realClock } from '@fairlead/core';
import { expect, test } from 'vitest';
import { backupDatabase } from '../backup/backup-database.ts';
import { restoreDatabase } from '../backup/restore-database.ts';
import { connectAdmin } from '../embedded/admin-connection.ts';
import { queue } from '../job/queue.ts';
import { scatter } from '../job/scatter.ts';
import { append } from '../log/log.ts';
import { storeMigrations } from '../migrate/migrate.ts';
import { rewriteDatabaseUrl } from '../postgres/database-url.ts';
import { openDatabase } from '../postgres/postgres-database.ts';
import { acrossTenants } from './across-tenants.ts';
import { SHOP, tenancyBed } from './tenancy.fixture.ts';

test('a backup has the rows of all tenants, and they are apart again where it is restored', async () => {
  await using bed = await tenancyBed();
  const { ctx, ann, bob, held } = bed;
  await bed.database.tx(bob, (tx) =>
    append(tx, 'order-1', 'none', [{ type: 'placed', key: '1', data: 'secret of bob' }]),
  );
  const across = acrossTenants(bed.database);
  for (const as of [ann, bob, ctx])
    await bed.database.query(as, 'insert into noted values ($1, $2)', [as.tenant, `of ${as.tenant ?? 'nobody'}`]);
  const park = `insert into fairlead_parked_event (subscription, shard, key, position) values ('mails', 0, $1, 1)`;
  await across.query(ctx, park, ['of bob']);
  const scattered = await bed.database.tx(bob, (tx) =>
    scatter(tx, queue('part'), ['one'], { then: queue('whole'), payload: {}, deadlineMs: 60_000 }),
  );
  if (scattered.kind !== 'scattered') throw new Error('nothing was scattered');
  // Its job has ended, and nobody has swept it yet.
  await across.query(ctx, 'delete from fairlead_job where id = $1', [scattered.id]);
  const directory = mkdtempSync(join(tmpdir(), 'fairlead-tenancy-'));
  const file = join(directory, 'shop.backup');
  const fresh = `${held.database.name}_restored`;
  await using admin = await connectAdmin(held.adminUrl);
  await admin.run(`create database ${fresh} owner test_owner template template0`);
  const clock = realClock();
  const at = (url: string): string => rewriteDatabaseUrl(url, { database: fresh });
  const owner = openDatabase({ url: at(held.ownerUrl), name: 'shop', clock, transactionTimeoutMs: 0 });
  const database = openDatabase({ url: at(held.url), name: 'shop', clock, tenancy: 'rows' });
  try {
    await backupDatabase(ctx, bed.owner, { service: 'shop', file });
    await owner.query(ctx, `alter default privileges in schema public grant select, insert on tables to test_runtime`);
    const sets = [storeMigrations(), { set: 'shop', from: [{ name: '0001_shop.sql', sql: SHOP }] }];
    await restoreDatabase(ctx, owner, { file, service: 'shop', sets });
    const text = 'select distinct secret from orders where id < $1';
    expect((await database.query(ann, text, [9])).rows).toEqual([{ secret: 'secret of ann' }]);
    expect((await database.query(bob, text, [9])).rows).toEqual([{ secret: 'secret of bob' }]);
    await expect(database.query(ctx, text, [9])).rejects.toMatchObject({ code: 'TENANT_REQUIRED' });
    await expect(owner.query(ctx, text, [9])).rejects.toMatchObject({ code: 'TENANT_REQUIRED' });
    expect((await database.query(bob, 'select tenant from fairlead_log')).rows).toEqual([{ tenant: 'bob' }]);
    expect((await database.query(ann, 'select tenant from fairlead_log')).rows).toEqual([]);
    const kept = 'select note from noted order by tenant nulls last';
    expect((await database.query(ann, kept)).rows).toEqual([{ note: 'of ann' }, { note: 'of nobody' }]);
    expect((await database.query(bob, kept)).rows).toEqual([{ note: 'of bob' }, { note: 'of nobody' }]);
    const parts = 'select scatter::text as id, tenant from fairlead_scatter_part';
    expect((await database.query(ann, parts)).rows).toEqual([]);
    expect((await database.query(bob, parts)).rows).toEqual([{ id: scattered.id, tenant: 'bob' }]);
    const parked = await acrossTenants(database).query(ctx, 'select key from fairlead_parked_event');
    expect(parked.rows).toEqual([{ key: 'of bob' }]);
  } finally {
    await owner.close();
    await database.close();
    await admin.run(`drop database if exists ${fresh} with (force)`);
    rmSync(directory, { recursive: true });
  }
});
