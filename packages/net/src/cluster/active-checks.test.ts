import { realTurn } from '@fairlead/core';
import { expect, test } from 'vitest';
import type { HealthOptions } from './health-options.ts';
import { attemptAt, clusterWorld, endpoints, picks, stateOf } from './cluster-world.fixture.ts';
import type { Finding } from './prober.ts';

const HEALTHY: Finding = { kind: 'healthy' };
const REFUSED: Finding = { kind: 'unhealthy', why: 'no connection: ECONNREFUSED', isSaid: false };
const DRAINING: Finding = { kind: 'unhealthy', why: 'GET /health/ready was answered 503', isSaid: true };
const E0 = 'http://e0:80';

/** Endpoints that find what the test says, and how often they were asked. */
async function world(health: HealthOptions = {}, options: Parameters<typeof clusterWorld>[0] = {}) {
  const findings = new Map<string, Finding>();
  const asked: string[] = [];
  const world = clusterWorld({
    balancer: 'random',
    health: { jitterRatio: 0, ...health },
    makeProber: (endpoint) => {
      const name = 'host' in endpoint ? endpoint.host : endpoint.path;
      return {
        async probe() {
          asked.push(name);
          return findings.get(name) ?? HEALTHY;
        },
      };
    },
    ...options,
  });
  await realTurn();
  return { ...world, findings, asked };
}

test('who fails three times in a row is left out, and back after two successes', async () => {
  const { cluster, clock, findings, events } = await world();
  findings.set('e0', REFUSED);
  await clock.advance(10_000);
  expect(stateOf(cluster, E0)).toBe('serving');
  await clock.advance(5_000);
  expect(cluster.inspect().endpoints[0]).toMatchObject({
    isPicked: false,
    state: { kind: 'unhealthy', why: 'no connection: ECONNREFUSED', sinceMs: clock.now() },
  });
  expect(events.at(-1)).toEqual({ kind: 'unhealthy', address: E0, why: 'no connection: ECONNREFUSED' });
  expect(picks(cluster, 200)).not.toContain(E0);
  findings.set('e0', HEALTHY);
  await clock.advance(5_000);
  expect(stateOf(cluster, E0)).toBe('unhealthy');
  await clock.advance(5_000);
  expect(events.at(-1)).toEqual({ kind: 'healthy', address: E0 });
  expect(picks(cluster, 200)).toContain(E0);
});

test('results that contradict each other start the count anew', async () => {
  const { cluster, clock, findings } = await world();
  for (const finding of [REFUSED, REFUSED, HEALTHY, REFUSED, REFUSED]) {
    findings.set('e0', finding);
    await clock.advance(5_000);
  }
  expect(stateOf(cluster, E0)).toBe('serving');
});

test('who says 503 is left out at once', async () => {
  const { cluster, clock, findings } = await world();
  findings.set('e0', DRAINING);
  await clock.advance(5_000);
  expect(stateOf(cluster, E0)).toBe('unhealthy');
});

test('the first check decides alone', async () => {
  const { cluster, clock, findings } = await world({}, { endpoints: [] });
  findings.set('e0', REFUSED);
  cluster.update(endpoints(3));
  expect(stateOf(cluster, E0)).toBe('serving');
  await clock.advance(0);
  expect(stateOf(cluster, E0)).toBe('unhealthy');
});

test('a newcomer waits for its first success, if there is anybody else', async () => {
  const { cluster, clock, findings, events } = await world();
  findings.set('e3', REFUSED);
  cluster.update(endpoints(4));
  expect(cluster.inspect().endpoints[3]?.state).toMatchObject({
    kind: 'unhealthy',
    why: 'its first check has not ended',
  });
  expect(picks(cluster, 200)).not.toContain('http://e3:80');
  await clock.advance(0);
  expect(cluster.inspect().endpoints[3]?.state).toMatchObject({ why: 'no connection: ECONNREFUSED' });
  findings.set('e3', HEALTHY);
  await clock.advance(10_000);
  expect(events.at(-1)).toEqual({ kind: 'healthy', address: 'http://e3:80' });
});

test('a success ends an ejection', async () => {
  const { cluster, clock, events } = await world();
  attemptAt(cluster, E0, 'reset', 5);
  expect(stateOf(cluster, E0)).toBe('ejected');
  await clock.advance(5_000);
  expect(events.at(-1)).toEqual({ kind: 'returned', address: E0, because: 'active-check' });
  expect(stateOf(cluster, E0)).toBe('serving');
});

test('intervals are of their own for who is unhealthy, and longer by chance', async () => {
  const quick = await world({ unhealthyIntervalMs: 1_000, unhealthyThreshold: 1 });
  quick.findings.set('e0', REFUSED);
  await quick.clock.advance(5_000);
  quick.asked.length = 0;
  await quick.clock.advance(4_000);
  expect(quick.asked).toEqual(['e0', 'e0', 'e0', 'e0']);

  const { clock, asked } = await world({ jitterRatio: 1 }, { endpoints: endpoints(50) });
  asked.length = 0;
  await clock.advance(5_000);
  expect(asked.length).toBeLessThan(5);
  await clock.advance(5_000);
  expect(new Set(asked).size).toBe(50);
});

test('who has left is asked no more', async () => {
  const { cluster, clock, asked } = await world();
  cluster.update(endpoints(1));
  asked.length = 0;
  await clock.advance(20_000);
  expect(new Set(asked)).toEqual(new Set(['e0']));
});
