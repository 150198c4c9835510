import { isIP } from 'node:net';
import type { Place } from '../../snapshot/snapshot-problem.ts';
import { given } from '../../snapshot/given.ts';
import type { WrittenSnapshot } from '../imported.ts';
import { nameOf, type Placed, type Service, type Upstream } from './entities.ts';
import type { KongUpstream } from './kong-form.ts';
import type { KongReport } from './kong-report.ts';

type WrittenCluster = WrittenSnapshot['clusters'][string];

/** Where a service is, once `url` and defaults are filled in. */
export interface Whereabouts {
  readonly scheme: 'http' | 'https';
  readonly isGrpc: boolean;
  readonly host: string;
  readonly port: number;
  /** What comes before the paths of requests; `/` when there is nothing. */
  readonly path: string;
}

const DEFAULT_TIMEOUT_MS = 60_000;
const DEFAULT_RETRIES = 5;
const SCHEMES: Readonly<Record<string, Pick<Whereabouts, 'scheme' | 'isGrpc'>>> = {
  http: { scheme: 'http', isGrpc: false },
  https: { scheme: 'https', isGrpc: false },
  ws: { scheme: 'http', isGrpc: false },
  wss: { scheme: 'https', isGrpc: false },
  grpc: { scheme: 'http', isGrpc: true },
  grpcs: { scheme: 'https', isGrpc: true },
};

/** Where a service is; `undefined` when that is refused. */
export function whereaboutsOf({ value, place }: Service, report: KongReport): Whereabouts | undefined {
  const parts = value.url === undefined ? {} : urlParts(value.url);
  if (parts === undefined) {
    report.refuse([...place, 'url'], `${JSON.stringify(value.url)} is no URL; write http://orders.internal:3000/path`);
    return undefined;
  }
  const protocol = parts.protocol ?? value.protocol ?? 'http';
  const kind = SCHEMES[protocol];
  if (kind === undefined) {
    const at = value.url === undefined ? 'protocol' : 'url';
    report.refuse(
      [...place, at],
      `speaks ${protocol}; requests of HTTP go through here, not ${['tcp', 'udp', 'tls', 'tls_passthrough'].includes(protocol) ? 'bare connections' : 'that'}`,
    );
    return undefined;
  }
  const host = parts.host ?? value.host;
  if (host === undefined) {
    report.refuse(place, 'says neither url nor host');
    return undefined;
  }
  if (!/^(?:[A-Za-z0-9_.-]+|\[?[0-9A-Fa-f:.]+\]?)$/.test(host)) {
    report.refuse([...place, value.url === undefined ? 'host' : 'url'], `${JSON.stringify(host)} is no name of a host`);
    return undefined;
  }
  const port = parts.port ?? value.port ?? (parts.protocol === undefined ? 80 : kind.scheme === 'https' ? 443 : 80);
  const path = parts.path ?? value.path ?? '/';
  if (/[?#\s]/.test(path)) {
    report.refuse(
      [...place, value.url === undefined ? 'path' : 'url'],
      `has the path ${JSON.stringify(path)}; a path has neither ?, # nor blanks`,
    );
    return undefined;
  }
  return { ...kind, host, port, path: path.startsWith('/') ? path : `/${path}` };
}

/** What of a URL stands in it. */
function urlParts(url: string): { protocol?: string; host?: string; port?: number; path?: string } | undefined {
  const [whole, protocol, bracketed, name, port, path] =
    /^(?:([A-Za-z][A-Za-z0-9+.-]*):\/\/)?(?:\[([0-9A-Fa-f:.]+)\]|([^:/?#[\]\s@]+))(?::(\d{1,5}))?(\/[^?#\s]*)?$/.exec(
      url,
    ) ?? [];
  if (whole === undefined || Number(port ?? 0) > 65_535) return undefined;
  const host = bracketed === undefined ? name : `[${bracketed}]`;
  const scheme = protocol ?? (port === '443' ? 'https' : 'http');
  return {
    protocol: scheme.toLowerCase(),
    ...given({ host, path, port: port === undefined ? undefined : Number(port) }),
  };
}

/** The cluster of a service: its host by name, or the targets of the upstream that the host names. */
export function clusterOf(
  service: Service,
  where: Whereabouts,
  upstreams: readonly Upstream[],
  report: KongReport,
): WrittenCluster {
  const { value, place } = service;
  const what = `service ${nameOf(value)}`;
  const upstream = upstreams.find((each) => each.value.name === where.host);
  for (const key of ['client_certificate', 'ca_certificates', 'tls_sans'] as const)
    if (value[key] !== undefined && (key !== 'ca_certificates' || value.ca_certificates?.length !== 0))
      report.refuseKey(
        [...place, key],
        'has no place yet: services are told nothing of certificates here; leave it out',
      );
  if (where.scheme === 'https' && value.tls_verify !== true)
    report.note(place, what, 'has its certificate verified here; Kong does not unless tls_verify says so');
  const own = where.port === (where.scheme === 'https' ? 443 : 80) ? where.host : `${where.host}:${where.port}`;
  const host = upstream?.value.host_header ?? own;
  const retries = value.retries ?? DEFAULT_RETRIES;
  if (retries > 99) report.note([...place, 'retries'], what, 'is asked again 99 times at most');
  const connectMs = value.connect_timeout ?? DEFAULT_TIMEOUT_MS;
  const address = (name: string, port: number): string =>
    `${where.scheme}://${isIP(name) === 6 ? `[${name}]` : name}:${port}`;
  const common = given({
    protocol: where.isGrpc ? ('h2' as const) : undefined,
    pool: given({
      host: upstream === undefined && isIP(bare(where.host)) === 0 ? undefined : host,
      connectTimeout: `${connectMs}ms`,
    }),
    policy: retries === 0 ? undefined : { retry: { attempts: Math.min(100, retries + 1) } },
  });
  if (upstream === undefined) {
    const at = address(bare(where.host), where.port);
    return isIP(bare(where.host)) === 0
      ? { dns: at, outliers: 'off', ...common }
      : { endpoints: [at], outliers: 'off', ...common };
  }
  const endpoints = upstream.targets.flatMap(({ value: target, place: at }) => {
    const parsed = targetOf(target.target);
    if (parsed === undefined) report.refuse([...at, 'target'], `${JSON.stringify(target.target)} is no host and port`);
    if (target.failover === true)
      report.note(
        [...at, 'failover'],
        `target ${target.target}`,
        'takes its share always, not only when others are gone',
      );
    const weight = target.weight ?? 100;
    return parsed === undefined || weight === 0 ? [] : [{ address: address(parsed.host, parsed.port), weight }];
  });
  return { endpoints, ...balancing(upstream, report), ...common };
}

function targetOf(text: string): { readonly host: string; readonly port: number } | undefined {
  if (isIP(text) === 6) return { host: text, port: 8000 };
  const [, bracketed, name, port] = /^(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9_.-]+))(?::(\d{1,5}))?$/.exec(text) ?? [];
  const host = bracketed ?? name;
  return host === undefined ? undefined : { host, port: port === undefined ? 8000 : Number(port) };
}

function bare(host: string): string {
  return host.replace(/^\[(.*)\]$/, '$1');
}

const BALANCERS = {
  'round-robin': 'round-robin',
  'consistent-hashing': 'ring-hash',
  'least-connections': 'least-request',
  latency: 'p2c',
} as const;

function balancing({ value, place }: Placed<KongUpstream>, report: KongReport): Partial<WrittenCluster> {
  const hashes = value.hash_on !== undefined && value.hash_on !== 'none';
  const algorithm = value.algorithm ?? (hashes ? 'consistent-hashing' : 'round-robin');
  if (!Object.hasOwn(BALANCERS, algorithm)) {
    report.refuse(
      [...place, 'algorithm'],
      `${JSON.stringify(algorithm)} is no algorithm that there is; there are ${Object.keys(BALANCERS).join(', ')}`,
    );
    return {};
  }
  for (const key of ['client_certificate'] as const)
    if (value[key] !== undefined)
      report.refuseKey(
        [...place, key],
        'has no place yet: services are told nothing of certificates here; leave it out',
      );
  if (value.use_srv_name === true)
    report.refuse(
      [...place, 'use_srv_name'],
      'asks for names of SRV records, which are not looked up; write host_header',
    );
  return given({
    // `as`: it is a key, which was looked at.
    balancer: BALANCERS[algorithm as keyof typeof BALANCERS],
    panic: '0%',
    health: activeChecks(value, [...place, 'healthchecks', 'active'], report),
    outliers: passiveChecks(value, [...place, 'healthchecks', 'passive'], report),
  });
}

function activeChecks(value: KongUpstream, place: Place, report: KongReport): WrittenCluster['health'] {
  const { active } = value.healthchecks ?? {};
  const interval = active?.healthy?.interval ?? 0;
  const unhealthyInterval = active?.unhealthy?.interval ?? 0;
  const least = Math.max(interval, unhealthyInterval);
  if (active === undefined || least === 0) return undefined;
  const what = `health checks of upstream ${value.name}`;
  if (interval === 0 || unhealthyInterval === 0)
    report.note(place, what, 'go to all endpoints; Kong leaves those out whose interval is 0');
  const { type = 'http' } = active;
  if (type === 'grpc' || type === 'grpcs') {
    report.refuse([...place, 'type'], 'asks by gRPC, which health checks can not do here; write tcp');
    return undefined;
  }
  if (active.headers !== undefined && Object.keys(active.headers).length > 0)
    report.note([...place, 'headers'], what, 'are sent without those headers');
  const failures = ['http_failures', 'tcp_failures', 'timeouts'] as const;
  const counts = failures.map((key) => active.unhealthy?.[key] ?? 0).filter((count) => count > 0);
  // Checks without consequences.
  if (counts.length === 0) return undefined;
  const good = (active.healthy?.http_statuses ?? [200, 302]).filter((status) => status < 400);
  if (type !== 'tcp' && new Set(good).size > 1)
    report.note(
      place,
      what,
      `count all statuses from ${Math.min(...good)} to ${Math.max(...good)} as healthy, and others as failures`,
    );
  return given({
    kind: type === 'tcp' ? ('tcp' as const) : ('http' as const),
    path: type === 'tcp' ? undefined : (active.http_path ?? '/'),
    statuses:
      type === 'tcp' || good.length === 0 ? undefined : ([Math.min(...good), Math.max(...good)] as [number, number]),
    interval: seconds(interval === 0 ? unhealthyInterval : interval),
    unhealthyInterval: unhealthyInterval === 0 ? undefined : seconds(unhealthyInterval),
    timeout: seconds(active.timeout === undefined || active.timeout === 0 ? 1 : active.timeout),
    healthyAfter: Math.max(1, active.healthy?.successes ?? 1),
    unhealthyAfter: Math.min(...counts),
  });
}

function passiveChecks(value: KongUpstream, place: Place, report: KongReport): WrittenCluster['outliers'] {
  const { unhealthy } = value.healthchecks?.passive ?? {};
  const counts = [unhealthy?.http_failures ?? 0, unhealthy?.tcp_failures ?? 0, unhealthy?.timeouts ?? 0].filter(
    (count) => count > 0,
  );
  if (counts.length === 0) return 'off';
  report.note(
    place,
    `passive health checks of upstream ${value.name}`,
    'count failures in a row of any kind (5xx, connections, timeouts), and bring an endpoint back after 30s; Kong waits for an active check',
  );
  return { consecutiveFailures: Math.min(...counts), maxEjected: '100%', successRate: 'off' };
}

function seconds(value: number): string {
  return `${Math.max(1, Math.round(value * 1_000))}ms`;
}

/** What requests that belong together have in common, as a template; `undefined` when endpoints are not chosen by that. */
export function affinityOf(
  service: Service,
  where: Whereabouts,
  upstreams: readonly Upstream[],
  report: KongReport,
): string | undefined {
  const upstream = upstreams.find((each) => each.value.name === where.host);
  if (upstream === undefined) return undefined;
  const { value, place } = upstream;
  const { hash_on: on = 'none', hash_fallback: fallback = 'none' } = value;
  if (on === 'none') {
    if (value.algorithm === 'consistent-hashing')
      report.note(
        [...place, 'hash_on'],
        `upstream ${value.name}`,
        'has nothing to hash, so that requests go to any endpoint',
      );
    return undefined;
  }
  const what = `upstream ${value.name}`;
  if (on === 'cookie')
    report.note(
      [...place, 'hash_on_cookie'],
      what,
      'keeps requests with that cookie together; it gives none to those without',
    );
  if (fallback !== 'none')
    report.note(
      [...place, 'hash_fallback'],
      what,
      'hashes both, what it hashes on and what it falls back to, so that requests without the first still go together',
    );
  const parts = [
    hashed(on, 'hash_on', value),
    ...(fallback === 'none' ? [] : [hashed(fallback, 'hash_fallback', value)]),
  ];
  for (const [at, part] of parts.entries())
    if (part === undefined)
      report.refuse(
        [...place, at === 0 ? 'hash_on' : 'hash_fallback'],
        `is ${JSON.stringify(at === 0 ? on : fallback)}; there are none, consumer, ip, header, cookie, path and query_arg, with what they need`,
      );
  return parts.every((part) => part !== undefined) ? parts.join(' ') : undefined;
}

function hashed(kind: string, prefix: 'hash_on' | 'hash_fallback', value: KongUpstream): string | undefined {
  const named = (name: string | undefined, template: string): string | undefined =>
    name === undefined ? undefined : `{${template}:${name}}`;
  switch (kind) {
    case 'consumer':
      return '{consumer}';
    case 'ip':
      return '{client-address}';
    case 'path':
      return '{path}';
    case 'header':
      return named(value[`${prefix}_header`]?.toLowerCase(), 'header');
    case 'cookie':
      return named(value.hash_on_cookie, 'cookie');
    case 'query_arg':
      return named(value[`${prefix}_query_arg`], 'parameter');
    default:
      return undefined;
  }
}
