import { readFileSync } from 'node:fs';
import { createContext, realClock, realRandom } from '@fairlead/core';
import { handle, history, stateOf } from '@fairlead/events';
import { migrate, openDatabase } from '@fairlead/store';
import { testDatabase } from '@fairlead/store/testing';
import { expect, test } from 'vitest';
import { Payment } from './payment.ts';

const migration = (name: string) => ({
  name,
  sql: readFileSync(new URL(`./migrations/${name}`, import.meta.url), 'utf8'),
});

test('payments that an earlier release has booked go on as streams, at the times when they were booked', async () => {
  const clock = realClock();
  using ctx = createContext({ clock, random: realRandom(), tenant: 'acme/eu' });
  const first = migration('0001_payments.sql');
  await using held = await testDatabase({ migrations: [{ set: 'payments', from: [first] }] });
  const { database } = held;
  await database.query(
    ctx,
    `insert into payment (id, tenant, order_id, type, amount_cents, at) values
       ('b', $1, 'o-1', 'refunded', 900, '2026-01-02T00:00:00Z'), ('a', $1, 'o-1', 'captured', 900, '2026-01-01T00:00:00Z'),
       ('c', $1, 'o-2', 'captured', 500, '2026-01-03T00:00:00Z'), ('d', $1, 'o-3', 'declined', 100, '2026-01-03T00:00:00Z')`,
    [ctx.tenant],
  );
  await using owner = openDatabase({ url: held.ownerUrl, name: 'owner', clock, maxConnections: 1 });
  await migrate(ctx, owner, { set: 'payments', from: [first, migration('0002_payment_streams.sql')] });

  const from = { ctx, database };
  const events = await history(from, Payment, 'o-1');
  expect(events.map(({ id, type, time, private: stays }) => [id, type, new Date(time).toISOString(), stays])).toEqual([
    ['a', 'payment.captured', '2026-01-01T00:00:00.000Z', true],
    ['b', 'payment.refunded', '2026-01-02T00:00:00.000Z', true],
  ]);
  expect((await stateOf(from, Payment, 'o-3')).state.status).toBe('declined');
  expect(await handle(from, Payment, 'o-2', { type: 'refund', orderId: 'o-2' })).toMatchObject({
    kind: 'decided',
    events: [{ data: { orderId: 'o-2', amountCents: 500 } }],
  });
});
