import { stableHash, type Clock, type Random } from '@fairlead/core';
import { dnsEndpoints, openCluster, systemResolver, type Cluster, type FieldSieve } from '@fairlead/net';
import type { CompiledCluster } from '../snapshot/compiled-snapshot.ts';
import type { ClusterWatch } from './cluster-watch.ts';
import type { KeptState } from './kept-state.ts';

/** What clusters are made of besides what a snapshot says. */
export interface ClusterPorts {
  readonly clock: Clock;
  readonly random: Random;
  /** What of answers' heads goes on. */
  readonly sieve: FieldSieve;
  readonly kept: KeptState;
  readonly watch: ClusterWatch;
}

/**
 * The clusters of a snapshot. One that behaves as it did in the snapshot before is the same one, with what it knows of its
 * endpoints and its connections; only who answers for it may have changed.
 */
export function clustersOf(
  claim: object,
  compiled: readonly CompiledCluster[],
  ports: ClusterPorts,
): ReadonlyMap<string, Cluster> {
  return new Map(
    compiled.map((cluster) => {
      const { name, endpoints, options } = cluster;
      const source = endpoints.kind === 'listed' ? 'listed' : endpoints;
      const key = `cluster ${name} ${stableHash({ options, source })}`;
      const open = ports.kept.of(claim, key, () => openOne(cluster, ports));
      if (endpoints.kind === 'listed') open.update(endpoints.endpoints.map(written));
      return [name, open] as const;
    }),
  );
}

function openOne(
  { name, endpoints, options }: CompiledCluster,
  { clock, random, sieve, watch }: ClusterPorts,
): Cluster {
  const { pool, ...behaviour } = options;
  return openCluster({
    name,
    ...behaviour,
    endpoints:
      endpoints.kind === 'listed'
        ? endpoints.endpoints.map(written)
        : dnsEndpoints({
            host: endpoints.host,
            port: endpoints.port,
            isTls: endpoints.isTls,
            clock,
            random,
            resolver: systemResolver(),
          }),
    clock,
    random,
    pool: { ...pool, sieve },
    observe: watch.of(name),
  });
}

function written({
  endpoint,
  weight,
  zone,
}: {
  readonly endpoint: Parameters<Cluster['update']>[0][number]['endpoint'];
  readonly weight: number;
  readonly zone: string | undefined;
}) {
  return { endpoint, weight, ...(zone === undefined ? {} : { zone }) };
}
