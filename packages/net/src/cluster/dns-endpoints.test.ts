import { realTurn, seededRandom, virtualClock } from '@fairlead/core';
import { expect, onTestFinished, test } from 'vitest';
import { clusterWorld } from './cluster-world.fixture.ts';
import type { ClusterEndpoint } from './cluster-types.ts';
import { dnsEndpoints, dnsServices } from './dns-endpoints.ts';
import type { Discovery } from './discovery.ts';
import type { ResolvedAddress, ResolvedService, Resolver } from './resolver.ts';
import { systemResolver } from './system-resolver.ts';

/** A resolver that knows what a test tells it, and how often it was asked. */
function fakeResolver() {
  const hosts = new Map<string, readonly ResolvedAddress[] | Error>();
  const services = new Map<string, readonly ResolvedService[]>();
  const asked: string[] = [];
  const resolver: Resolver = {
    async addresses(host) {
      asked.push(host);
      const known = hosts.get(host) ?? [];
      if (known instanceof Error) throw known;
      return known;
    },
    services: async (name) => services.get(name) ?? [],
  };
  return { resolver, hosts, services, asked };
}

function addresses(ttlSeconds: number | undefined, ...list: string[]): ResolvedAddress[] {
  return list.map((address) => ({ address, ttlSeconds }));
}

async function watching(discoveryOf: (own: Tools) => Discovery) {
  const own = tools();
  const heard: (readonly ClusterEndpoint[])[] = [];
  const failures: string[] = [];
  const watch = discoveryOf(own).watch({
    onEndpoints: (list) => heard.push(list),
    onFailure: (why) => failures.push(why),
  });
  onTestFinished(async () => {
    await watch.close();
    expect(own.clock.pending).toBe(0);
  });
  await realTurn();
  return { ...own, heard, failures };
}

type Tools = ReturnType<typeof tools>;

function tools() {
  const clock = virtualClock();
  return { ...fakeResolver(), clock, random: seededRandom('dns') };
}

test('addresses of a host are its endpoints, which are asked for by name, and again when their time is over', async () => {
  const { heard, hosts, asked, clock } = await watching((own) => {
    own.hosts.set('orders', addresses(30, '10.0.0.1', '10.0.0.2', 'fd00::1'));
    return dnsEndpoints({ ...own, host: 'orders', port: 8080, zone: 'a' });
  });
  expect(heard).toEqual([
    ['10.0.0.1', '10.0.0.2', 'fd00::1'].map((host) => ({
      endpoint: { host, port: 8080 },
      host: 'orders:8080',
      zone: 'a',
    })),
  ]);
  hosts.set('orders', addresses(30, '10.0.0.3'));
  await clock.advance(29_999);
  expect(asked).toHaveLength(1);
  await clock.advance(1);
  expect(heard[1]).toMatchObject([{ endpoint: { host: '10.0.0.3' } }]);
});

test('with TLS, addresses keep the name that their certificates are for', async () => {
  const { heard } = await watching((own) => {
    own.hosts.set('orders.example', addresses(30, '10.0.0.1'));
    return dnsEndpoints({ ...own, host: 'orders.example', port: 443, isTls: true });
  });
  expect(heard).toEqual([
    [
      {
        endpoint: { host: '10.0.0.1', port: 443, isTls: true, serverName: 'orders.example' },
        host: 'orders.example',
      },
    ],
  ]);
});

test.each([
  ['the shortest', [...addresses(60, '10.0.0.1'), ...addresses(7, '10.0.0.2')], 7_000],
  ['five seconds, when nothing is said', addresses(undefined, '10.0.0.1'), 5_000],
  ['a second, when less is said', addresses(0, '10.0.0.1'), 1_000],
  ['five minutes, when more is said', addresses(86_400, '10.0.0.1'), 300_000],
  ['five seconds, when there is nobody', [], 5_000],
] as const)('the time is %s', async (_, found, afterMs) => {
  const { asked, clock } = await watching((own) => {
    own.hosts.set('orders', found);
    return dnsEndpoints({ ...own, host: 'orders', port: 80 });
  });
  await clock.advance(afterMs - 1);
  expect(asked).toHaveLength(1);
  await clock.advance(1);
  expect(asked).toHaveLength(2);
});

test('who can not be asked is asked again with growing delays, and nothing is told but that', async () => {
  const { heard, failures, hosts, clock } = await watching((own) => {
    own.hosts.set('orders', new Error('SERVFAIL'));
    return dnsEndpoints({ ...own, host: 'orders', port: 80 });
  });
  await clock.advance(3_600_000);
  expect(heard).toEqual([]);
  expect(new Set(failures)).toEqual(new Set(['SERVFAIL']));
  // Each delay is at most five minutes, and half of that on average.
  expect(failures.length).toBeGreaterThan(12);
  expect(failures.length).toBeLessThan(80);
  hosts.set('orders', addresses(30, '10.0.0.1'));
  await clock.advance(300_000);
  expect(heard[0]).toMatchObject([{ endpoint: { host: '10.0.0.1' } }]);
});

test('after an answer delays begin anew, and no delay is less than a second', async () => {
  const { asked, failures, hosts, clock } = await watching((own) => {
    own.hosts.set('orders', new Error('SERVFAIL'));
    return dnsEndpoints({ ...own, random: { ...own.random, next: () => 0.999 }, host: 'orders', port: 80 });
  });
  await clock.advance(600_000);
  hosts.set('orders', addresses(10, '10.0.0.1'));
  await clock.advance(300_000);
  hosts.set('orders', new Error('SERVFAIL'));
  for (const before = failures.length; failures.length === before;) await clock.advance(100);
  const before = asked.length;
  await clock.advance(5_000);
  expect(asked.length).toBe(before + 1);

  const eager = await watching((own) => {
    own.hosts.set('orders', new Error('SERVFAIL'));
    return dnsEndpoints({ ...own, random: { ...own.random, next: () => 0 }, host: 'orders', port: 80 });
  });
  await eager.clock.advance(999);
  expect(eager.asked).toHaveLength(1);
});

test('an address is not asked for', async () => {
  const { heard, asked } = await watching((own) => dnsEndpoints({ ...own, host: '::1', port: 80 }));
  expect(heard[0]).toEqual([{ endpoint: { host: '::1', port: 80 }, host: '[::1]' }]);
  expect(asked).toEqual([]);
});

test('SRV says ports and weights, and the lowest priority counts', async () => {
  const { heard } = await watching((own) => {
    own.services.set('_http._tcp.orders', [
      { host: 'a', port: 8001, priority: 1, weight: 3 },
      { host: 'b', port: 8002, priority: 1, weight: 0 },
      { host: 'c', port: 8003, priority: 2, weight: 9 },
    ]);
    own.hosts.set('a', addresses(9, '10.0.0.1', '10.0.0.2'));
    own.hosts.set('b', addresses(9, '10.0.0.3'));
    own.hosts.set('c', addresses(9, '10.0.0.4'));
    return dnsServices({ ...own, name: '_http._tcp.orders' });
  });
  expect(heard).toEqual([
    [
      { endpoint: { host: '10.0.0.1', port: 8001 }, host: 'a:8001', weight: 3 },
      { endpoint: { host: '10.0.0.2', port: 8001 }, host: 'a:8001', weight: 3 },
      { endpoint: { host: '10.0.0.3', port: 8002 }, host: 'b:8002', weight: 1 },
    ],
  ]);
});

test('a cluster begins with nobody when its host does not resolve, keeps the last good ones, and believes an empty answer', async () => {
  const { resolver, hosts } = fakeResolver();
  hosts.set('orders', new Error('ETIMEOUT'));
  const clock = virtualClock();
  const random = seededRandom('cluster by dns');
  const discovery = dnsEndpoints({ resolver, clock, random, host: 'orders', port: 80, maxRefreshMs: 5_000 });
  const { cluster, events } = clusterWorld({ endpoints: discovery });
  await realTurn();
  expect(cluster.pick()).toBeUndefined();
  expect(cluster.refusal).toBe('no-endpoints');
  expect(events).toEqual([{ kind: 'discovery-failed', why: 'ETIMEOUT', endpoints: 0 }]);
  hosts.set('orders', addresses(1, '10.0.0.1', '10.0.0.2'));
  await clock.advance(5_000);
  expect(cluster.inspect().endpoints).toHaveLength(2);
  hosts.set('orders', new Error('SERVFAIL'));
  await clock.advance(10_000);
  expect(events.at(-1)).toEqual({ kind: 'discovery-failed', why: 'SERVFAIL', endpoints: 2 });
  expect(cluster.inspect().endpoints).toHaveLength(2);
  hosts.set('orders', []);
  await clock.advance(5_000);
  expect(cluster.inspect().endpoints).toHaveLength(0);
  await cluster.close();
  expect(clock.pending).toBe(0);
});

test('an answer that comes after the end is not heard', async () => {
  const answer = Promise.withResolvers<ResolvedAddress[]>();
  const clock = virtualClock();
  const resolver: Resolver = { addresses: () => answer.promise, services: async () => [] };
  const { cluster } = clusterWorld({
    endpoints: dnsEndpoints({ resolver, clock, random: seededRandom('late'), host: 'orders', port: 80 }),
  });
  await cluster.close();
  answer.resolve(addresses(5, '10.0.0.1'));
  await realTurn();
  expect(cluster.inspect().endpoints).toEqual([]);
  expect(clock.pending).toBe(0);
});

test.each([{ port: 0 }, { refreshMs: 0 }, { minRefreshMs: 10, maxRefreshMs: 5, refreshMs: 5 }])(
  '%o is refused at construction',
  (wrong) => {
    const own = tools();
    expect(() => dnsEndpoints({ ...own, host: 'orders', port: 80, ...wrong })).toThrow(
      expect.objectContaining({ code: 'MISCONFIGURED' }),
    );
  },
);

test('the machine knows its own name', async () => {
  const found = await systemResolver().addresses('localhost');
  expect(found.map(({ address }) => address).some((address) => address === '127.0.0.1' || address === '::1')).toBe(
    true,
  );
});
