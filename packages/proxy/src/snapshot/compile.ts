import { deepFreeze, stableHash } from '@fairlead/core';
import type { PolicySpec } from '@fairlead/policy';
import type { FilterSpec } from '../engine/compiled-route.ts';
import type { MatchSpec } from '../match/match-spec.ts';
import { compileRoutes } from '../match/route-table.ts';
import type { CompiledEndpoints } from './compiled-endpoint.ts';
import type {
  CompiledCluster,
  CompiledListener,
  CompiledSnapshot,
  ImportReport,
  SnapshotRoute,
} from './compiled-snapshot.ts';
import { given } from './given.ts';
import type { ReadSnapshot } from './snapshot-form.ts';

/** What of a snapshot does not stand in it. */
export interface SnapshotOrigin {
  readonly origin: string;
  readonly loadedAtMs: number;
  /** Where files that filters name are looked for. Default: where the process runs. */
  readonly folder?: string;
  /** What an importer has said of it. Default: nobody imported it. */
  readonly imported?: ImportReport;
}

/**
 * Makes of what was read what the engine runs: references followed, tables made, nothing left to be found out. `placed` says where the
 * files are that a filter names.
 */
export function compileSnapshot(
  read: ReadSnapshot,
  { origin, loadedAtMs, imported }: SnapshotOrigin,
  placed: (filter: FilterSpec) => FilterSpec,
): Omit<CompiledSnapshot, 'kinds'> {
  const { $schema: _editors, ...meaning } = read;
  const policyOf = (reference: string | PolicySpec | undefined) =>
    typeof reference === 'string'
      ? { policy: read.policies[reference], policyName: reference }
      : { policy: reference, policyName: undefined };
  const shared = read.filters.map(placed);
  const listenerNames = read.listeners.map(({ name }) => name);
  const routes = read.routes.map((route, order): SnapshotRoute => {
    const matches = matchesOf(route.match);
    return deepFreeze({
      name: route.name,
      label: labelOf(route.name, matches),
      order,
      filters: route.filters.length === 0 ? shared : [...shared, ...route.filters.map(placed)],
      sharedFilters: read.filters.length,
      destinations: route.to ?? [],
      timeoutMs: route.timeout,
      timesSilence: route.timeoutOf === 'silence',
      maxBodyBytes: route.maxBody,
      ...policyOf(route.policy),
      matches,
      hosts: route.hosts ?? ANY_HOST,
      listeners: route.listeners ?? listenerNames,
      isExclusive: route.exclusive,
      ...(route.priority === 0 ? {} : { priority: route.priority }),
    });
  });
  const clusters = Object.entries(read.clusters).map(([name, cluster]): CompiledCluster =>
    deepFreeze({
      name,
      endpoints: endpointsOf(cluster),
      options: cluster.settings,
      ...policyOf(cluster.policy),
    }),
  );
  return {
    hash: stableHash(meaning),
    origin,
    loadedAtMs,
    listeners: listenersOf(read, routes),
    routes,
    clusters,
    sharedFilters: deepFreeze(shared),
    policies: deepFreeze(read.policies),
    ...given({ imported }),
  };
}

const ANY_HOST: readonly string[] = [];

function matchesOf(match: ReadSnapshot['routes'][number]['match']): readonly MatchSpec[] {
  if (match === undefined) return [{}];
  return Array.isArray(match) ? match : [match];
}

/** What requests are counted under: the one path that a route has, else its name. */
function labelOf(name: string, matches: readonly MatchSpec[]): string {
  const path = matches[0]?.path;
  if (path === undefined || path.kind === 'regex' || matches.length > 1) return name;
  if (!path.path.includes('/:')) return path.path;
  return path.path.replaceAll(/(?<=\/):([A-Za-z_]\w*)(?=\/|$)/g, '{$1}');
}

function endpointsOf({ endpoints, dns }: ReadSnapshot['clusters'][string]): CompiledEndpoints {
  if (dns === undefined) return { kind: 'listed', endpoints: endpoints ?? [] };
  return { kind: 'dns', host: dns.host, port: dns.port, isTls: dns.isTls === true };
}

/** Listeners that serve the same routes share one table. */
function listenersOf(read: ReadSnapshot, routes: readonly SnapshotRoute[]): readonly CompiledListener[] {
  const tables = new Map<string, CompiledListener['table']>();
  return read.listeners.map(
    ({ name, address, mode, tls, http2, proxyProtocol, privateHandles, trustedProxies, limits = {} }) => {
      const served = routes.filter((route) => route.listeners.includes(name));
      const key = served.map(({ order }) => order).join(' ');
      const table =
        tables.get(key) ??
        compileRoutes(
          served.map((route) => ({
            route,
            hosts: route.hosts,
            matches: route.matches,
            isExclusive: route.isExclusive,
            priority: route.priority ?? 0,
          })),
        );
      tables.set(key, table);
      return deepFreeze({
        name,
        address: 'path' in address ? { ...address, mode } : address,
        tls: tls && {
          certificates: tls.certificates,
          acme: tls.acme && { ...tls.acme, eab: tls.acme.eab, authority: tls.acme.authority },
          clientAuthority: tls.clients?.authority,
          requiresClients: tls.clients?.required ?? false,
          minVersion: tls.min,
        },
        hasHttp2: http2,
        hasProxyProtocol: proxyProtocol,
        hasPrivateHandles: privateHandles,
        trustedProxies,
        limits,
        table,
      });
    },
  );
}
