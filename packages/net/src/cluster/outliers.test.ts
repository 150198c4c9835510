import fc from 'fast-check';
import { seededRandom } from '@fairlead/core';
import { expect, test } from 'vitest';
import { attempt, attemptAt, clusterWorld, endpoints, picked, picks, stateOf } from './cluster-world.fixture.ts';
import type { AttemptOutcome } from './cluster-types.ts';

const E0 = 'http://e0:80';

/** Picks anybody, so that whoever a test wants to fail is asked again. */
function randomly(options: Parameters<typeof clusterWorld>[0] = {}, seed?: string) {
  return clusterWorld({ balancer: 'random', ...options }, seed);
}

test('five failures in a row eject for half a minute, and the report says why', async () => {
  const { cluster, clock, events } = randomly();
  attemptAt(cluster, E0, 'server-error', 4);
  attemptAt(cluster, E0, 'ok');
  attemptAt(cluster, E0, 'server-error', 4);
  expect(stateOf(cluster, E0)).toBe('serving');
  attemptAt(cluster, E0, 'reset');
  const why = { kind: 'consecutive-5xx', count: 5, threshold: 5 };
  const sinceMs = clock.now();
  expect(cluster.inspect().endpoints[0]).toMatchObject({
    isPicked: false,
    failures: 9,
    state: { kind: 'ejected', sinceMs, untilMs: sinceMs + 30_000, times: 1, why },
  });
  expect(events.at(-1)).toEqual({ kind: 'ejected', address: E0, untilMs: sinceMs + 30_000, times: 1, why });
  expect(picks(cluster, 200)).not.toContain(E0);
  await clock.advance(29_999);
  expect(stateOf(cluster, E0)).toBe('ejected');
  await clock.advance(1);
  expect(events.at(-1)).toEqual({ kind: 'returned', address: E0, because: 'time' });
  expect(picks(cluster, 200)).toContain(E0);
});

test.each<AttemptOutcome>(['turned-away', 'cancelled'])('%s is no failure, and ends no row of them', (outcome) => {
  const { cluster } = randomly();
  attemptAt(cluster, E0, outcome, 20);
  attemptAt(cluster, E0, 'timeout', 4);
  attemptAt(cluster, E0, outcome);
  expect(stateOf(cluster, E0)).toBe('serving');
  attemptAt(cluster, E0, 'timeout');
  expect(stateOf(cluster, E0)).toBe('ejected');
});

test('failures of gateways have a rule of their own, which 500 is not counted by', () => {
  const { cluster } = randomly({ outliers: { consecutiveFailures: 0, consecutiveGatewayErrors: 3 } });
  attemptAt(cluster, E0, 'server-error', 10);
  attemptAt(cluster, E0, 'gateway-error', 2);
  expect(stateOf(cluster, E0)).toBe('serving');
  attemptAt(cluster, E0, 'connect-failed');
  expect(cluster.inspect().endpoints[0]?.state).toMatchObject({
    why: { kind: 'consecutive-gateway-errors', count: 3 },
  });
});

test('each time takes longer, up to the longest, and time in freedom is forgiven', async () => {
  const { cluster, clock } = randomly({ outliers: { baseMs: 30_000, maxMs: 70_000 } });
  const ejectedFor = (): number => {
    attemptAt(cluster, E0, 'server-error', 5);
    const state = cluster.inspect().endpoints[0]?.state;
    return state?.kind === 'ejected' ? state.untilMs - state.sinceMs : 0;
  };
  for (const expectedMs of [30_000, 60_000, 70_000, 70_000]) {
    // A return falls on the end of an interval; until the next one nothing is forgiven.
    expect(ejectedFor()).toBe(expectedMs);
    await clock.advance(expectedMs);
  }
  await clock.advance(60_000);
  expect(ejectedFor()).toBe(30_000);
});

test('jitter makes ejections longer, never shorter', () => {
  const durations = Array.from({ length: 50 }, (_, seed) => {
    const { cluster } = randomly({ outliers: { jitterMs: 5_000 } }, `jitter ${seed}`);
    attemptAt(cluster, E0, 'server-error', 5);
    const state = cluster.inspect().endpoints[0]?.state;
    return state?.kind === 'ejected' ? state.untilMs - state.sinceMs : 0;
  });
  expect(Math.min(...durations)).toBeGreaterThanOrEqual(30_000);
  expect(Math.max(...durations)).toBeLessThan(35_000);
  expect(new Set(durations).size).toBeGreaterThan(40);
});

test('a cluster of one is never ejected, unless it may be', () => {
  const guarded = randomly({ endpoints: endpoints(1) });
  attemptAt(guarded.cluster, E0, 'connect-failed', 50);
  expect(stateOf(guarded.cluster, E0)).toBe('serving');
  const spared = { kind: 'spared', address: E0, ejected: 0, mayBeEjected: 0 };
  expect(guarded.events.slice(1)).toMatchObject([spared]);
  attemptAt(guarded.cluster, E0, 'ok');
  attemptAt(guarded.cluster, E0, 'connect-failed', 5);
  expect(guarded.events.slice(1)).toMatchObject([spared, spared]);
  const told = randomly({ endpoints: endpoints(1), outliers: { mayEjectOnly: true }, panicThreshold: 0 });
  attemptAt(told.cluster, E0, 'connect-failed', 5);
  expect(told.cluster.pick()).toBeUndefined();
  expect(told.cluster.refusal).toBe('no-healthy-endpoints');
});

test('one may be ejected, and no more than the ratio says', () => {
  const { cluster, events } = randomly({ endpoints: endpoints(29) });
  for (let i = 0; i < 29; i++) {
    for (let times = 0; times < 5; times++) {
      const one = picked(cluster);
      one.began();
      one.ended('server-error', 1);
    }
    attemptAt(cluster, `http://e${i}:80`, 'server-error', stateOf(cluster, `http://e${i}:80`) === 'ejected' ? 0 : 5);
  }
  expect(cluster.inspect().endpoints.filter(({ state }) => state.kind === 'ejected')).toHaveLength(2);
  expect(events.filter(({ kind }) => kind === 'spared').length).toBeGreaterThan(20);
});

test('no storm of failures, in any order, ejects beyond the maximum', async () => {
  const outcomes: AttemptOutcome[] = ['ok', 'server-error', 'gateway-error', 'connect-failed', 'reset', 'timeout'];
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 2, max: 25 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      fc.constantFrom('ejection' as const, 'probation' as const),
      fc.string(),
      async (count, maxEjectedRatio, kind, seed) => {
        const outliers = { kind, maxEjectedRatio, consecutiveFailures: 3 };
        const { cluster, clock } = randomly({ endpoints: endpoints(count), outliers }, seed);
        const random = seededRandom(seed);
        const most = Math.max(1, Math.floor(count * maxEjectedRatio));
        for (let i = 0; i < 400; i++) {
          const one = picked(cluster);
          one.began();
          one.ended(outcomes[Math.floor(random.next() * outcomes.length)] ?? 'ok', random.next() * 100);
          const out = cluster
            .inspect()
            .endpoints.filter(({ state }) => state.kind === 'ejected' || state.kind === 'probation');
          expect(out.length).toBeLessThanOrEqual(most);
          if (i % 40 === 0) await clock.advance(random.next() * 20_000);
        }
        await cluster.close({ graceMs: 0 });
        expect(clock.pending).toBe(0);
      },
    ),
    { numRuns: 40 },
  );
});

/** Attempts at each of them, failing in so many of a hundred. */
function hundreds(cluster: ReturnType<typeof clusterWorld>['cluster'], failing: readonly number[], hundreds = 1): void {
  failing.forEach((failures, index) => {
    for (let i = 0; i < 100 * hundreds; i++) {
      // Spread, so that there are no rows.
      const isFailure = Math.floor((i * failures) / 100) !== Math.floor(((i + 1) * failures) / 100);
      attemptAt(cluster, `http://e${index}:80`, isFailure ? 'server-error' : 'ok');
    }
  });
}

test('who succeeds far less than the others is ejected at the end of the interval', async () => {
  const { cluster, clock, events } = randomly({ endpoints: endpoints(6) });
  hundreds(cluster, [1, 2, 0, 60, 1, 2]);
  expect(events.some(({ kind }) => kind === 'ejected')).toBe(false);
  await clock.advance(10_000);
  expect(events.filter(({ kind }) => kind === 'ejected')).toMatchObject([
    { address: 'http://e3:80', why: { kind: 'success-rate', successRatio: 0.4, requests: 100 } },
  ]);
});

test.each([
  ['with fewer endpoints that have enough requests', 4, 1],
  ['with too few requests each', 6, 0.5],
] as const)('%s, nothing is compared', async (_, count, times) => {
  const { cluster, clock } = randomly({ endpoints: endpoints(count) });
  hundreds(cluster, [0, 0, 0, 60, 0, 0].slice(0, count), times);
  await clock.advance(10_000);
  expect(stateOf(cluster, 'http://e3:80')).toBe('serving');
});

test('who is as bad as all the others is no outlier', async () => {
  const { cluster, clock } = randomly({ endpoints: endpoints(6) });
  hundreds(cluster, [50, 50, 50, 50, 50, 50]);
  await clock.advance(10_000);
  expect(cluster.inspect().endpoints.every(({ state }) => state.kind === 'serving')).toBe(true);
});

test('failure percentages need no others to compare with, and of several the worst goes', async () => {
  const outliers = { successRate: 'off', failurePercentage: { ratio: 0.4, minEndpoints: 1 } } as const;
  const { cluster, clock } = randomly({ endpoints: endpoints(6), outliers });
  hundreds(cluster, [50, 10, 60, 20, 39, 0]);
  await clock.advance(10_000);
  expect(stateOf(cluster, 'http://e2:80')).toBe('ejected');
  expect(stateOf(cluster, E0)).toBe('serving');
});

test('an interval that is over counts no more', async () => {
  const { cluster, clock } = randomly({ endpoints: endpoints(6) });
  hundreds(cluster, [0, 0, 0, 60, 0, 0], 0.6);
  await clock.advance(10_000);
  hundreds(cluster, [0, 0, 0, 60, 0, 0], 0.6);
  await clock.advance(10_000);
  expect(stateOf(cluster, 'http://e3:80')).toBe('serving');
});

test('on probation one request decides: a failure takes twice as long, a success ends it', async () => {
  const outliers = { kind: 'probation', jitterRatio: 0 } as const;
  const { cluster, clock, events } = randomly({ outliers, balancer: 'round-robin' });
  attemptAt(cluster, E0, 'connect-failed', 6);
  expect(stateOf(cluster, E0)).toBe('serving');
  attemptAt(cluster, E0, 'connect-failed');
  expect(stateOf(cluster, E0)).toBe('ejected');
  await clock.advance(1_000);
  expect(stateOf(cluster, E0)).toBe('probation');
  let one = picked(cluster);
  while (one.address !== E0) one = picked(cluster);
  one.began();
  expect(picks(cluster, 100)).not.toContain(E0);
  one.ended('timeout', 10);
  expect(events.at(-1)).toMatchObject({ kind: 'ejected', times: 2, untilMs: clock.now() + 2_000 });
  await clock.advance(2_000);
  attemptAt(cluster, E0, 'ok');
  expect(events.at(-1)).toEqual({ kind: 'returned', address: E0, because: 'probation' });
  expect(picks(cluster, 10)).toContain(E0);
  attemptAt(cluster, E0, 'connect-failed', 7);
  expect(events.at(-1)).toMatchObject({ kind: 'ejected', times: 1 });
});

test('what was under way before a probation does not decide it, and one that is cancelled leaves it open', async () => {
  const outliers = { kind: 'probation', jitterRatio: 0 } as const;
  const { cluster, clock } = randomly({ outliers, balancer: 'round-robin' });
  let old = picked(cluster);
  while (old.address !== E0) old = picked(cluster);
  old.began();
  attemptAt(cluster, E0, 'reset', 7);
  await clock.advance(1_000);
  old.ended('reset', 1_000);
  expect(stateOf(cluster, E0)).toBe('probation');
  attemptAt(cluster, E0, 'cancelled');
  expect(stateOf(cluster, E0)).toBe('probation');
  attemptAt(cluster, E0, 'ok');
  expect(stateOf(cluster, E0)).toBe('serving');
});

test('below the panic threshold all are asked, at it not yet', () => {
  const { cluster, events } = randomly({ endpoints: endpoints(4), outliers: { maxEjectedRatio: 1 } });
  attemptAt(cluster, E0, 'reset', 5);
  attemptAt(cluster, 'http://e1:80', 'reset', 5);
  expect(Object.keys(Object.groupBy(picks(cluster, 200), (address) => address)).toSorted()).toEqual([
    'http://e2:80',
    'http://e3:80',
  ]);
  attemptAt(cluster, 'http://e2:80', 'reset', 5);
  expect(events.at(-1)).toEqual({ kind: 'panic', isPanicking: true, healthy: 1, endpoints: 4 });
  expect(new Set(picks(cluster, 200)).size).toBe(4);
});

test('what was learnt of failures goes with who leaves', async () => {
  const { cluster, clock } = randomly();
  attemptAt(cluster, E0, 'reset', 5);
  cluster.update(endpoints(3).slice(1));
  expect(attempt(cluster)).not.toBe(E0);
  cluster.update(endpoints(3));
  expect(stateOf(cluster, E0)).toBe('serving');
  await clock.advance(60_000);
});
