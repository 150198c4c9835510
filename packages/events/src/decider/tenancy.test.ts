import { createContext, realClock, realRandom } from '@fairlead/core';
import { acrossTenants, docs, installTenancy, logReader, openDatabase } from '@fairlead/store';
import { testDatabase } from '@fairlead/store/testing';
import { expect, test } from 'vitest';
import { account } from './account.fixture.ts';
import { handle } from './handle.ts';
import { history, stateAt, stateOf } from './state-of.ts';

test('where rows of tenants are kept apart, each has streams and snapshots of its own under the same ids', async () => {
  const clock = realClock();
  using ctx = createContext({ clock, random: realRandom() });
  await using held = await testDatabase({
    migrations: [{ set: 'bank', from: [{ name: '0001_bank.sql', sql: 'select fairlead.isolate_store()' }] }],
  });
  await using owner = openDatabase({ url: held.ownerUrl, name: 'owner', clock, maxConnections: 1 });
  await installTenancy(ctx, owner, { url: held.url });
  await using database = openDatabase({ url: held.url, name: 'bank', clock, tenancy: 'rows' });
  const Account = account({ snapshot: { every: 2 } });
  const [ann, bob] = [ctx.derive({ tenant: 'ann' }), ctx.derive({ tenant: 'bob' })];
  const deposit = (cents: number) => ({ type: 'deposit', cents }) as const;

  await handle({ ctx: ann, database }, Account, '1', deposit(1));
  await database.tx(bob, (tx) => handle(tx, Account, '1', deposit(10)));
  await handle({ ctx: ann, database }, Account, '1', deposit(1));
  await handle({ ctx: bob, database }, Account, '1', { type: 'withdraw', cents: 3 });
  const at = async (of: typeof ann) => (await stateOf({ ctx: of, database }, Account, '1')).state.cents;
  expect([await at(ann), await at(bob)]).toEqual([2, 7]);
  expect((await stateAt({ ctx: bob, database }, Account, '1', { version: 2 })).state.cents).toBe(10);
  expect((await history({ ctx: bob, database }, Account, '1')).map(({ tenant }) => tenant)).toEqual([
    'bob',
    'bob',
    'bob',
  ]);
  const snapshots = docs('fairlead.snapshot');
  expect(await snapshots.get({ ctx: bob, database }, 'account-bob/1')).toMatchObject({ tenant: 'bob' });
  expect(await snapshots.get({ ctx: bob, database }, 'account-ann/1')).toBeUndefined();

  const all = await logReader(acrossTenants(database)).read(ctx, { after: 0n, limit: 10 });
  expect(all.map(({ stream }) => stream).toSorted()).toEqual([
    ...Array.from({ length: 3 }, () => 'account-ann/1'),
    ...Array.from({ length: 3 }, () => 'account-bob/1'),
  ]);
});
