import { defineContract, event } from '@fairlead/contract';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { factsOf } from './facts.ts';

const changed = z.object({
  account: z.string(),
  cents: z.int(),
  lines: z.array(z.object({ text: z.string() })).default([]),
});
const contract = defineContract({
  name: 'bank',
  version: '1.0.0',
  operations: {},
  events: { 'account.changed': event({ key: 'account', version: 2, data: changed }) },
});
const upcast = { 'account.changed': { 1: (data: unknown) => data } };
const facts = (data: unknown, of: Parameters<typeof factsOf>[0] = { name: 'account', upcast }) =>
  factsOf(of, [{ type: 'account.changed', data }], { contract, id: 'id-1' });

test('what the contract has is as it says, under its key; everything else is private, under the id', () => {
  expect(facts({ account: 'a', cents: 1 })).toEqual([
    { type: 'account.changed', schemaVersion: 2, key: 'a', data: { account: 'a', cents: 1, lines: [] } },
  ]);
  const data = { at: new Date(0), nothing: undefined };
  const [fact] = factsOf({ name: 'account', upcast }, [{ type: 'account.opened', data }], { contract, id: 'id-1' });
  expect(fact).toEqual({
    type: 'account.opened',
    schemaVersion: 1,
    key: 'id-1',
    data: { at: '1970-01-01T00:00:00.000Z' },
    private: true,
  });
  const [unpublished] = factsOf({ name: 'account', upcast }, [{ type: 'account.changed', data: 1 }], {
    contract: undefined,
    id: 'id-1',
  });
  expect(unpublished).toMatchObject({ private: true, schemaVersion: 2 });
});

test('what the contract does not allow is refused', () => {
  expect(() => facts({ account: 'a', cents: 0.5 })).toThrow(expect.objectContaining({ code: 'INVALID_EVENT' }));
});

test.each([
  [{ account: 'a', cents: 1, owner: 'ann' }, '$.owner'],
  [{ account: 'a', cents: 1, lines: [{ text: 'x' }, { text: 'y', by: 'ann' }] }, '$.lines[1].by'],
])('a member that the contract would leave out is refused rather than lost: %j', (data, path) => {
  expect(() => facts(data)).toThrow(
    expect.objectContaining({ code: 'DECISION_INVALID', details: expect.objectContaining({ path }) }),
  );
});

test('a decider and a contract that disagree on the schema version are told', () => {
  expect(() => facts({ account: 'a', cents: 1 }, { name: 'account', upcast: {} })).toThrow(
    /bank: the contract has account.changed at schema version 2, decider "account" at 1/,
  );
});
