import type { Endpoint } from '@fairlead/net';
import type { PolicySpec } from '@fairlead/policy';
import type { FilterSpec } from '../engine/compiled-route.ts';
import { compileRoutes } from '../match/route-table.ts';
import type { CompiledCluster, CompiledSnapshot, SnapshotRoute } from '../snapshot/compiled-snapshot.ts';
import { FILTER_KINDS } from '../snapshot/filter-kinds.ts';
import { answersAll, atTheDoor } from './edge-filters.ts';
import type { GatewayEndpoint, ResolvedOptions, ResolvedRoute } from './options.ts';
import { ABSENT, HEADERS, ROLES, TOKEN } from './platform-filters.ts';
import { atTheEdge } from './service-policies.ts';

/** The gateway's only listener. */
export const LISTENER = 'gateway';

/** A cluster without endpoints. */
const NOBODY = {
  endpoints: { kind: 'listed', endpoints: [] },
  options: {},
  policy: undefined,
  policyName: undefined,
} as const;
const EVERYBODY = '*';
const ALL_METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];
const HEAD_TIMEOUT_MS = 10_000;
/** What uploading may take beyond the longest route's time. */
const UPLOAD_SLACK_MS = 5_000;

/** What the engine runs for a gateway's options. */
export function gatewaySnapshot(options: ResolvedOptions): CompiledSnapshot {
  const { listen, clock, absent, maxConnections, policies, endpoints } = options;
  const routes = options.routes.map((route, order) => snapshotRoute(route, order, absent));
  const services = [
    ...new Set(options.routes.flatMap(({ service, asked }) => [...(service === undefined ? [] : [service]), ...asked])),
  ];
  return {
    hash: LISTENER,
    origin: 'startGateway',
    loadedAtMs: clock.now(),
    listeners: [
      {
        name: LISTENER,
        address: listen,
        tls: undefined,
        hasHttp2: false,
        hasProxyProtocol: false,
        hasPrivateHandles: false,
        trustedProxies: [],
        limits: {
          headTimeoutMs: HEAD_TIMEOUT_MS,
          bodyTimeoutMs: Math.max(HEAD_TIMEOUT_MS, ...routes.map(({ timeoutMs }) => timeoutMs)) + UPLOAD_SLACK_MS,
        },
        table: compileRoutes(routes.map((route) => ({ route, ...route }))),
      },
    ],
    routes,
    clusters: services.map((service): CompiledCluster => {
      const endpoint = endpoints[service];
      // Filters may ask for a service that is not started, and are told that nobody answers.
      if (endpoint === undefined) return { ...NOBODY, name: service };
      const spec = policies[service] ?? policies[EVERYBODY];
      return cluster(service, endpoint, maxConnections, spec && atTheEdge(spec));
    }),
    sharedFilters: [],
    policies: {},
    kinds: FILTER_KINDS,
  };
}

function snapshotRoute(route: ResolvedRoute, order: number, absent: readonly string[]): SnapshotRoute {
  const { path, service, methods, timeoutMs, maxBodyBytes } = route;
  const answered = methods ?? ALL_METHODS;
  return {
    name: `${path} ${answered.join(' ')}`,
    label: path,
    order,
    filters: filtersOf(route, absent),
    sharedFilters: 0,
    destinations: service === undefined ? [] : [{ cluster: service, weight: 1 }],
    timeoutMs,
    maxBodyBytes,
    policy: undefined,
    policyName: undefined,
    matches: [
      {
        path: { kind: 'prefix', path },
        methods: heardMethods(route, answered),
      },
    ],
    hosts: [],
    listeners: [LISTENER],
    isExclusive: true,
  };
}

/**
 * The platform's own filters, and the route's: behind the token whatever might depend on it, and who asks told last, whatever was
 * written before; or before a filter that asks services itself.
 */
function filtersOf({ service, roles, filters }: ResolvedRoute, absent: readonly string[]): readonly FilterSpec[] {
  const { door, inside } = atTheDoor(filters);
  const answering = inside.findIndex(answersAll);
  const before = answering === -1 ? inside : inside.slice(0, answering);
  return [
    ...door,
    { type: TOKEN },
    ...(roles === undefined ? [] : [{ type: ROLES, roles }]),
    ...(service !== undefined && absent.includes(service) ? [{ type: ABSENT, service }] : []),
    ...before,
    { type: HEADERS },
    ...inside.slice(before.length),
  ];
}

/** GET includes HEAD, and a route that answers pages of other origins hears their preflights. */
function heardMethods({ filters }: ResolvedRoute, answered: readonly string[]): readonly string[] {
  const heard = [
    ...(answered.includes('GET') ? ['HEAD'] : []),
    ...(filters.some(({ type }) => type === 'cors') ? ['OPTIONS'] : []),
  ];
  return [...new Set([...answered, ...heard])];
}

function cluster(
  name: string,
  endpoint: GatewayEndpoint,
  maxConnections: number,
  policy: PolicySpec | undefined,
): CompiledCluster {
  return {
    name,
    endpoints: { kind: 'listed', endpoints: [{ endpoint: endpointOf(endpoint), weight: 1, zone: undefined }] },
    // One endpoint, and whoever waits for it has the route's time.
    options: {
      outliers: 'off',
      limits: { maxConnections, maxPending: MOST_WAITING, maxRequests: MOST_WAITING },
      // Over a socket the name in Host is the service's own.
      ...('socketPath' in endpoint ? { pool: { host: name } } : {}),
    },
    policy,
    policyName: undefined,
  };
}

const MOST_WAITING = 65_536;

function endpointOf(endpoint: GatewayEndpoint): Endpoint {
  if ('socketPath' in endpoint) return { path: endpoint.socketPath };
  const url = new URL(endpoint.origin);
  const isTls = url.protocol === 'https:';
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  return { host, port: url.port === '' ? (isTls ? 443 : 80) : Number(url.port), ...(isTls ? { isTls } : {}) };
}
