import type { CompiledSnapshot } from '../snapshot/compiled-snapshot.ts';
import type { SayingKind } from '../snapshot/filter-kind.ts';
import { addressWords, endpointWords, filterWords, matchWords, policyWords, sharesOf } from './words.ts';

/** A snapshot for people and admin tools: facts that JSON can carry, and of filters only what they say of themselves. */
export interface SnapshotDescription {
  readonly hash: string;
  readonly origin: string;
  /** ISO 8601, UTC. */
  readonly loadedAt: string;
  readonly listeners: readonly {
    readonly name: string;
    readonly address: string;
    readonly isTls: boolean;
    /** How many routes it serves. */
    readonly routes: number;
  }[];
  readonly routes: readonly {
    readonly name: string;
    readonly label: string;
    readonly hosts: readonly string[];
    readonly listeners: readonly string[];
    readonly matches: readonly string[];
    readonly isExclusive: boolean;
    readonly filters: readonly string[];
    readonly destinations: readonly { readonly cluster: string; readonly share: number }[];
    readonly timeoutMs: number;
    readonly maxBodyBytes: number;
    readonly policy: string | undefined;
  }[];
  readonly clusters: readonly {
    readonly name: string;
    readonly endpoints: readonly string[];
    readonly balancer: string;
    readonly policy: string | undefined;
  }[];
}

/**
 * Describes a snapshot.
 * @param kinds default: the snapshot's own
 */
export function describeSnapshot(
  snapshot: CompiledSnapshot,
  kinds: readonly SayingKind[] = snapshot.kinds,
): SnapshotDescription {
  return {
    hash: snapshot.hash,
    origin: snapshot.origin,
    loadedAt: new Date(snapshot.loadedAtMs).toISOString(),
    listeners: snapshot.listeners.map((listener) => ({
      name: listener.name,
      address: addressWords(listener),
      isTls: listener.tls !== undefined,
      routes: snapshot.routes.filter(({ listeners }) => listeners.includes(listener.name)).length,
    })),
    routes: snapshot.routes.map((route) => ({
      name: route.name,
      label: route.label,
      hosts: route.hosts,
      listeners: route.listeners,
      matches: route.matches.map((match) => matchWords(match)),
      isExclusive: route.isExclusive,
      filters: route.filters.map((filter) => filterWords(filter, kinds)),
      destinations: sharesOf(route),
      timeoutMs: route.timeoutMs,
      maxBodyBytes: route.maxBodyBytes,
      policy: policyWords(route),
    })),
    clusters: snapshot.clusters.map((cluster) => ({
      name: cluster.name,
      endpoints: endpointWords(cluster),
      balancer: cluster.options.balancer ?? 'p2c',
      policy: policyWords(cluster),
    })),
  };
}
