import { seededRandom } from '@fairlead/core';
import { expect, test } from 'vitest';
import { takesOf } from './takes.ts';

const turns = (accounts: Record<string, [start: number, cost: number]>) => ({
  tenants: Object.keys(accounts),
  starts: Object.values(accounts).map(([start]) => start),
  costs: Object.values(accounts).map(([, cost]) => cost),
});

/** One after the other the lowest is taken. */
function slowly(tenants: readonly string[], accounts: Record<string, [number, number]>, want: number): number[] {
  const takes = tenants.map(() => 0);
  for (let left = want; left > 0; left -= 1) {
    const stands = tenants.map((tenant, index) => {
      const [start, cost] = accounts[tenant] ?? [0, 1];
      return start + takes[index]! * cost;
    });
    takes[stands.indexOf(Math.min(...stands))]! += 1;
  }
  return takes;
}

test.each([
  ['tenants without accounts share evenly, the first have what is left over', {}, 8, [3, 3, 2]],
  ['who owes has less', { b: [2, 1] }, 8, [4, 1, 3]],
  ['whose jobs cost twice as much has half as many', { c: [0, 2] }, 10, [4, 4, 2]],
  ['who owes more than all others come to has none', { a: [100, 1] }, 8, [0, 4, 4]],
  ['nothing is wanted', {}, 0, [0, 0, 0]],
] as [string, Record<string, [number, number]>, number, number[]][])('%s', (_, accounts, want, takes) => {
  expect(takesOf(['a', 'b', 'c'], turns(accounts), want)).toEqual(takes);
});

test('it comes to the same as taking the lowest one after the other', () => {
  const random = seededRandom('takes');
  for (let round = 0; round < 300; round += 1) {
    const tenants = Array.from({ length: 1 + Math.floor(random.next() * 12) }, (_, index) => `t${index}`);
    const accounts: Record<string, [number, number]> = {};
    for (const tenant of tenants)
      if (random.next() < 0.7) accounts[tenant] = [random.next() * 20, 0.1 + random.next() * 5];
    const want = Math.floor(random.next() * 60);
    expect(takesOf(tenants, turns(accounts), want)).toEqual(slowly(tenants, accounts, want));
  }
});

test('nobody has any when there are no tenants', () => {
  expect(takesOf([], turns({}), 5)).toEqual([]);
});
