import { expect, test } from 'vitest';
import { attempt, attemptAt, clusterWorld, endpoints, picked, picks, stateOf } from './cluster-world.fixture.ts';

test('whom somebody ejects is asked no more until the time is over', async () => {
  const { cluster, clock, events } = clusterWorld({ slowStart: { windowMs: 0 } });
  expect(cluster.eject('http://e1:80', { forMs: 60_000 })).toBe('ejected');
  expect(new Set(picks(cluster, 200))).toEqual(new Set(['http://e0:80', 'http://e2:80']));
  const report = cluster.inspect().endpoints.find(({ address }) => address === 'http://e1:80');
  expect(report).toMatchObject({ isPicked: false, state: { kind: 'ejected', why: { kind: 'operator' } } });
  await clock.advance(59_999);
  expect(stateOf(cluster, 'http://e1:80')).toBe('ejected');
  await clock.advance(1);
  expect(new Set(picks(cluster, 200)).size).toBe(3);
  expect(events.map(({ kind }) => kind).slice(-2)).toEqual(['ejected', 'returned']);
  expect(events.at(-1)).toMatchObject({ address: 'http://e1:80', because: 'time' });
});

test('ejecting again is for the new time, and restoring ends it at once', async () => {
  const { cluster, clock, events } = clusterWorld();
  cluster.eject('http://e1:80', { forMs: 1_000 });
  cluster.eject('http://e1:80', { forMs: 10_000 });
  await clock.advance(5_000);
  expect(stateOf(cluster, 'http://e1:80')).toBe('ejected');
  expect(cluster.restore('http://e1:80')).toBe('restored');
  expect(stateOf(cluster, 'http://e1:80')).toBe('serving');
  expect(events.at(-1)).toMatchObject({ kind: 'returned', because: 'operator' });
  expect(cluster.restore('http://e1:80')).toBe('not-ejected');
  expect([cluster.restore('http://e9:80'), cluster.eject('http://e9:80', { forMs: 1 })]).toEqual([
    'unknown',
    'unknown',
  ]);
});

test('what is under way goes on', () => {
  const { cluster } = clusterWorld({ endpoints: endpoints(2) });
  const one = picked(cluster);
  one.began();
  cluster.eject(one.address, { forMs: 1_000 });
  expect(cluster.inspect()).toMatchObject({ inFlight: 1 });
  one.ended('ok', 1);
  expect(cluster.inspect()).toMatchObject({ inFlight: 0 });
});

test('the last that would be asked stays, unless it is meant; a panic asks nobody who was taken out', () => {
  const { cluster } = clusterWorld({ endpoints: endpoints(2) });
  expect(cluster.eject('http://e0:80', { forMs: 1_000 })).toBe('ejected');
  expect(cluster.eject('http://e1:80', { forMs: 1_000 })).toBe('last');
  expect(attempt(cluster)).toBe('http://e1:80');
  expect(cluster.eject('http://e1:80', { forMs: 1_000, evenLast: true })).toBe('ejected');
  expect(cluster.pick()).toBeUndefined();
  expect(cluster.refusal).toBe('no-healthy-endpoints');
  cluster.restore('http://e0:80');
  expect(attempt(cluster)).toBe('http://e0:80');
});

test('whoever was ejected for its failures can be restored, too, by either kind of rules', () => {
  for (const kind of ['ejection', 'probation'] as const) {
    const { cluster, events } = clusterWorld({ balancer: 'random', outliers: { kind, consecutiveFailures: 3 } });
    attemptAt(cluster, 'http://e2:80', 'gateway-error', 3);
    expect(stateOf(cluster, 'http://e2:80')).toBe('ejected');
    expect(cluster.restore('http://e2:80')).toBe('restored');
    expect(stateOf(cluster, 'http://e2:80')).toBe('serving');
    expect(events.at(-1)).toMatchObject({ kind: 'returned', because: 'operator' });
  }
});

test('discovery that takes it out and brings it back brings a new one', () => {
  const { cluster } = clusterWorld();
  cluster.eject('http://e1:80', { forMs: 60_000 });
  cluster.update(endpoints(1));
  cluster.update(endpoints(3));
  expect(stateOf(cluster, 'http://e1:80')).toBe('serving');
});

test('picks after a failed attempt are counted', () => {
  const { cluster } = clusterWorld();
  const one = picked(cluster);
  picked(cluster, undefined, one);
  expect(cluster.inspect().repeats).toBe(1);
});
