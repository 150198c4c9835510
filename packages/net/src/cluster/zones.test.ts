import fc from 'fast-check';
import { expect, test } from 'vitest';
import { attemptAt, clusterWorld, endpoints, picked, picks, sharesOf } from './cluster-world.fixture.ts';
import { zoneShares } from './zone-shares.ts';

/** So many in each zone, in turn. */
function inZones(counts: Readonly<Record<string, number>>) {
  const zones = Object.entries(counts).flatMap(([zone, count]) => Array.from({ length: count }, () => zone));
  return endpoints(zones.length, (index) => ({ zone: zones[index] ?? '' }));
}

test.each([
  ['as many everywhere: all stay', { a: 3, b: 3, c: 3 }, undefined, { a: 1 }],
  ['more than our share: all stay', { a: 6, b: 3 }, undefined, { a: 1 }],
  ['half of our share: half of them leave', { a: 2, b: 6, c: 4 }, undefined, { a: 0.5, b: 0.5 }],
  ['more callers than capacity', { a: 3, b: 3 }, { a: 3, b: 1 }, { a: 2 / 3, b: 1 / 3 }],
  ['nobody in our zone: to those who have more than they need', { b: 3, c: 9 }, { a: 1, b: 1, c: 1 }, { c: 1 }],
  ['nobody in our zone, by default', { b: 4, c: 4 }, undefined, { b: 0.5, c: 0.5 }],
] as const)('%s', (_, counts, callers, expected) => {
  const { cluster } = clusterWorld({
    balancer: 'round-robin',
    endpoints: inZones(counts),
    zone: { own: 'a', ...(callers === undefined ? {} : { callers }) },
  });
  const reported = cluster.inspect().zones ?? {};
  for (const [zone, share] of Object.entries(expected)) expect(reported[zone]).toBeCloseTo(share, 6);
  const zoneOf = new Map(cluster.inspect().endpoints.map(({ address, zone }) => [address, zone ?? '']));
  const shares = sharesOf(picks(cluster, 20_000).map((address) => zoneOf.get(address) ?? ''));
  expect(Object.keys(shares).toSorted()).toEqual(Object.keys(expected).toSorted());
  for (const [zone, share] of Object.entries(expected))
    expect(Math.abs((shares[zone] ?? 0) - share)).toBeLessThan(0.02);
});

test('who is ejected makes its zone smaller, and the rest goes elsewhere', () => {
  const { cluster } = clusterWorld({
    balancer: 'random',
    endpoints: inZones({ a: 4, b: 6 }),
    zone: { own: 'a' },
    outliers: { maxEjectedRatio: 0.5 },
  });
  expect(cluster.inspect().zones).toEqual({ a: 0.8, b: 1 - 0.8 });
  attemptAt(cluster, 'http://e0:80', 'reset', 5);
  attemptAt(cluster, 'http://e1:80', 'reset', 5);
  expect(cluster.inspect().zones?.['a']).toBeCloseTo(0.5, 6);
});

test('few endpoints, and a panic, make zones not count', () => {
  const few = clusterWorld({ endpoints: inZones({ a: 2, b: 3 }), zone: { own: 'a' } });
  expect(few.cluster.inspect().zones).toEqual({});
  expect(new Set(picks(few.cluster, 500)).size).toBe(5);
  few.cluster.update(inZones({ a: 3, b: 3 }));
  expect(few.cluster.inspect().zones).toEqual({ a: 1 });

  const panicking = clusterWorld({
    endpoints: inZones({ a: 3, b: 3 }),
    zone: { own: 'a' },
    outliers: { maxEjectedRatio: 1 },
    balancer: 'random',
  });
  for (const index of [0, 1, 2, 3]) attemptAt(panicking.cluster, `http://e${index}:80`, 'reset', 5);
  expect(panicking.cluster.inspect()).toMatchObject({ isPanicking: true, zones: {} });
  expect(new Set(picks(panicking.cluster, 500)).size).toBe(6);
});

test('a repeat leaves the zone when the one that failed is alone there', () => {
  const { cluster } = clusterWorld({ endpoints: inZones({ a: 1, b: 1 }), zone: { own: 'a', minEndpoints: 0 } });
  const first = picked(cluster);
  expect(first.address).toBe('http://e0:80');
  expect(picked(cluster, undefined, first).address).toBe('http://e1:80');
});

test('shares are 1 together, and if each zone sends by them nobody gets more than its part of the capacity', () => {
  const zones = ['a', 'b', 'c', 'd'];
  const amounts = fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 4, maxLength: 4 });
  fc.assert(
    fc.property(amounts, amounts, (capacities, callerCounts) => {
      const capacity = new Map(zones.map((zone, index) => [zone, capacities[index] ?? 0]));
      const callers = Object.fromEntries(zones.map((zone, index) => [zone, callerCounts[index] ?? 0]));
      const allCapacity = capacities.reduce((sum, count) => sum + count, 0);
      const allCallers = callerCounts.reduce((sum, count) => sum + count, 0);
      const received = new Map<string, number>();
      for (const own of zones) {
        const shares = zoneShares({ own, callers, capacity });
        expect([...shares.values()].reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, 9);
        for (const [zone, share] of shares) {
          received.set(zone, (received.get(zone) ?? 0) + share * ((callers[own] ?? 0) / allCallers));
        }
      }
      for (const zone of zones) {
        const part = Math.max((capacity.get(zone) ?? 0) / allCapacity, 0);
        expect(received.get(zone) ?? 0).toBeLessThanOrEqual(part + 1e-9);
      }
    }),
  );
});
