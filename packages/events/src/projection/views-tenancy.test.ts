import { createContext, realClock, realRandom } from '@fairlead/core';
import { append, installTenancy, openDatabase } from '@fairlead/store';
import { testDatabase } from '@fairlead/store/testing';
import { recordingTelemetry } from '@fairlead/telemetry';
import { expect, test } from 'vitest';
import { counted, sums } from './views-world.fixture.ts';
import { openViews } from './views.ts';

const clock = realClock();
const random = realRandom();
const ctx = createContext({ clock, random });

const TABLES = ['counted_v1a', 'counted_v1b']
  .map(
    (table) =>
      `create table ${table} (seq serial, tenant text not null, thing text not null, n integer not null, primary key (tenant, seq));
       select fairlead.isolate('${table}', p_across => true);`,
  )
  .join('\n');

test('where rows are kept apart by tenant, views are written across them and read by one', async () => {
  await using held = await testDatabase();
  await using owner = openDatabase({ url: held.ownerUrl, name: 'owner', clock });
  await installTenancy(ctx, owner, { url: held.url });
  await owner.query(ctx, 'select fairlead.isolate_store()');
  await owner.tx(ctx, (tx) => tx.query(TABLES));
  await using database = openDatabase({ url: held.url, name: 'things', clock, tenancy: 'rows' });
  const [async, inline] = [sums(1), sums(1, { mode: 'inline', name: 'now' })];
  const rows = counted(1, { tenants: true });
  const telemetry = recordingTelemetry({ clock });
  await using views = openViews({
    database,
    clock,
    random,
    telemetry,
    projections: [async, inline, rows],
    retiredMs: 50,
  });
  await views.start();
  const tenants = ['ann', 'bob'].map((tenant) => ctx.derive({ tenant }));
  for (const [index, of] of tenants.entries()) {
    await database.tx(of, async (tx) => {
      const event = { type: 'thing.counted', key: 'a', data: { id: 'a', n: index + 1 } };
      const result = await append(tx, `${of.tenant}/a`, 'any', [event]);
      if (result.kind === 'appended') await views.appended(tx, result.events);
      expect(await views.view(inline).get(tx, 'a')).toEqual({ sum: index + 1, seen: [index + 1] });
    });
  }
  const until = async (what: () => Promise<boolean>): Promise<void> => {
    while (!(await what())) await clock.sleep(5);
  };
  const of = async (index: number) => {
    const { rows: found } = await database.query<{ n: number }>(
      tenants[index] ?? ctx,
      `select n from ${views.view(rows).tables.counted}`,
    );
    return found.map(({ n }) => n);
  };
  for (const index of [0, 1]) {
    await until(async () => (await views.view(async).get(tenants[index] ?? ctx, 'a'))?.sum === index + 1);
    await until(async () => (await of(index)).length === 1);
    expect(await of(index)).toEqual([index + 1]);
  }
  await until(async () => (await views.status(ctx)).every(({ builds }) => builds[0]?.state === 'live'));
  await views.rebuild(ctx, 'counted');
  await until(
    async () => (await views.status(ctx))[2]?.builds.length === 1 && views.view(rows).tables.counted.endsWith('b'),
  );
  expect(await of(1)).toEqual([2]);
  const { rows: left } = await owner.tx(ctx, async (tx) => {
    await tx.query('select fairlead.claim_every_tenant()');
    return tx.query('select 1 from counted_v1a');
  });
  expect(left).toEqual([]);
});
