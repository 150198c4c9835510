import fc from 'fast-check';
import { expect, test } from 'vitest';
import { attempt, clusterWorld, endpoints, picked, picks, sharesOf } from './cluster-world.fixture.ts';
import { hashOf } from './hash.ts';

const ALL = ['p2c', 'round-robin', 'least-request', 'ring-hash', 'maglev', 'random'] as const;

test.each(ALL)('%s gives everybody its share when nobody has anything to do', (balancer) => {
  const { cluster } = clusterWorld({ balancer, endpoints: endpoints(5) });
  const shares = sharesOf(picks(cluster, 50_000, (index) => hashOf(`key ${index}`)));
  // A ring of 160 points each differs by some 8 %.
  const most = balancer === 'ring-hash' ? 0.06 : 0.01;
  for (let i = 0; i < 5; i++) expect(Math.abs((shares[`http://e${i}:80`] ?? 0) - 0.2)).toBeLessThan(most);
});

test.each(ALL)('%s gives by weight when nobody has anything to do', (balancer) => {
  const weights = [3, 1, 7, 5];
  const { cluster } = clusterWorld({ balancer, endpoints: endpoints(4, (index) => ({ weight: weights[index] ?? 1 })) });
  const shares = sharesOf(picks(cluster, 50_000, (index) => hashOf(`key ${index}`)));
  const most = balancer === 'ring-hash' ? 0.06 : 0.01;
  weights.forEach((weight, i) => expect(Math.abs((shares[`http://e${i}:80`] ?? 0) - weight / 16)).toBeLessThan(most));
});

test.each(['p2c', 'least-request'] as const)('%s keeps what is under way in the order of the weights', (balancer) => {
  const weights = [1, 3, 6];
  const { cluster } = clusterWorld({ balancer, endpoints: endpoints(3, (index) => ({ weight: weights[index] ?? 1 })) });
  for (let i = 0; i < 500; i++) picked(cluster).began();
  const held = cluster.inspect().endpoints.map(({ inFlight }) => inFlight);
  weights.forEach((weight, i) => expect(Math.abs((held[i] ?? 0) - weight * 50)).toBeLessThan(15));
});

test('in as many turns as the weights have together, everybody has as many as its weight, give or take one', () => {
  const weights = fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 2, maxLength: 8 });
  fc.assert(
    fc.property(weights, fc.string(), (list, seed) => {
      const { cluster } = clusterWorld(
        { balancer: 'round-robin', endpoints: endpoints(list.length, (index) => ({ weight: list[index] ?? 1 })) },
        seed,
      );
      const turns = list.reduce((sum, weight) => sum + weight, 0);
      for (let round = 0; round < 5; round++) {
        const counts = Map.groupBy(picks(cluster, turns), (address) => address);
        list.forEach((weight, index) => {
          const had = counts.get(`http://e${index}:80`)?.length ?? 0;
          expect(Math.abs(had - weight)).toBeLessThanOrEqual(1);
        });
      }
    }),
  );
});

test('round robin is smooth: the heavy one never takes its turns in a row', () => {
  const { cluster } = clusterWorld({
    balancer: 'round-robin',
    endpoints: endpoints(3, (index) => ({ weight: index === 0 ? 2 : 1 })),
  });
  const order = picks(cluster, 400);
  for (let i = 0; i + 4 <= order.length; i++) {
    expect(order.slice(i, i + 4).filter((address) => address === 'http://e0:80')).toHaveLength(2);
  }
  expect(order.some((address, i) => address === order[i + 1] && address === order[i + 2])).toBe(false);
});

test.each([0, 1])('least request prefers who has less under way, be it the first or the last: %i', (index) => {
  const { cluster } = clusterWorld({ balancer: 'least-request', endpoints: endpoints(2) });
  let busy = picked(cluster);
  while (busy.address !== `http://e${index}:80`) busy = picked(cluster);
  busy.began();
  for (let i = 0; i < 100; i++) expect(picked(cluster).address).not.toBe(busy.address);
});

test('p2c keeps away from who was slow, and comes back when time has passed', async () => {
  const { cluster, clock } = clusterWorld({ endpoints: endpoints(2) });
  const slow = picked(cluster);
  slow.began();
  slow.ended('ok', 1_000);
  for (let i = 0; i < 100; i++) expect(attempt(cluster)).not.toBe(slow.address);
  await clock.advance(60_000);
  for (let i = 0; i < 20; i++) attempt(cluster, 'ok', 30);
  expect(picks(cluster, 100)).toContain(slow.address);
});

test('p2c asks whom it does not know at once, and only once until the answer is there', () => {
  const { cluster } = clusterWorld({ endpoints: endpoints(2) });
  const first = attempt(cluster, 'ok', 1);
  const unknown = picked(cluster);
  expect(unknown.address).not.toBe(first);
  unknown.began();
  for (let i = 0; i < 20; i++) expect(attempt(cluster, 'ok', 1)).toBe(first);
  unknown.ended('ok', 0.5);
  expect(picked(cluster)).toBe(unknown);
});

test('p2c asks who was slow once more, and not a second time before the answer is there', async () => {
  const { cluster, clock } = clusterWorld({ endpoints: endpoints(2) });
  const slow = picked(cluster);
  slow.began();
  slow.ended('ok', 1_000);
  await clock.advance(60_000);
  const other = picked(cluster, undefined, slow);
  other.began();
  other.ended('ok', 5);
  expect(picked(cluster).address).toBe(slow.address);
  slow.began();
  expect(picks(cluster, 100)).not.toContain(slow.address);
  slow.ended('cancelled', 0);
});

test('p2c comes back to who has failed and is well again', async () => {
  const { cluster, clock } = clusterWorld({ endpoints: endpoints(2), outliers: 'off' });
  const bad = picked(cluster).address;
  for (let i = 0; i < 400; i++) {
    await clock.advance(50);
    const one = picked(cluster);
    one.began();
    one.ended(one.address === bad ? 'reset' : 'ok', 10);
  }
  const addresses: string[] = [];
  for (let i = 0; i < 1_600; i++) {
    await clock.advance(50);
    addresses.push(attempt(cluster, 'ok', 10));
  }
  expect(addresses.slice(800)).toContain(bad);
});

test('p2c does not send everything to who fails at once and so has nothing under way', () => {
  const { cluster } = clusterWorld({ endpoints: endpoints(2), outliers: 'off' });
  const bad = picked(cluster);
  const other = picked(cluster, undefined, bad);
  for (let i = 0; i < 3; i++) other.began();
  const addresses: string[] = [];
  for (let i = 0; i < 200; i++) {
    const one = picked(cluster);
    one.began();
    one.ended(one === bad ? 'reset' : 'ok', 0);
    addresses.push(one.address);
  }
  expect(addresses.filter((address) => address === bad.address).length).toBeLessThan(10);
  for (let i = 0; i < 3; i++) other.ended('ok', 1);
});

test.each(['gateway-error', 'turned-away'] as const)('p2c does not take a quick %s for speed', async (outcome) => {
  const { cluster, clock } = clusterWorld({ endpoints: endpoints(2), outliers: 'off' });
  const bad = picked(cluster).address;
  const addresses: string[] = [];
  for (let i = 0; i < 400; i++) {
    await clock.advance(50);
    const one = picked(cluster);
    one.began();
    one.ended(one.address === bad ? outcome : 'ok', one.address === bad ? 0.1 : 20);
    addresses.push(one.address);
  }
  expect(sharesOf(addresses)[bad]).toBeLessThan(0.1);
});

test.each(['ring-hash', 'maglev'] as const)(
  '%s sends what hashes alike to the same endpoint, in every process',
  (balancer) => {
    const one = clusterWorld({ balancer, endpoints: endpoints(7) }, 'one').cluster;
    const other = clusterWorld({ balancer, endpoints: endpoints(7) }, 'other').cluster;
    const key = (index: number): number => hashOf(`key ${index}`);
    expect(picks(one, 1_000, key)).toEqual(picks(other, 1_000, key));
  },
);

test.each(['ring-hash', 'maglev'] as const)('%s moves little more than the share of who leaves', (balancer) => {
  fc.assert(
    fc.property(fc.integer({ min: 2, max: 20 }), fc.nat(19), fc.string(), (count, which, salt) => {
      const { cluster } = clusterWorld({ balancer, endpoints: endpoints(count) });
      const key = (index: number): number => hashOf(`${salt}${index}`);
      const before = picks(cluster, 2_000, key);
      const gone = `http://e${which % count}:80`;
      cluster.update(endpoints(count).filter((_, index) => index !== which % count));
      const after = picks(cluster, 2_000, key);
      const moved = before.filter((address, index) => address !== gone && address !== after[index]).length;
      // The ring moves nothing else; maglev's table a few places.
      expect(moved / 2_000).toBeLessThanOrEqual(balancer === 'ring-hash' ? 0 : 0.05);
    }),
    { numRuns: 30 },
  );
});

test.each(['ring-hash', 'maglev'] as const)('%s moves nothing but what was of somebody who is ejected', (balancer) => {
  const { cluster } = clusterWorld({ balancer, endpoints: endpoints(8), outliers: { maxEjectedRatio: 0.5 } });
  const key = (index: number): number => hashOf(`key ${index}`);
  const before = picks(cluster, 5_000, key);
  const [bad = ''] = before;
  for (let i = 0; i < 5; i++) {
    const one = picked(cluster, key(0));
    one.began();
    one.ended('reset', 1);
  }
  const after = picks(cluster, 5_000, key);
  expect(after).not.toContain(bad);
  expect(before.every((address, index) => address === bad || address === after[index])).toBe(true);
  const heirs = sharesOf(after.filter((_, index) => before[index] === bad));
  expect(Object.keys(heirs)).toHaveLength(7);
});

test.each(['ring-hash', 'maglev'] as const)(
  '%s goes on to others when somebody has more than the bound',
  (balancer) => {
    fc.assert(
      fc.property(fc.array(fc.nat(3), { minLength: 30, maxLength: 60 }), (keys) => {
        const { cluster } = clusterWorld({ balancer, endpoints: endpoints(5), maxLoadFactor: 1.25 });
        keys.forEach((key, index) => {
          picked(cluster, hashOf(`hot ${key}`)).began();
          const most = Math.ceil((1.25 * (index + 1)) / 5);
          for (const { inFlight } of cluster.inspect().endpoints) expect(inFlight).toBeLessThanOrEqual(most);
        });
      }),
      { numRuns: 50 },
    );
  },
);

test('without a hash, hashing balancers pick anybody', () => {
  for (const balancer of ['ring-hash', 'maglev'] as const) {
    const { cluster } = clusterWorld({ balancer, endpoints: endpoints(3) });
    expect(Object.keys(sharesOf(picks(cluster, 200)))).toHaveLength(3);
  }
});
