import type { Clock, Random } from '@fairlead/core';
import type { Cluster } from '@fairlead/net';
import { policy, type LimitStore, type Policy, type PolicyPorts, type PolicySpec } from '@fairlead/policy';
import type { Telemetry } from '@fairlead/telemetry';
import type { RouteTable } from '../match/decision.ts';
import type { CompiledSnapshot, SnapshotRoute } from '../snapshot/compiled-snapshot.ts';
import type { RedisCacheClient } from '../filters/cache/redis-cache-client.ts';
import type { FilterKind } from '../snapshot/filter-kind.ts';
import type { Deadlines } from './deadlines.ts';
import { clustersOf, type ClusterPorts } from './cluster-set.ts';
import type { FilterSpec } from './compiled-route.ts';
import type { Filter, FilterWorld } from './filter.ts';
import type { KeptState } from './kept-state.ts';
import { LiveRoute } from './live-route.ts';
import type { OutcomeReport, Rubric } from './outcome-report.ts';
import type { SideRequests, SideWorld } from './side-requests.ts';

/** What a snapshot needs to be at work. */
export interface SnapshotPorts {
  /** Besides those of the snapshot. */
  readonly kinds: readonly FilterKind[];
  readonly clusters: ClusterPorts;
  readonly policies: PolicyPorts;
  readonly clock: Clock;
  readonly random: Random;
  readonly telemetry: Telemetry;
  readonly limits: LimitStore | undefined;
  readonly ownLimits: LimitStore | undefined;
  readonly sharedCache: RedisCacheClient | undefined;
  readonly deadlines: Deadlines;
  readonly report: OutcomeReport;
  readonly kept: KeptState;
  readonly sides: SideRequests;
}

/**
 * A snapshot at work. Requests keep the one that they began with; when another has taken its place and its last request has
 * ended, it is closed. What both need goes on: clusters, policies and the state of filters.
 */
export class LiveSnapshot {
  readonly hash: string;
  /** By listener. */
  readonly tables: ReadonlyMap<string, RouteTable<SnapshotRoute>>;
  readonly clusters: ReadonlyMap<string, Cluster>;
  /** By the order of their definition. */
  readonly #routes: readonly LiveRoute[];
  readonly #kept: KeptState;
  /** What this snapshot holds of kept state is held by this. */
  readonly #claim = {};
  #underWay = 0;
  #isReplaced = false;
  readonly #closed = Promise.withResolvers<void>();

  /** @throws what a filter, policy or cluster refuses of its options */
  constructor(compiled: CompiledSnapshot, ports: SnapshotPorts) {
    this.hash = compiled.hash;
    this.#kept = ports.kept;
    this.tables = new Map(compiled.listeners.map(({ name, table }) => [name, table]));
    try {
      this.clusters = clustersOf(this.#claim, compiled.clusters, ports.clusters);
      const kinds = new Map([...compiled.kinds, ...ports.kinds].map((kind) => [kind.type, kind]));
      this.#routes = compiled.routes.map((route) => this.#live(route, compiled, ports, kinds));
    } catch (error) {
      void ports.kept.release(this.#claim);
      throw error;
    }
  }

  /** All of them, in the order in which they were written. */
  get routes(): Iterable<LiveRoute> {
    return this.#routes.values();
  }

  /** The route at work, of one that its table has found. */
  live(route: SnapshotRoute): LiveRoute | undefined {
    return this.#routes[route.order];
  }

  began(): void {
    this.#underWay += 1;
  }

  ended(): void {
    this.#underWay -= 1;
    if (this.#isReplaced && this.#underWay === 0) void this.#close();
  }

  /** No request begins with it any more. Resolves when its last one has ended and what only it needed is closed. */
  retire(): Promise<void> {
    if (!this.#isReplaced) {
      this.#isReplaced = true;
      if (this.#underWay === 0) void this.#close();
    }
    return this.#closed.promise;
  }

  #live(
    route: SnapshotRoute,
    compiled: CompiledSnapshot,
    ports: SnapshotPorts,
    kinds: ReadonlyMap<string, FilterKind>,
  ): LiveRoute {
    const { clock, random, telemetry, limits, ownLimits, sharedCache, kept, deadlines, report, sides } = ports;
    const made: Filter[] = [];
    const rubrics = new Map<string, Rubric>();
    const make = (spec: FilterSpec): Filter => {
      const kind = kinds.get(spec.type);
      if (kind === undefined) throw new RangeError(`There is no filter of the type ${spec.type}.`);
      const filter = kind.make(spec, world);
      made.push(filter);
      return filter;
    };
    const world: FilterWorld = {
      clock,
      random,
      telemetry,
      route: route.name,
      limits,
      ownLimits,
      sharedCache,
      kept: (key, first) => kept.of(this.#claim, key, first),
      ask: (request) => sides.ask(request, asked),
      make,
    };
    const asked: SideWorld = {
      cluster: (name) => this.#asked(name, compiled, ports),
      rubric: (method) => report.rubric(method, route, rubrics),
      began: () => this.began(),
      ended: () => this.ended(),
    };
    const filters = route.filters.map(make);
    const deadline = deadlines.line(route.timeoutMs);
    return new LiveRoute(route, { filters, made, deadline, policy: this.#policy(route, compiled, ports), report });
  }

  /** A route's own policy, or that of its only cluster, which the routes to it then share. */
  #policy(route: SnapshotRoute, compiled: CompiledSnapshot, { policies, kept }: SnapshotPorts): Policy | undefined {
    const [destination] = route.destinations;
    const cluster = compiled.clusters.find(({ name }) => name === destination?.cluster);
    const [name, spec] =
      route.policy === undefined ? [cluster?.name ?? '', cluster?.policy] : [route.name, route.policy];
    return spec && this.#compiled(name, spec, { policies, kept });
  }

  /** A cluster that a filter asks, and the policy that it shares with routes. */
  #asked(name: string, compiled: CompiledSnapshot, ports: SnapshotPorts) {
    const cluster = this.clusters.get(name);
    const spec = compiled.clusters.find((each) => each.name === name)?.policy;
    return cluster && { cluster, policy: spec && this.#compiled(name, spec, ports) };
  }

  #compiled(name: string, spec: PolicySpec, { policies, kept }: Pick<SnapshotPorts, 'policies' | 'kept'>): Policy {
    const key = `policy ${name} ${JSON.stringify(spec)}`;
    return kept.of(this.#claim, key, () => policy(name, spec, policies, { isFailure }));
  }

  async #close(): Promise<void> {
    const filters = this.#routes.flatMap((live) => live.filters);
    await Promise.allSettled(filters.map(async (filter) => filter.close?.()));
    await this.#kept.release(this.#claim);
    this.#closed.resolve();
  }
}

/** An answer that says that its service fails; it goes to the client all the same when nothing better comes. */
function isFailure(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'status' in value && Number(value.status) >= 500;
}
