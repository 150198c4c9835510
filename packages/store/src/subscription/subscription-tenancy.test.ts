import { createContext, realClock, realRandom } from '@fairlead/core';
import { expect, test } from 'vitest';
import { append } from '../log/log.ts';
import { openDatabase } from '../postgres/postgres-database.ts';
import { installTenancy } from '../tenancy/install-tenancy.ts';
import { testDatabase } from '../testing/index.ts';
import { causedBy } from './caused-by.ts';
import { subscribe } from './subscribe.ts';

const clock = realClock();
const random = realRandom();
const ctx = createContext({ clock, random });

test("where rows are kept apart by tenant, a subscription is given those of all, and what follows is of the event's", async () => {
  await using held = await testDatabase();
  await using owner = openDatabase({ url: held.ownerUrl, name: 'owner', clock });
  await installTenancy(ctx, owner, { url: held.url });
  await owner.query(ctx, 'select fairlead.isolate_store()');
  await using database = openDatabase({ url: held.url, name: 'orders', clock, tenancy: 'rows' });
  const seen: unknown[] = [];
  await using visits = subscribe({
    database,
    name: 'visits',
    clock,
    random,
    filter: { category: 'visit' },
    handler: async (tx, events) => {
      for (const event of events) {
        await append(causedBy(tx, event, 'visits'), `bill-${event.key}`, 'none', [
          { type: 'bill', key: 'k', data: null },
        ]);
      }
      tx.afterCommit(() => seen.push(...events.map(({ tenant }) => tenant)));
    },
  });
  for (const tenant of ['ann', 'bob']) {
    await database.tx(ctx.derive({ tenant }), (tx) =>
      append(tx, `visit-${tenant}`, 'none', [{ type: 'visit', key: tenant, data: null }]),
    );
  }
  while ((await visits.lag(ctx)).positions > 0n) await clock.sleep(5);
  expect(seen).toEqual(['ann', 'bob']);
  const bills = await database.query(
    ctx.derive({ tenant: 'bob' }),
    `select stream, tenant from fairlead_log where stream like 'bill-%'`,
  );
  expect(bills.rows).toEqual([{ stream: 'bill-bob', tenant: 'bob' }]);
});
