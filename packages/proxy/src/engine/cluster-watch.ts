import type { Clock } from '@fairlead/core';
import type { Cluster, ClusterEvent } from '@fairlead/net';
import type { Telemetry } from '@fairlead/telemetry';
import { clusterMetrics, type ClusterMetrics } from './cluster-metrics.ts';

/** Something that has happened to a cluster. */
export interface ClusterIncident {
  readonly cluster: string;
  /** On the clock's wall time, in milliseconds since the epoch. */
  readonly atMs: number;
  readonly event: ClusterEvent;
}

/** How many incidents are kept. */
const MOST_INCIDENTS = 200;

/**
 * What happens to clusters: lines in the log, counters, and the last incidents for whoever asks. Who comes and goes by discovery is
 * counted only.
 */
export class ClusterWatch {
  readonly #telemetry: Telemetry;
  readonly #clock: Clock;
  readonly #metrics: ClusterMetrics;
  readonly #incidents: ClusterIncident[] = [];

  constructor(telemetry: Telemetry, clock: Clock) {
    this.#telemetry = telemetry;
    this.#clock = clock;
    this.#metrics = clusterMetrics(telemetry.metrics);
  }

  /** For `openCluster`. */
  of(cluster: string): (event: ClusterEvent) => void {
    return (event) => this.#happened(cluster, event);
  }

  /** The oldest first. */
  get incidents(): readonly ClusterIncident[] {
    return this.#incidents;
  }

  /** Whose figures are told from now on, until what is returned is called. */
  tell(clusters: () => Iterable<Cluster>): () => void {
    return this.#metrics.tell(clusters);
  }

  #happened(cluster: string, event: ClusterEvent): void {
    this.#metrics.happened(cluster, event);
    if (event.kind === 'updated') return;
    this.#incidents.push({ cluster, atMs: this.#clock.now(), event });
    if (this.#incidents.length > MOST_INCIDENTS) this.#incidents.shift();
    const { kind, ...rest } = event;
    const isGood = kind === 'returned' || kind === 'healthy' || (kind === 'panic' && !event.isPanicking);
    this.#telemetry.log[isGood ? 'info' : 'warn'](undefined, `cluster ${cluster}: ${WORDS[kind]}`, {
      cluster,
      ...rest,
    });
  }
}

const WORDS: Readonly<Record<Exclude<ClusterEvent['kind'], 'updated'>, string>> = {
  ejected: 'an endpoint is left out',
  spared: 'an endpoint would be left out, but so many are',
  returned: 'an endpoint is asked again',
  unhealthy: 'an endpoint fails its check',
  healthy: 'an endpoint passes its check',
  panic: 'whether all are asked, since too few are healthy, has changed',
  'discovery-failed': 'its endpoints could not be looked up; those known stay',
};
