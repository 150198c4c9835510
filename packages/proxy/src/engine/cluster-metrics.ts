import type { Cluster, ClusterEvent, ClusterRefusal, EndpointReport } from '@fairlead/net';
import type { Metrics } from '@fairlead/telemetry';

/** What clusters of a process count, whichever engine they belong to. */
export interface ClusterMetrics {
  happened(cluster: string, event: ClusterEvent): void;
  /** Tells of these from now on, until what is returned is called. */
  tell(clusters: () => Iterable<Cluster>): () => void;
}

const STATES: readonly EndpointReport['state']['kind'][] = ['serving', 'warming', 'unhealthy', 'ejected', 'probation'];
/** Endpoints that have series of their own; the others are in the sums of their clusters. */
const MOST_ENDPOINTS = 1_000;

const made = new WeakMap<Metrics, ClusterMetrics>();

/** The metrics of clusters, the same for the same registry: their names can be there once. */
export function clusterMetrics(metrics: Metrics): ClusterMetrics {
  const known = made.get(metrics) ?? newMetrics(metrics);
  made.set(metrics, known);
  return known;
}

function newMetrics(metrics: Metrics): ClusterMetrics {
  const sources = new Set<() => Iterable<Cluster>>();
  const counter = (name: string, help: string, ...labels: string[]) =>
    metrics.counter({ name: `fairlead_${name}`, help, labelNames: labels });
  // The first of them fills all: each is asked in this order, and without a pause between them.
  const gauge = (name: string, help: string, labels: string[], collect?: () => void) =>
    metrics.gauge({
      name: `fairlead_${name}`,
      help,
      labelNames: labels,
      ...(collect === undefined ? {} : { collect }),
    });
  const endpoints = gauge(
    'cluster_endpoints',
    'Endpoints of a cluster, by what they are doing.',
    ['cluster', 'state'],
    () => collect(),
  );
  const panic = gauge('cluster_panic', 'Whether all endpoints are asked because too few are healthy.', ['cluster']);
  const active = gauge('cluster_requests_active', 'Requests under way.', ['cluster']);
  const pending = gauge('cluster_requests_pending', 'Requests that wait for a connection.', ['cluster']);
  const connections = gauge('cluster_connections_active', 'Connections, or streams of HTTP/2, that are open.', [
    'cluster',
  ]);
  const healthy = gauge('endpoint_healthy', 'Whether an endpoint is asked.', ['cluster', 'endpoint']);
  const endpointActive = gauge('endpoint_requests_active', 'Requests under way.', ['cluster', 'endpoint']);
  const endpointConnections = gauge('endpoint_connections_active', 'Connections that are open.', [
    'cluster',
    'endpoint',
  ]);
  const gauges = [endpoints, panic, active, pending, connections, healthy, endpointActive, endpointConnections];

  const ejections = counter('cluster_ejections_total', 'Endpoints left out, by the rule.', 'cluster', 'reason');
  const spared = counter(
    'cluster_ejections_spared_total',
    'Endpoints that would have been left out if not so many were.',
    'cluster',
    'reason',
  );
  const changes = counter('cluster_membership_changes_total', 'Changes of who is in a cluster.', 'cluster');
  const lookups = counter('cluster_discovery_failures_total', 'Lookups of endpoints that failed.', 'cluster');
  const refusals = counter(
    'cluster_refusals_total',
    'Requests for which nobody was picked, by why.',
    'cluster',
    'reason',
  );
  const repeats = counter('cluster_repeats_total', 'Picks after an attempt that failed.', 'cluster');
  const opened = counter('cluster_connections_total', 'Connections that were begun.', 'cluster');
  const unopened = counter('cluster_connect_failures_total', 'Connections that never opened.', 'cluster');
  const picks = counter('endpoint_requests_total', 'Requests for which an endpoint was picked.', 'cluster', 'endpoint');
  const failures = counter('endpoint_failures_total', 'Attempts that were its failure.', 'cluster', 'endpoint');
  const seconds = counter(
    'endpoint_request_seconds_total',
    'What attempts took until the head of their answer, or until they failed.',
    'cluster',
    'endpoint',
  );
  /** What of a cluster's own counts has been told. */
  const told = new WeakMap<Cluster, Map<string, number>>();

  function collect(): void {
    for (const each of gauges) each.reset();
    let named = 0;
    for (const source of sources) for (const cluster of source()) named += tellOne(cluster, MOST_ENDPOINTS - named);
  }

  /** Returns how many of its endpoints have series of their own. */
  function tellOne(open: Cluster, room: number): number {
    const report = open.inspect();
    const cluster = report.name;
    const before = told.get(open) ?? new Map<string, number>();
    told.set(open, before);
    /** What has been added since it was last told; a new endpoint at an old address begins anew. */
    const since = (key: string, now: number): number => {
      const last = before.get(key) ?? 0;
      before.set(key, now);
      return now < last ? now : now - last;
    };
    for (const state of STATES) {
      endpoints.set({ cluster, state }, report.endpoints.filter((each) => each.state.kind === state).length);
    }
    panic.set({ cluster }, report.isPanicking ? 1 : 0);
    active.set({ cluster }, report.inFlight);
    pending.set({ cluster }, report.pending);
    connections.set(
      { cluster },
      report.endpoints.reduce((sum, { pool }) => sum + pool.connections, 0),
    );
    for (const [reason, count] of Object.entries(report.refused) as [ClusterRefusal, number][]) {
      refusals.inc({ cluster, reason }, since(`refused ${reason}`, count));
    }
    repeats.inc({ cluster }, since('repeats', report.repeats));
    const here = new Set<string>();
    for (const [
      at,
      { address, isPicked, inFlight, attempts, failures: failed, spentMs, pool },
    ] of report.endpoints.entries()) {
      here.add(address);
      opened.inc({ cluster }, since(`opened ${address}`, pool.opened));
      unopened.inc({ cluster }, since(`unopened ${address}`, pool.failed));
      if (at >= room) continue;
      const labels = { cluster, endpoint: address };
      healthy.set(labels, isPicked ? 1 : 0);
      endpointActive.set(labels, inFlight);
      endpointConnections.set(labels, pool.connections);
      picks.inc(labels, since(`picks ${address}`, attempts + inFlight));
      failures.inc(labels, since(`failures ${address}`, failed));
      seconds.inc(labels, since(`spent ${address}`, spentMs) / 1_000);
    }
    for (const key of before.keys()) {
      const address = key.slice(key.indexOf(' ') + 1);
      if (!key.includes(' ') || key.startsWith('refused ') || here.has(address)) continue;
      before.delete(key);
      for (const each of [picks, failures, seconds]) each.remove({ cluster, endpoint: address });
    }
    return Math.min(room, report.endpoints.length);
  }

  return {
    happened(cluster, event) {
      switch (event.kind) {
        case 'ejected':
          return ejections.inc({ cluster, reason: event.why.kind });
        case 'spared':
          return spared.inc({ cluster, reason: event.why.kind });
        case 'updated':
          return changes.inc({ cluster });
        case 'discovery-failed':
          return lookups.inc({ cluster });
        default:
          return undefined;
      }
    },
    tell(source) {
      sources.add(source);
      return () => {
        // What has come since it was last told is not lost.
        for (const cluster of source()) tellOne(cluster, MOST_ENDPOINTS);
        sources.delete(source);
      };
    },
  };
}
