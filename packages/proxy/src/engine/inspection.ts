import type { CertificateReport, ClusterReport } from '@fairlead/net';
import type { PolicyState } from '@fairlead/policy';
import type { ClusterIncident, ClusterWatch } from './cluster-watch.ts';
import type { ConsumersReport } from './consumer-table.ts';
import type { EngineCore } from './engine-core.ts';
import type { LimitReport, NearAsk } from './filter.ts';
import type { OpenListener } from './listeners.ts';
import type { RedCounts } from './red-window.ts';

/** A listener, as it is now. */
export interface ListenerReport {
  readonly name: string;
  readonly url: string;
  /** That are open. */
  readonly connections: number;
  readonly certificates: readonly CertificateReport[];
}

/** A route and what happened lately. */
export interface RouteReport {
  /** Empty: requests that no route answers. */
  readonly name: string;
  /** `undefined` when there was no request yet. */
  readonly lately: RedCounts | undefined;
}

/** What an engine is doing, section by section: each is gathered when it is asked for. All of it is data that JSON can carry. */
export class EngineInspection {
  readonly #core: EngineCore;
  readonly #servers: ReadonlyMap<string, OpenListener>;
  readonly #watch: ClusterWatch;

  constructor(core: EngineCore, servers: ReadonlyMap<string, OpenListener>, watch: ClusterWatch) {
    this.#core = core;
    this.#servers = servers;
    this.#watch = watch;
  }

  /** Requests that are not over. */
  get requests(): number {
    return this.#core.underWay.size;
  }

  listeners(): readonly ListenerReport[] {
    return [...this.#servers].map(([name, server]) => ({
      name,
      url: server.url,
      connections: server.connections,
      certificates: server.certificates(),
    }));
  }

  routes(): readonly RouteReport[] {
    const { snapshot, report } = this.#core;
    const names = [...snapshot.routes].map(({ route }) => route.name);
    return [...names, ''].map((name) => ({ name, lately: report.lately(name) }));
  }

  clusters(): readonly ClusterReport[] {
    return [...this.#core.snapshot.clusters.values()].map((cluster) => cluster.inspect());
  }

  /** What happened to clusters, the oldest first. */
  incidents(): readonly ClusterIncident[] {
    return this.#watch.incidents;
  }

  /** Policies at work; several routes may share one. */
  policies(): readonly PolicyState[] {
    const all = [...this.#core.snapshot.routes].flatMap(({ policy }) => policy ?? []);
    return [...new Set(all)].map((policy) => policy.inspect());
  }

  limits(ask: NearAsk): readonly LimitReport[] {
    const reports = [...this.#core.snapshot.routes].flatMap(({ made }) =>
      made.flatMap((filter) => filter.limit?.(ask) ?? []),
    );
    // Routes that count together tell the same limit.
    return [
      ...new Map(
        reports.map((report) => [
          JSON.stringify([report.name, report.by, report.rates.map(({ rate }) => rate)]),
          report,
        ]),
      ).values(),
    ];
  }

  /** Those who asked last; times are on the clock's wall time, in milliseconds since the epoch. */
  consumers(most: number): ConsumersReport {
    const { report, clock } = this.#core;
    const offsetMs = clock.now() - clock.monotonic();
    const { consumers, forgotten } = report.consumers.read(most);
    return {
      consumers: consumers.map((each) => ({
        ...each,
        sinceMs: each.sinceMs + offsetMs,
        lastAtMs: each.lastAtMs + offsetMs,
      })),
      forgotten,
    };
  }
}
