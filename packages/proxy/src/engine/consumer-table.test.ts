import { expect, test } from 'vitest';
import { ConsumerTable } from './consumer-table.ts';
import type { Identity } from './filter.ts';
import { ProvenIdentity } from './proven-identity.ts';

const of = (who: Partial<Identity>): Identity => new ProvenIdentity({ roles: [], scopes: [], claims: {}, ...who });

test('who has asked is told with how often, when, and what refused it', () => {
  const table = new ConsumerTable();
  const ann = of({ consumer: 'ann', tenant: 'acme' });
  table.ended(ann, 200, undefined, 10);
  table.ended(ann, 429, 'RATE_LIMITED', 20);
  table.ended(ann, 502, 'UPSTREAM_RESET', 30);
  table.ended(ann, 404, undefined, 35);
  table.ended(of({ subject: 'u1' }), 200, undefined, 40);
  table.ended(undefined, 401, 'TOKEN_MISSING', 50);
  expect(table.read(10)).toEqual({
    forgotten: 0,
    consumers: [
      {
        kind: 'nobody',
        name: '',
        tenant: undefined,
        requests: 1,
        failed: 0,
        refused: { TOKEN_MISSING: 1 },
        sinceMs: 50,
        lastAtMs: 50,
      },
      {
        kind: 'subject',
        name: 'u1',
        tenant: undefined,
        requests: 1,
        failed: 0,
        refused: {},
        sinceMs: 40,
        lastAtMs: 40,
      },
      {
        kind: 'consumer',
        name: 'ann',
        tenant: 'acme',
        requests: 4,
        failed: 1,
        refused: { RATE_LIMITED: 1 },
        sinceMs: 10,
        lastAtMs: 35,
      },
    ],
  });
  expect(table.read(1).consumers.map(({ kind }) => kind)).toEqual(['nobody']);
});

test('the same subject of two tenants is two, and two identities of one are one', () => {
  const table = new ConsumerTable();
  table.ended(of({ subject: 'u', tenant: 'a' }), 200, undefined, 1);
  table.ended(of({ subject: 'u', tenant: 'b' }), 200, undefined, 2);
  table.ended(of({ subject: 'u', tenant: 'b' }), 200, undefined, 3);
  expect(table.read(10).consumers.map(({ tenant, requests }) => [tenant, requests])).toEqual([
    ['b', 2],
    ['a', 1],
  ]);
});

test('a million of them take the room of a thousand, and those who ask all the time stay', () => {
  const table = new ConsumerTable();
  const steady = of({ consumer: 'steady' });
  for (let at = 0; at < 1_000_000; at += 1) {
    table.ended(of({ subject: `s${at}` }), 200, undefined, at);
    if (at % 100 === 0) table.ended(steady, 200, undefined, at);
  }
  const { consumers, forgotten } = table.read(Infinity);
  expect(consumers).toHaveLength(1_000);
  expect(forgotten).toBe(1_000_001 - 1_000);
  expect(consumers.find(({ name }) => name === 'steady')?.requests).toBe(10_000);
});

test('one who was forgotten and comes back is counted anew', () => {
  const table = new ConsumerTable();
  const early = of({ consumer: 'early' });
  table.ended(early, 200, undefined, 0);
  for (let at = 1; at < 5_000; at += 1) table.ended(of({ subject: `s${at}` }), 200, undefined, at);
  expect(table.read(Infinity).consumers.some(({ name }) => name === 'early')).toBe(false);
  table.ended(early, 200, undefined, 6_000);
  expect(table.read(1).consumers).toMatchObject([{ name: 'early', requests: 1, sinceMs: 6_000 }]);
});

test('an identity is counted in each table by itself, and with others that say the same', () => {
  const [table, other] = [new ConsumerTable(), new ConsumerTable()];
  const ann = of({ consumer: 'ann' });
  // As a filter gives it that makes one for each request.
  const alike = { consumer: 'ann', roles: [], scopes: [], claims: {} };
  for (const identity of [ann, alike, ann]) table.ended(identity, 200, undefined, 1);
  for (const identity of [ann, alike, ann, ann]) other.ended(identity, 200, undefined, 2);
  table.ended(ann, 200, undefined, 3);
  expect(table.read(10).consumers).toMatchObject([{ name: 'ann', requests: 4, lastAtMs: 3 }]);
  expect(other.read(10).consumers).toMatchObject([{ name: 'ann', requests: 4, lastAtMs: 2 }]);
});

test('names without end are cut', () => {
  const table = new ConsumerTable();
  table.ended(of({ subject: 'x'.repeat(100_000) }), 200, undefined, 0);
  expect(table.read(1).consumers[0]?.name).toHaveLength(128);
});
