import { realClock, realRandom } from '@fairlead/core';
import { append, installTenancy, openDatabase } from '@fairlead/store';
import { testDatabase } from '@fairlead/store/testing';
import { recordingTelemetry } from '@fairlead/telemetry';
import { expect, test } from 'vitest';
import { startConsumer } from './consumer.ts';
import { deadLetters } from './dead-letters.ts';
import { postgresBed } from './fixtures/postgres-bed.ts';
import { MESSAGING_MIGRATIONS } from './migrations.ts';
import { postgresBroker } from './postgres-broker.ts';
import { startRelay } from './relay.ts';

const clock = realClock();
const random = realRandom();
const telemetry = recordingTelemetry({ clock });

/** What handlers write, and all that is to be isolated. */
const EFFECT = `create table effect (tenant text, id text);
  select fairlead.isolate_kept('effect');
  select fairlead.isolate_store();`;

test('events that a consumer has parked are their tenant’s, and are handled as ever', async () => {
  await using bed = await postgresBed();
  await using orders = await testDatabase();
  await using held = await testDatabase({
    migrations: [
      { set: 'messaging', from: MESSAGING_MIGRATIONS },
      { set: 'test', from: [{ name: '0001_effect.sql', sql: EFFECT }] },
    ],
  });
  await using owner = openDatabase({ url: held.ownerUrl, name: 'owner', clock });
  await installTenancy(bed.ctx, owner, { url: held.url });
  await using stock = openDatabase({ url: held.url, name: 'stock', clock, tenancy: 'rows' });
  const tenants = ['ann', 'bob', undefined];
  const [ann, bob] = [bed.ctx.derive({ tenant: 'ann' }), bed.ctx.derive({ tenant: 'bob' })];
  for (const tenant of tenants) {
    const ctx = bed.ctx.derive({ tenant });
    const key = tenant ?? 'nobody';
    await orders.database.tx(ctx, (tx) =>
      append(tx, key, 'none', [{ type: 'order.placed', key, data: `secret of ${key}` }]),
    );
  }
  const ports = { clock, random, telemetry };
  await using _relay = startRelay({
    ...ports,
    source: 'orders',
    database: orders.database,
    broker: postgresBroker({ database: bed.open('orders') }),
    pollMs: 10,
  });
  let broken = true;
  await using consumer = startConsumer({
    ...ports,
    name: 'stock',
    sources: ['orders'],
    database: stock,
    broker: postgresBroker({ database: bed.open('stock') }),
    maxAttempts: 2,
    backoff: { baseMs: 1, maxMs: 2 },
    pollMs: 10,
    handler: async (_ctx, event, commit) => {
      await commit(async (tx) => {
        if (broken) throw new Error(`no room for ${JSON.stringify(event.data)}`);
        await tx.query('insert into effect (tenant, id) values ($1, $2)', [event.tenant, event.id]);
      });
    },
  });
  await expect.poll(async () => (await consumer.deadLetters(bed.ctx)).length, { timeout: 20_000 }).toBe(3);

  const seen = async (text: string): Promise<string> => JSON.stringify((await stock.query(ann, text)).rows);
  expect(await seen('select event, error_message from fairlead_parked order by key')).toMatch(
    /secret of ann.*secret of nobody/s,
  );
  expect(await seen('select event, error_message from fairlead_parked order by key')).not.toContain('of bob');
  expect(await seen(`update fairlead_parked set dead = false where key = 'bob' returning *`)).toBe('[]');
  expect(await seen(`delete from fairlead_parked where key = 'bob' returning *`)).toBe('[]');
  expect((await stock.query(bob, 'select key from fairlead_parked order by key')).rows).toEqual([
    { key: 'bob' },
    { key: 'nobody' },
  ]);

  broken = false;
  for (const { id } of await deadLetters(bed.ctx, stock)) expect(await consumer.redrive(bed.ctx, id)).toBe(true);
  const handled = async (): Promise<unknown[]> =>
    (
      await owner.tx(bed.ctx, async (tx) => {
        await tx.query('select fairlead.claim_every_tenant()');
        return tx.query('select tenant from effect order by tenant nulls last');
      })
    ).rows.map((row) => row['tenant']);
  await expect.poll(handled, { timeout: 20_000 }).toEqual(['ann', 'bob', null]);
});
