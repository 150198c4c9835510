import type { Clock, Random } from '@fairlead/core';
import { fail } from '../errors.ts';
import type { Endpoint, PoolOptions } from '../client/options.ts';
import { clientPool, type Pool } from '../client/pool.ts';
import type { CircuitLimits } from './circuit-limits.ts';
import type { ClusterEvent } from './cluster-event.ts';
import type { ClusterEndpoint } from './cluster-types.ts';
import { addressOf } from './address.ts';
import { staticEndpoints, type Discovery } from './discovery.ts';
import { resolveHealth, type HealthOptions, type ResolvedHealth } from './health-options.ts';
import type { ResolvedZone, ZoneOptions } from './near-first.ts';
import { atLeast, between, wholeNumber } from './option-check.ts';
import { resolveOutliers, type OutlierOptions, type ResolvedOutliers } from './outlier-options.ts';
import { proberOf, type MakeProber } from './prober.ts';
import type { ResolvedSlowStart, SlowStartOptions } from './slow-start.ts';

/** Who takes a request: see docs/explain/balancing.md. */
export const BALANCERS = ['p2c', 'round-robin', 'least-request', 'ring-hash', 'maglev', 'random'] as const;

/** One of `BALANCERS`. */
export type BalancerName = (typeof BALANCERS)[number];

/** What a cluster's pools have in common. */
export type ClusterPoolOptions = Omit<PoolOptions, 'endpoint' | 'clock' | 'maxConnections' | 'maxWaiting'>;

/** How a cluster behaves. */
export interface ClusterOptions {
  /** In reports and errors. */
  readonly name: string;
  /** Those that there are, or who knows them. There may be none yet. */
  readonly endpoints: readonly ClusterEndpoint[] | Discovery;
  readonly clock: Clock;
  readonly random: Random;
  /** Default `p2c`: of two, the one with the lower latency for each request that it has. */
  readonly balancer?: BalancerName;
  /** For `p2c`: what endpoints are taken to need while none is known, in milliseconds. Default 30; above 0. */
  readonly initialLatencyMs?: number;
  /** For `p2c`: how long until a latency weighs 1/e, in milliseconds. Default 10 000; above 0. */
  readonly latencyDecayMs?: number;
  /**
   * For `ring-hash` and `maglev`: how many times its share an endpoint may have under way before what hashes to it goes
   * elsewhere. Default: no bound; from 1 on. 1.25 is usual.
   */
  readonly maxLoadFactor?: number;
  /** Default: Envoy's rules, see `EjectionOptions`. */
  readonly outliers?: OutlierOptions | 'off';
  /** Default off. */
  readonly health?: HealthOptions | 'off';
  /** Default: none. Who comes while nobody else may be asked has its whole share at once. */
  readonly slowStart?: SlowStartOptions;
  /** When a smaller share than this is healthy, all are asked. Default 0.5; from 0, never, to 1. */
  readonly panicThreshold?: number;
  /** Prefers the own zone. Default: zones don't count. */
  readonly zone?: ZoneOptions;
  readonly limits?: Partial<CircuitLimits>;
  readonly pool?: ClusterPoolOptions;
  /** Is told what happens. Must not throw. */
  readonly observe?: (event: ClusterEvent) => void;
  /** Makes an endpoint's pool. Default `clientPool`. */
  readonly openPool?: (options: PoolOptions) => Pool;
  /** Makes what asks an endpoint how it is. Default: over sockets, as `health` says. */
  readonly makeProber?: MakeProber;
}

/** Nothing left open. */
export interface ResolvedClusterOptions {
  readonly name: string;
  readonly discovery: Discovery;
  readonly clock: Clock;
  readonly random: Random;
  readonly balancer: BalancerName;
  readonly initialLatencyMs: number;
  readonly latencyDecayMs: number;
  readonly maxLoadFactor: number;
  readonly outliers: ResolvedOutliers | 'off';
  /** `undefined` when nobody asks. */
  readonly health: ResolvedHealth | undefined;
  readonly makeProber: MakeProber;
  readonly slowStart: ResolvedSlowStart;
  readonly panicThreshold: number;
  readonly zone: ResolvedZone | undefined;
  readonly limits: CircuitLimits;
  readonly observe: (event: ClusterEvent) => void;
  readonly openPool: (endpoint: Endpoint, host: string | undefined) => Pool;
  /** What requests say in `Host`, unless an endpoint says otherwise. */
  readonly host: string | undefined;
}

const DEFAULTS = {
  balancer: 'p2c',
  initialLatencyMs: 30,
  latencyDecayMs: 10_000,
  maxLoadFactor: Infinity,
  panicThreshold: 0.5,
} as const;
const SLOW_START: ResolvedSlowStart = { windowMs: 0, aggression: 1, minShare: 0.1 };
const LIMITS: CircuitLimits = { maxConnections: 1_024, maxPending: 1_024, maxRequests: 1_024, maxRetries: 1_024 };
const MIN_ENDPOINTS_OF_ZONES = 6;
const MAX_WEIGHT = 65_535;

/** @throws MISCONFIGURED with the option, its value and what to give instead */
export function resolveClusterOptions(options: ClusterOptions): ResolvedClusterOptions {
  try {
    return resolved(options);
  } catch (error) {
    const said = error instanceof Error ? error.message : String(error);
    throw fail('MISCONFIGURED', `Cluster ${options.name}: ${said}`, { cause: error });
  }
}

function resolved(options: ClusterOptions): ResolvedClusterOptions {
  const { name, endpoints, clock, random, outliers = {}, health = 'off', zone, pool = {} } = options;
  const { openPool = clientPool, observe = () => {} } = options;
  const limits = { ...LIMITS, ...options.limits };
  const slowStart = { ...SLOW_START, ...options.slowStart };
  const settings = {
    balancer: options.balancer ?? DEFAULTS.balancer,
    initialLatencyMs: options.initialLatencyMs ?? DEFAULTS.initialLatencyMs,
    latencyDecayMs: options.latencyDecayMs ?? DEFAULTS.latencyDecayMs,
    maxLoadFactor: options.maxLoadFactor ?? DEFAULTS.maxLoadFactor,
    panicThreshold: options.panicThreshold ?? DEFAULTS.panicThreshold,
  };
  const { balancer, maxLoadFactor } = settings;
  if (!BALANCERS.includes(balancer)) {
    throw fail('MISCONFIGURED', `balancer is "${balancer}"; give one of ${BALANCERS.join(', ')}.`);
  }
  atLeast('initialLatencyMs', settings.initialLatencyMs, Number.MIN_VALUE);
  atLeast('latencyDecayMs', settings.latencyDecayMs, Number.MIN_VALUE);
  between('maxLoadFactor', maxLoadFactor, 1, Infinity);
  between('panicThreshold', settings.panicThreshold, 0, 1);
  atLeast('slowStart.windowMs', slowStart.windowMs, 0);
  atLeast('slowStart.aggression', slowStart.aggression, Number.MIN_VALUE);
  between('slowStart.minShare', slowStart.minShare, Number.MIN_VALUE, 1);
  wholeNumber('limits.maxConnections', limits.maxConnections, 1);
  wholeNumber('limits.maxPending', limits.maxPending, 0);
  wholeNumber('limits.maxRequests', limits.maxRequests, 1);
  wholeNumber('limits.maxRetries', limits.maxRetries, 0);
  if (zone !== undefined) checkZone(zone, balancer);
  if ('length' in endpoints) for (const endpoint of endpoints) checkEndpoint(endpoint);
  const pools = { ...pool, clock, maxConnections: limits.maxConnections, maxWaiting: limits.maxPending };
  return {
    ...settings,
    name,
    discovery: 'watch' in endpoints ? endpoints : staticEndpoints(endpoints),
    clock,
    random,
    outliers: outliers === 'off' ? outliers : resolveOutliers(outliers),
    health: health === 'off' ? undefined : resolveHealth(health),
    makeProber: options.makeProber ?? proberOf({ clock, random, protocol: pool.protocol ?? 'http1' }),
    slowStart,
    zone: zone && { callers: undefined, minEndpoints: MIN_ENDPOINTS_OF_ZONES, ...zone },
    limits,
    observe,
    openPool: (endpoint, host) => openPool({ ...pools, endpoint, ...(host === undefined ? {} : { host }) }),
    host: pool.host,
  };
}

/** What configuration must get right; discovery is taken as it is. */
function checkEndpoint({ endpoint, weight = 1 }: ClusterEndpoint): void {
  wholeNumber(`weight of ${addressOf(endpoint)}`, weight, 1, MAX_WEIGHT);
}

function checkZone({ own, callers, minEndpoints = 0 }: ZoneOptions, balancer: BalancerName): void {
  if (balancer === 'ring-hash' || balancer === 'maglev') {
    throw fail(
      'MISCONFIGURED',
      `zone.own is "${own}" and balancer is "${balancer}"; what hashes alike would be at another endpoint in each zone. Leave zone out, or take another balancer.`,
    );
  }
  wholeNumber('zone.minEndpoints', minEndpoints, 0);
  for (const [zone, count] of Object.entries(callers ?? {})) atLeast(`zone.callers.${zone}`, count, 0);
}
