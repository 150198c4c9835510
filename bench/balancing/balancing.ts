import { seededRandom, virtualClock, type Clock, type Random, type VirtualClock } from '@fairlead/core';
import { openCluster, type BalancerName, type Cluster, type OutlierOptions } from '@fairlead/net';
import { Host, type HostOptions } from './host.ts';

/** What is wrong with one host of ten, or with each at some time. */
export const SCENES = {
  'all alike': {},
  'one slow': { first: { meanMs: 100, slots: 80 } },
  'one small': { first: { meanMs: 100 } },
  pauses: { pauses: true },
  'one failing': { first: { isFailing: true } },
} as const satisfies Record<string, Scene>;

/** What hosts are like. */
export interface Scene {
  /** How the first host is unlike the others. Default: not at all. */
  readonly first?: Partial<HostOptions>;
  /** Whether each host stops for 200 ms, at random and every 10 s on average. */
  readonly pauses?: boolean;
}

/** How requests are balanced. */
export interface BalancingOptions {
  readonly balancer: BalancerName;
  readonly scene: Scene;
  /** Processes that each have a cluster of their own, and know only what they did themselves. */
  readonly clients: number;
  readonly outliers: OutlierOptions | 'off';
  readonly seconds: number;
  readonly seed: string;
}

/** What came of it. */
export interface BalancingResult {
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Of all requests, as shares. */
  readonly toFirst: number;
  readonly failed: number;
}

interface Tally {
  readonly latencies: number[];
  /** Those that have not been answered. */
  readonly open: Set<{ readonly startedMs: number }>;
  requests: number;
  toFirst: number;
  failed: number;
}

const HOSTS = 10;
/** What a host is when nothing is wrong with it: 800 requests a second at most. */
const USUAL: HostOptions = { meanMs: 10, slots: 8, isFailing: false };
/** Half of what all can do. */
const REQUESTS_PER_MS = 4;
const SETTLING_MS = 2_000;
const PAUSE_MS = 200;
const PAUSE_INTERVAL_MS = 10_000;

/** Ten hosts under half of the load that they can carry, which comes at random. On virtual time: the same on every machine. */
export async function balance(options: BalancingOptions): Promise<BalancingResult> {
  const clock = virtualClock();
  const random = seededRandom(options.seed);
  const { first = {}, pauses = false } = options.scene as Scene;
  const hosts = Array.from(
    { length: HOSTS },
    (_, index) => new Host(clock, random.fork(`host ${index}`), { ...USUAL, ...(index === 0 ? first : {}) }),
  );
  if (pauses) {
    const pausing = random.fork('pauses');
    for (const host of hosts) pauseAgain(clock, pausing, host);
  }
  const clusters = Array.from({ length: options.clients }, (_, index) =>
    clusterOf(options, clock, random.fork(`client ${index}`)),
  );
  const tally = send(clock, random.fork('arrivals'), { hosts, clusters, untilMs: options.seconds * 1_000 });
  while (clock.monotonic() < options.seconds * 1_000) clock.runNext();
  await Promise.all(clusters.map((cluster) => cluster.close({ graceMs: 0 })));
  // Those that still wait took that long at least.
  for (const { startedMs } of tally.open) tally.latencies.push(clock.monotonic() - startedMs);
  const sorted = Float64Array.from(tally.latencies).sort();
  const at = (share: number): number => sorted[Math.floor(sorted.length * share)] ?? 0;
  return {
    p50Ms: at(0.5),
    p99Ms: at(0.99),
    toFirst: tally.toFirst / tally.requests,
    failed: tally.failed / tally.requests,
  };
}

function clusterOf({ balancer, outliers }: BalancingOptions, clock: Clock, random: Random): Cluster {
  const endpoints = Array.from({ length: HOSTS }, (_, index) => ({ endpoint: { host: `h${index}`, port: 80 } }));
  return openCluster({ name: 'balanced', endpoints, clock, random, balancer, outliers });
}

function pauseAgain(clock: VirtualClock, random: Random, host: Host): void {
  clock.setTimer(-Math.log(1 - random.next()) * PAUSE_INTERVAL_MS, () => {
    host.pause(PAUSE_MS);
    pauseAgain(clock, random, host);
  });
}

/**
 * Requests at random times (Poisson), each from any client; what began while all was settling is not counted. What a cluster
 * refuses counts as failed.
 */
function send(
  clock: VirtualClock,
  random: Random,
  { hosts, clusters, untilMs }: { hosts: readonly Host[]; clusters: readonly Cluster[]; untilMs: number },
): Tally {
  const tally: Tally = { latencies: [], open: new Set(), requests: 0, toFirst: 0, failed: 0 };
  const hostOf = new Map(hosts.map((host, index) => [`http://h${index}:80`, host]));
  const next = (): void => {
    const startedMs = clock.monotonic();
    if (startedMs < untilMs) clock.setTimer(-Math.log(1 - random.next()) / REQUESTS_PER_MS, next);
    const isCounted = startedMs >= SETTLING_MS;
    const picked = clusters[Math.floor(random.next() * clusters.length)]?.pick();
    const host = hostOf.get(picked?.address ?? '');
    if (isCounted) tally.requests += 1;
    if (isCounted && host === hosts[0]) tally.toFirst += 1;
    if (picked === undefined || host === undefined) {
      if (isCounted) tally.failed += 1;
      return;
    }
    const request = { startedMs };
    if (isCounted) tally.open.add(request);
    picked.began();
    host.serve((isOk) => {
      const latencyMs = clock.monotonic() - startedMs;
      picked.ended(isOk ? 'ok' : 'gateway-error', latencyMs);
      if (!tally.open.delete(request)) return;
      tally.latencies.push(latencyMs);
      if (!isOk) tally.failed += 1;
    });
  };
  next();
  return tally;
}
