import { expect, test } from 'vitest';
import { attempt, attemptAt, clusterWorld, endpoints, picks, sharesOf, stateOf } from './cluster-world.fixture.ts';

const E3 = 'http://e3:80';

test.each(['p2c', 'round-robin', 'least-request', 'random'] as const)(
  '%s brings newcomers to their share slowly',
  async (balancer) => {
    const { cluster, clock } = clusterWorld({ balancer, slowStart: { windowMs: 10_000 } });
    expect(cluster.inspect().endpoints.every(({ state }) => state.kind === 'serving')).toBe(true);
    cluster.update(endpoints(4));
    const shareOf = (): number => sharesOf(picks(cluster, 20_000))[E3] ?? 0;
    // A newcomer of weight w among three others has w / (3 + w) of the picks.
    expect(shareOf()).toBeCloseTo(0.1 / 3.1, 1.5);
    expect(cluster.inspect().endpoints[3]?.state).toMatchObject({
      kind: 'warming',
      share: 0.1,
      untilMs: clock.now() + 10_000,
    });
    await clock.advance(5_000);
    expect(shareOf()).toBeCloseTo(0.5 / 3.5, 1.5);
    await clock.advance(5_000);
    expect(stateOf(cluster, E3)).toBe('serving');
    expect(shareOf()).toBeCloseTo(0.25, 1.5);
  },
);

test('aggression bends the line', async () => {
  const { cluster, clock } = clusterWorld({ slowStart: { windowMs: 10_000, aggression: 2, minShare: 0.01 } });
  cluster.update(endpoints(4));
  await clock.advance(2_500);
  const state = cluster.inspect().endpoints[3]?.state;
  expect(state?.kind === 'warming' ? state.share : 0).toBeCloseTo(0.5, 5);
});

test('who comes back from an ejection is a newcomer, and who is alone has it all', async () => {
  const { cluster, clock } = clusterWorld({
    balancer: 'random',
    endpoints: endpoints(2),
    slowStart: { windowMs: 10_000 },
  });
  attemptAt(cluster, 'http://e0:80', 'reset', 5);
  await clock.advance(30_000);
  expect(stateOf(cluster, 'http://e0:80')).toBe('warming');
  cluster.update([]);
  cluster.update(endpoints(2));
  expect(stateOf(cluster, 'http://e0:80')).toBe('serving');
});

test('a newcomer is taken to be as quick as the others', async () => {
  const { cluster, clock } = clusterWorld();
  for (let i = 0; i < 300; i++) {
    await clock.advance(100);
    attempt(cluster, 'ok', 2);
  }
  cluster.update(endpoints(4));
  const known = cluster.inspect().endpoints.map(({ ewmaMs }) => ewmaMs);
  expect(known[3]).toBeLessThan(10);
});
