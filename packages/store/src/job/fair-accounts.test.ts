import { expect, test } from 'vitest';
import { FairAccounts } from './fair-accounts.ts';

const startOf = (accounts: FairAccounts, tenant: string): number => {
  const { tenants, starts } = accounts.turns();
  return starts[tenants.indexOf(tenant)] ?? 0;
};

test('what tenants share is time: one whose jobs take longer begins later', () => {
  const accounts = new FairAccounts(() => 1);
  accounts.seen(['quick', 'slow']);
  accounts.settle(accounts.charge('quick'), 10);
  accounts.settle(accounts.charge('slow'), 1_000);
  accounts.seen(['quick', 'slow']);
  expect(startOf(accounts, 'quick')).toBe(0);
  expect(startOf(accounts, 'slow')).toBeGreaterThan(startOf(accounts, 'quick'));
});

test('a job that goes on is charged before it ends', () => {
  const accounts = new FairAccounts(() => 1);
  accounts.seen(['a', 'b']);
  const charge = accounts.charge('a');
  accounts.longer(charge, 500);
  accounts.seen(['a', 'b']);
  const before = startOf(accounts, 'a');
  expect(before).toBeGreaterThan(400);
  accounts.settle(charge, 500);
  accounts.seen(['a', 'b']);
  expect(startOf(accounts, 'a')).toBeGreaterThan(0);
});

test('who comes back begins where the others are, and has saved nothing', () => {
  const accounts = new FairAccounts(() => 1);
  accounts.seen(['busy', 'idle']);
  accounts.settle(accounts.charge('idle'), 10);
  for (let round = 0; round < 50; round += 1) {
    accounts.seen(['busy']);
    accounts.settle(accounts.charge('busy'), 10);
  }
  accounts.seen(['busy', 'idle']);
  accounts.settle(accounts.charge('idle'), 10);
  accounts.seen(['busy', 'idle']);
  // Both within one job of each other: fifty jobs of the other were nobody's loss.
  expect(Math.abs(startOf(accounts, 'busy') - startOf(accounts, 'idle'))).toBeLessThan(11);
});

test('a weight makes a job cost less; one that makes no sense is 1', () => {
  const accounts = new FairAccounts((tenant) => (tenant === 'gold' ? 4 : Number.NaN));
  accounts.seen(['gold', 'tin']);
  accounts.charge('tin');
  const { tenants, costs } = accounts.turns();
  expect(costs[tenants.indexOf('gold')]).toBe(0.25);
  expect(costs[tenants.indexOf('tin')]).toBe(1);
});

test('what was given back unbegun costs nothing', () => {
  const accounts = new FairAccounts(() => 1);
  accounts.seen(['a', 'b']);
  accounts.settle(accounts.charge('a'), undefined);
  accounts.seen(['a', 'b']);
  expect(startOf(accounts, 'a')).toBe(0);
});

test('when nobody waits any more, all begin anew and accounts are forgotten', () => {
  const accounts = new FairAccounts(() => 1);
  for (let n = 0; n < 100; n += 1) {
    accounts.seen([`tenant ${n}`]);
    accounts.settle(accounts.charge(`tenant ${n}`), 5);
  }
  expect(startOf(accounts, 'tenant 7')).toBeGreaterThan(0);
  accounts.charge('runs');
  accounts.drained();
  expect(accounts.turns()).toMatchObject({ tenants: ['runs'], starts: [0] });
});
