import { readFileSync } from 'node:fs';
import { createContext, realClock, realRandom } from '@fairlead/core';
import { stateOf } from '@fairlead/events';
import { migrate, openDatabase } from '@fairlead/store';
import { testDatabase } from '@fairlead/store/testing';
import { expect, test } from 'vitest';
import { Reservation } from './reservation.ts';

const migration = (name: string) => ({
  name,
  sql: readFileSync(new URL(`./migrations/${name}`, import.meta.url), 'utf8'),
});

test('what orders of an earlier release hold goes on as streams', async () => {
  const clock = realClock();
  using ctx = createContext({ clock, random: realRandom(), tenant: 'acme/eu' });
  const before = [migration('0001_stock.sql'), migration('0002_stock_taking.sql')];
  await using held = await testDatabase({ migrations: [{ set: 'inventory', from: before }] });
  const { database } = held;
  await database.query(
    ctx,
    `insert into reservation (order_id, tenant, sku, quantity, state) values
       ('o-1', $1, 'KNIFE', 2, 'held'), ('o-1', $1, 'ANCHOR-10', 1, 'held'),
       ('o-2', $1, 'KNIFE', 1, 'taken'), ('o-3', $1, 'KNIFE', 3, 'released')`,
    [ctx.tenant],
  );
  await using owner = openDatabase({ url: held.ownerUrl, name: 'owner', clock, maxConnections: 1 });
  await migrate(ctx, owner, { set: 'inventory', from: [...before, migration('0003_reservation_streams.sql')] });

  const from = { ctx, database };
  const states = await Promise.all(['o-1', 'o-2', 'o-3', 'o-4'].map((id) => stateOf(from, Reservation, id)));
  expect(states.map(({ state }) => state.status)).toEqual(['held', 'taken', 'released', 'none']);
  expect(states[0]?.state.lines).toEqual([
    { sku: 'ANCHOR-10', quantity: 1 },
    { sku: 'KNIFE', quantity: 2 },
  ]);
});
