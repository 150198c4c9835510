import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { ClusterOptions } from './cluster-options.ts';
import type { Picked } from './cluster-types.ts';
import { openCluster } from './cluster.ts';
import { attempt, clusterWorld, endpoints, picked, picks, sharesOf } from './cluster-world.fixture.ts';

test('an empty cluster opens, and says that it is empty', () => {
  const { cluster } = clusterWorld({ endpoints: [] });
  expect(cluster.pick()).toBeUndefined();
  expect(cluster.refusal).toBe('no-endpoints');
  expect(cluster.inspect()).toMatchObject({ endpoints: [], refused: { 'no-endpoints': 1 } });
  cluster.update(endpoints(1));
  expect(picked(cluster).address).toBe('http://e0:80');
});

test('who fails is avoided as long as there is somebody else', () => {
  for (const balancer of ['p2c', 'round-robin', 'least-request', 'ring-hash', 'maglev', 'random'] as const) {
    const { cluster } = clusterWorld({ balancer, endpoints: endpoints(2, (index) => ({ weight: 1 + index * 50 })) });
    const first = picked(cluster, 7);
    for (let i = 0; i < 50; i++) expect(picked(cluster, 7, first).address).not.toBe(first.address);
    cluster.update(
      endpoints(2).filter(({ endpoint }) => first.address.includes('host' in endpoint ? endpoint.host : '')),
    );
    expect(picked(cluster, 7, first)).toBe(first);
  }
});

test('those that stay keep what is known of them, and those that leave end what they have', () => {
  const { cluster, opened, closed, events } = clusterWorld({ balancer: 'round-robin' });
  for (let i = 0; i < 6; i++) attempt(cluster);
  const busy = [picked(cluster), picked(cluster), picked(cluster)];
  for (const one of busy) one.began();
  cluster.update(endpoints(5).slice(2));
  expect(opened).toEqual(['e0', 'e1', 'e2', 'e3', 'e4']);
  expect(events.at(-1)).toEqual({
    kind: 'updated',
    added: ['http://e3:80', 'http://e4:80'],
    removed: ['http://e0:80', 'http://e1:80'],
  });
  expect(closed).toEqual([]);
  expect(cluster.inspect().endpoints.map(({ address, attempts, inFlight }) => [address, attempts, inFlight])).toEqual([
    ['http://e2:80', 2, 1],
    ['http://e3:80', 0, 0],
    ['http://e4:80', 0, 0],
  ]);
  for (const one of busy) one.ended('ok', 1);
  expect(closed.toSorted()).toEqual(['e0', 'e1']);
});

test('a pool is closed when the last of its requests has ended, not before', () => {
  const { cluster, closed } = clusterWorld({ endpoints: endpoints(1) });
  const one = picked(cluster);
  one.began();
  one.began();
  cluster.update([]);
  one.ended('ok', 1);
  expect(closed).toEqual([]);
  one.ended('ok', 1);
  expect(closed).toEqual(['e0']);
});

test('who leaves and comes back before it was done is the same', () => {
  const { cluster, opened, closed } = clusterWorld({ endpoints: endpoints(1) });
  const one = picked(cluster);
  one.began();
  cluster.update([]);
  expect(cluster.pick()).toBeUndefined();
  cluster.update(endpoints(1));
  expect(picked(cluster)).toBe(one);
  one.ended('ok', 1);
  expect({ opened, closed }).toEqual({ opened: ['e0'], closed: [] });
});

test('the same address under two hosts is two endpoints, and twice is one', () => {
  const [endpoint] = endpoints(1) as [ReturnType<typeof endpoints>[number]];
  const { cluster } = clusterWorld({ endpoints: [endpoint, endpoint, { ...endpoint, host: 'orders' }] });
  expect(cluster.inspect().endpoints.map(({ address }) => address)).toEqual(['http://e0:80', 'http://e0:80']);
});

test('a change of weight counts at once', () => {
  const { cluster } = clusterWorld({ balancer: 'maglev', endpoints: endpoints(2) });
  cluster.update(endpoints(2, (index) => ({ weight: index === 0 ? 3 : 1 })));
  expect(sharesOf(picks(cluster, 20_000))['http://e0:80']).toBeCloseTo(0.75, 1);
});

test('requests, waiting ones and repeats have limits of their own', () => {
  const limits = { maxConnections: 2, maxPending: 1, maxRequests: 5, maxRetries: 1 };
  const { cluster } = clusterWorld({ endpoints: endpoints(1), limits });
  const under: Picked[] = [];
  const begin = (): void => {
    const one = picked(cluster);
    one.began();
    under.push(one);
  };
  for (let i = 0; i < 3; i++) begin();
  expect(cluster.inspect()).toMatchObject({ inFlight: 3, pending: 1 });
  expect(cluster.pick()).toBeUndefined();
  expect(cluster.refusal).toBe('max-pending');
  under.pop()?.ended('ok', 1);
  expect(cluster.inspect()).toMatchObject({ inFlight: 2, pending: 0 });
  cluster.update(endpoints(5));
  while (under.length < 5) {
    const one = cluster.pick();
    if (one === undefined) continue;
    one.began();
    under.push(one);
  }
  expect(cluster.pick()).toBeUndefined();
  expect(cluster.refusal).toBe('max-requests');
  expect([cluster.beginRetry(), cluster.beginRetry()]).toEqual([true, false]);
  expect(cluster.refusal).toBe('max-retries');
  cluster.endRetry();
  expect(cluster.beginRetry()).toBe(true);
});

test('counts of what is under way are right after any order of beginnings, ends and updates', () => {
  const step = fc.oneof(
    fc.constant({ kind: 'begin' } as const),
    fc.record({ kind: fc.constant('end' as const), which: fc.nat(20) }),
    fc.record({ kind: fc.constant('update' as const), count: fc.integer({ min: 0, max: 4 }) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const { cluster, closedPools } = clusterWorld({ limits: { maxConnections: 1, maxPending: 2, maxRequests: 6 } });
      const under: Picked[] = [];
      for (const action of steps) {
        if (action.kind === 'begin') {
          const one = cluster.pick();
          one?.began();
          if (one !== undefined) under.push(one);
        } else if (action.kind === 'end') {
          under.splice(action.which % Math.max(1, under.length), 1)[0]?.ended('ok', 1);
        } else {
          cluster.update(endpoints(action.count));
        }
        const byEndpoint = [...Map.groupBy(under, (one) => one).values()].map((list) => list.length);
        const pending = byEndpoint.reduce((sum, count) => sum + Math.max(0, count - 1), 0);
        expect(cluster.inspect()).toMatchObject({ inFlight: under.length, pending });
        expect(pending).toBeLessThanOrEqual(2);
        expect(under.some(({ pool }) => closedPools.has(pool))).toBe(false);
      }
      for (const one of under) one.ended('ok', 1);
      expect(cluster.inspect()).toMatchObject({ inFlight: 0, pending: 0 });
    }),
    { numRuns: 200 },
  );
});

test('closing waits for what is under way, as long as it may', async () => {
  const { cluster, clock, closed } = clusterWorld({ endpoints: endpoints(1) });
  const one = picked(cluster);
  one.began();
  const closing = cluster.close({ graceMs: 100 });
  expect(cluster.pick()).toBeUndefined();
  expect(cluster.refusal).toBe('closed');
  await clock.advance(99);
  expect(closed).toEqual([]);
  one.ended('ok', 1);
  await closing;
  expect(closed).toEqual(['e0']);
});

test('closing does not wait longer than it may, and once is enough', async () => {
  const { cluster, clock, closed } = clusterWorld({ endpoints: endpoints(2) });
  picked(cluster).began();
  const closing = Promise.all([cluster.close({ graceMs: 100 }), cluster.close({ graceMs: 100 })]);
  await clock.advance(100);
  await closing;
  cluster.update(endpoints(3));
  expect(closed.toSorted()).toEqual(['e0', 'e1']);
  expect(cluster.pick()).toBeUndefined();
});

test.each<[Partial<ClusterOptions>, string]>([
  [{ panicThreshold: 2 }, 'Cluster orders: panicThreshold is 2; give a number from 0 to 1.'],
  [{ limits: { maxRequests: 0 } }, 'Cluster orders: limits.maxRequests is 0; give a whole number from 1 on.'],
  [{ outliers: { baseMs: 10, maxMs: 5 } }, 'Cluster orders: outliers.maxMs is 5; give a number from 10 on.'],
  [{ health: { path: 'x' } }, 'Cluster orders: health.path is "x"; give a path that begins with "/".'],
  [{ slowStart: { aggression: 0 } }, 'slowStart.aggression is 0'],
  [
    { endpoints: endpoints(1, () => ({ weight: 0 })) },
    'weight of http://e0:80 is 0; give a whole number from 1 to 65535.',
  ],
  [{ zone: { own: 'a' }, balancer: 'maglev' }, 'Leave zone out, or take another balancer.'],
  [{ pool: { connectTimeoutMs: 0 } }, 'connectTimeoutMs is 0'],
])('%o is refused at construction', (options, message) => {
  const { clock, random } = clusterWorld();
  expect(() => openCluster({ name: 'orders', endpoints: endpoints(1), clock, random, ...options })).toThrow(
    expect.objectContaining({ code: 'MISCONFIGURED', message: expect.stringContaining(message) }),
  );
});
