import { seededRandom, virtualClock } from '@fairlead/core';
import { expect, onTestFinished } from 'vitest';
import { clientPool, type Pool } from '../client/pool.ts';
import type { ClusterEvent } from './cluster-event.ts';
import type { ClusterOptions } from './cluster-options.ts';
import type { AttemptOutcome, Cluster, ClusterEndpoint, Picked } from './cluster-types.ts';
import { openCluster } from './cluster.ts';

/** So many endpoints: `http://e0:80`, `http://e1:80`, … */
export function endpoints(
  count: number,
  more: (index: number) => Partial<ClusterEndpoint> = () => ({}),
): ClusterEndpoint[] {
  return Array.from({ length: count }, (_, index) => ({ endpoint: { host: `e${index}`, port: 80 }, ...more(index) }));
}

/** A cluster on virtual time, whose pools go nowhere. Fails the test when it leaves a timer behind. */
export function clusterWorld(options: Partial<ClusterOptions> = {}, seed = 'cluster') {
  const clock = virtualClock();
  const random = seededRandom(seed);
  const events: ClusterEvent[] = [];
  const opened: string[] = [];
  const closed: string[] = [];
  const closedPools = new Set<Pool>();
  const openPool: ClusterOptions['openPool'] = (poolOptions) => {
    const { endpoint } = poolOptions;
    const name = 'path' in endpoint ? endpoint.path : endpoint.host;
    // It opens no connection until it is asked, and nobody asks it.
    const pool = clientPool(poolOptions);
    const closeReally = pool.close.bind(pool);
    opened.push(name);
    return Object.assign(pool, {
      close() {
        closed.push(name);
        closedPools.add(pool);
        return closeReally();
      },
    });
  };
  const observe = (event: ClusterEvent): void => void events.push(event);
  const cluster = openCluster({
    name: 'orders',
    endpoints: endpoints(3),
    clock,
    random: random.fork('cluster'),
    openPool,
    observe,
    ...options,
  });
  onTestFinished(async () => {
    await cluster.close({ graceMs: 0 });
    expect(clock.pending).toBe(0);
  });
  return { cluster, clock, random, events, opened, closed, closedPools };
}

/** Picks somebody, who there must be. */
export function picked(cluster: Cluster, hash?: number, avoid?: Picked): Picked {
  const one = cluster.pick(hash, avoid);
  if (one === undefined) throw new Error(`Nobody was picked: ${cluster.refusal}.`);
  return one;
}

/** An attempt at somebody that ends at once; says who it was. */
export function attempt(cluster: Cluster, outcome: AttemptOutcome = 'ok', latencyMs = 1): string {
  const one = picked(cluster);
  one.began();
  one.ended(outcome, latencyMs);
  return one.address;
}

/** Attempts at one endpoint, whoever is picked meanwhile. */
export function attemptAt(cluster: Cluster, address: string, outcome: AttemptOutcome, times = 1): void {
  for (let done = 0, tries = 0; done < times; tries++) {
    if (tries > 100_000) throw new Error(`${address} is never picked.`);
    const one = picked(cluster);
    if (one.address !== address) continue;
    one.began();
    one.ended(outcome, 1);
    done += 1;
  }
}

/** How often each address comes, as shares. */
export function sharesOf(addresses: readonly string[]): Record<string, number> {
  const counts = new Map<string, number>();
  for (const address of addresses) counts.set(address, (counts.get(address) ?? 0) + 1);
  return Object.fromEntries([...counts].map(([address, count]) => [address, count / addresses.length]));
}

/** Addresses of so many picks, none of which begins. */
export function picks(cluster: Cluster, count: number, hash?: (index: number) => number): string[] {
  return Array.from({ length: count }, (_, index) => picked(cluster, hash?.(index)).address);
}

export function stateOf(cluster: Cluster, address: string): string | undefined {
  return cluster.inspect().endpoints.find((endpoint) => endpoint.address === address)?.state.kind;
}
