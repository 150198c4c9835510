import { given } from '../../snapshot/given.ts';
import type { Place } from '../../snapshot/snapshot-problem.ts';
import { patternFault } from '../../match/linear-pattern.ts';
import { matchingPath } from '../../match/request-path.ts';
import type { WrittenSnapshot } from '../imported.ts';
import type { Whereabouts } from './clusters.ts';
import { nameOf, type Route } from './entities.ts';
import type { KongReport } from './kong-report.ts';
import type { Names } from './names.ts';
import { matchOfPath, quoted, readPath, rewriteOf, type KongPath } from './paths.ts';
import type { Chain } from './plugin-chain.ts';
import type { WrittenFilter } from './plugin-import.ts';

type WrittenRoute = WrittenSnapshot['routes'][number];
type WrittenMatch = Exclude<NonNullable<WrittenRoute['match']>, readonly unknown[]>;

/** Where a route's requests go. */
export interface Way {
  readonly cluster: string;
  readonly where: Whereabouts;
  readonly readTimeoutMs: number;
  /** What requests that go to the same endpoint have in common. */
  readonly affinity: string | undefined;
}

/** What routes are made with. */
export interface RouteWorld {
  readonly version: string;
  readonly names: Names;
  readonly report: KongReport;
  /** Names of the listeners; no `https` when there is no certificate. */
  readonly listeners: readonly string[];
  /** `undefined` for a route without a service. */
  readonly way: (route: Route) => Way | undefined;
  readonly chain: (route: Route) => Chain;
  readonly wrote: (part: object, place: Place) => void;
}

/** A route of ours, and what it comes before others by in Kong. */
export interface RankedRoute {
  readonly written: WrittenRoute;
  /** Compared one after the other, higher first. */
  readonly rank: readonly number[];
  /** Whether it has hosts with wildcards, so that those without may take the same requests. */
  readonly hasOpenHosts: boolean;
}

const STREAMS = ['tcp', 'udp', 'tls', 'tls_passthrough'];
const HTTP_PORTS: Readonly<Record<string, string>> = { '8000': 'http', '8443': 'https', '80': 'http', '443': 'https' };
/** Kong takes bodies of any size. */
const ANY_SIZE = '1024GiB';

/** A route as ours: one for all its paths of a length, since longer ones come before shorter ones. */
export function routesOf(route: Route, world: RouteWorld): RankedRoute[] {
  const { report } = world;
  const { value, place } = route;
  const what = `route ${nameOf(value) || 'without a name'}`;
  const protocols = value.protocols ?? ['http', 'https'];
  const stream = protocols.find((protocol) => STREAMS.includes(protocol));
  if (stream !== undefined) {
    report.refuse([...place, 'protocols'], `has ${stream}: requests of HTTP go through here, not bare connections`);
    return [];
  }
  for (const [key, reason] of [
    ['expression', 'is an expression of Kong’s router; write hosts, paths, methods and headers'],
    ['filter_chains', 'runs code, which has no place at the edge; do it in a service'],
    ['destinations', 'are addresses of the gateway itself; write listeners in the imported form'],
  ] as const)
    if (value[key] !== undefined && !(Array.isArray(value[key]) && value[key].length === 0))
      report.refuseKey([...place, key], reason);
  const paths = pathsOf(route, world);
  const hosts = hostsOf(route, report);
  const conditions = conditionsOf(route, report);
  const snis = (value.snis ?? []).filter((sni) => !(value.hosts ?? []).includes(sni));
  if (snis.length > 0 && hosts.names.length > 0)
    report.refuse(
      [...place, 'snis'],
      'are other names than those of hosts; what a connection was made for is not looked at, so write the same',
    );
  else if (snis.length > 0)
    report.note(
      [...place, 'snis'],
      what,
      'tells requests apart by the host that they ask for, not by the one that their connection was made for',
    );
  const names = hosts.names.length === 0 ? snis.map((sni) => sni.replace(/\.$/, '')) : hosts.names;
  if (paths.length === 0 && names.length === 0 && Object.keys(conditions).length === 0) {
    if ((value.paths ?? []).length === 0 && value.expression === undefined)
      report.refuse(place, 'matches nothing: it has neither paths, hosts, methods nor headers');
    return [];
  }
  const groups =
    paths.length === 0
      ? [[]]
      : [...Map.groupBy(paths, (path) => (path.kind === 'regex' ? 0 : path.text.length)).values()];
  const way = world.way(route);
  const chain = world.chain(route);
  const wanted = nameOf(value) || `${nameOf(route.service?.value ?? {}) || 'no-service'}-route`;
  const isSecureOnly = !protocols.some((protocol) => ['http', 'ws', 'grpc'].includes(protocol));
  return groups.flatMap((group): RankedRoute[] => {
    const match = group.map((path): WrittenMatch => given({ ...conditions, path: matchOfPath(path) }));
    const only = match.length === 0 ? conditions : match.length === 1 ? (match[0] ?? {}) : match;
    const common = given({
      hosts: names.length === 0 ? undefined : [...names],
      match: Object.keys(only).length === 0 ? undefined : only,
    });
    const rank = rankOf(route, group, names);
    const served = isSecureOnly ? ['https'] : hosts.listeners;
    const made: RankedRoute[] = [];
    const add = (written: WrittenRoute): void => {
      world.wrote(written, place);
      made.push({ written, rank, hasOpenHosts: names.some((name) => name.includes('*')) });
    };
    if (served === undefined || served.some((name) => world.listeners.includes(name)))
      add({
        name: world.names.give(wanted),
        ...common,
        ...given({ listeners: served && [...served] }),
        ...onward(route, group, way, chain),
      });
    else if (!isSecureOnly)
      report.refuse([...place, 'hosts'], 'has a port where nobody listens: there is no certificate for 8443');
    if (isSecureOnly)
      add({
        name: world.names.give(`${wanted}-plain`),
        ...common,
        listeners: ['http'],
        filters: [insist(route, report, what)],
      });
    return made;
  });
}

/** Filters and destination. */
function onward(
  { value }: Route,
  group: readonly KongPath[],
  way: Way | undefined,
  { before, after, maxBody }: Chain,
): Omit<WrittenRoute, 'name'> {
  if (way === undefined) {
    const nobody: WrittenFilter = {
      type: 'respond',
      status: 503,
      code: 'NO_SERVICE',
      detail: 'There is no service behind this route.',
    };
    const filters = [...before, ...after];
    const answers = filters.some((filter) => filter.type === 'respond' && !('when' in filter));
    return { filters: [...filters, ...(answers ? [] : [nobody])], maxBody: maxBody ?? ANY_SIZE };
  }
  const handling = {
    strips: value.strip_path ?? true,
    handling: value.path_handling ?? ('v0' as const),
    base: way.where.path,
  };
  const rules = (group.length === 0 ? [undefined] : group).flatMap((path) => rewriteOf(path, handling));
  const [rule] = rules;
  const rewrite: WrittenFilter[] =
    rule === undefined ? [] : [{ type: 'rewrite', path: rules.length === 1 ? rule : rules }];
  const host: WrittenFilter[] =
    value.preserve_host === true ? [{ type: 'headers', request: { set: { host: '{host}' } } }] : [];
  const affinity: WrittenFilter[] = way.affinity === undefined ? [] : [{ type: 'affinity', by: way.affinity }];
  const all = [...before, ...host, ...rewrite, ...after, ...affinity];
  return {
    to: way.cluster,
    ...(all.length === 0 ? {} : { filters: all }),
    timeout: `${way.readTimeoutMs}ms`,
    timeoutOf: 'silence',
    maxBody: maxBody ?? ANY_SIZE,
  };
}

/** What clients are told who come without TLS where there must be some. */
function insist({ value, place }: Route, report: KongReport, what: string): WrittenFilter {
  const status = value.https_redirect_status_code ?? 426;
  if (status !== 426) return { type: 'redirect', scheme: 'https', status };
  report.note(
    [...place, 'https_redirect_status_code'],
    what,
    'answers 426 without saying Upgrade, which no client does here',
  );
  return { type: 'respond', status, code: 'HTTPS_REQUIRED', detail: 'Please use HTTPS protocol' };
}

function pathsOf({ value, place }: Route, { version, report }: RouteWorld): readonly KongPath[] {
  const read = (value.paths ?? []).flatMap((text, index): KongPath[] => {
    const path = readPath(text, index, version);
    if (!('fault' in path)) return path.kind === 'plain' ? [{ ...path, text: matchingPath(path.text) }] : [path];
    report.refuse([...place, 'paths', index], path.fault);
    return [];
  });
  if (version === '3.0')
    for (const path of read)
      if (path.kind === 'plain' && !/^[A-Za-z0-9.\-_~/%]*$/.test(path.text))
        report.note(
          [...place, 'paths', path.index],
          `path ${path.text}`,
          'is taken as it is, since an expression begins with ~ from 3.0 on',
        );
  return read;
}

interface Hosts {
  readonly names: readonly string[];
  /** Those of their ports; `undefined` for all. */
  readonly listeners: readonly string[] | undefined;
}

function hostsOf({ value, place }: Route, report: KongReport): Hosts {
  const ports = new Set<string | undefined>();
  const names = (value.hosts ?? []).map((text, at) => {
    const [, name = text, port] = /^(.+?):(\d+)$/.exec(text) ?? [];
    ports.add(port);
    if (port !== undefined && HTTP_PORTS[port] === undefined)
      report.refuse([...place, 'hosts', at], `has the port ${port}; the gateway listens at 8000 and 8443 here`);
    return name.toLowerCase();
  });
  const [only] = ports;
  if (ports.size > 1) report.refuse([...place, 'hosts'], 'has hosts with different ports; write a route for each');
  const listener = only === undefined ? undefined : HTTP_PORTS[only];
  return { names: [...new Set(names)], listeners: listener === undefined ? undefined : [listener] };
}

/** What must hold besides path and host. */
function conditionsOf({ value, place }: Route, report: KongReport): WrittenMatch {
  const headers = Object.entries(value.headers ?? {}).map(
    ([name, values]) => [name.toLowerCase(), headerRule(values, [...place, 'headers', name], report)] as const,
  );
  const sources = (value.sources ?? []).flatMap(({ ip, port }, at) => {
    if (port !== undefined)
      report.refuse([...place, 'sources', at, 'port'], 'is the port that a client happens to have; leave it out');
    return ip === undefined ? [] : [ip];
  });
  const methods = value.methods ?? [];
  return given({
    method: methods.length === 0 ? undefined : methods,
    headers: headers.length === 0 ? undefined : Object.fromEntries(headers),
    client: sources.length === 0 ? undefined : sources,
  });
}

/** Values are compared in lower case; one that begins with `~*` is an expression. */
function headerRule(values: readonly string[], place: Place, report: KongReport): string | { readonly regex: string } {
  const patterns = values.map((text, at) => {
    if (!text.startsWith('~*')) return quoted(text);
    const fault = patternFault(text.slice(2));
    if (fault !== undefined) report.refuse([...place, at], fault);
    // An expression that is found anywhere.
    return `(?s:.*)(?:${text.slice(2)})(?s:.*)`;
  });
  const [only = ''] = values;
  if (values.length === 1 && !only.startsWith('~*') && !/[a-z]/i.test(only)) return only;
  return { regex: `(?i:${patterns.join('|')})` };
}

/** Kong's priority of a route (`traditional_compatible`): more kinds of rules, only plain hosts, headers, expressions, length. */
function rankOf({ value }: Route, group: readonly KongPath[], hosts: readonly string[]): readonly number[] {
  const kinds = [value.methods, value.hosts, value.snis, value.sources].filter(
    (list) => list !== undefined && list.length > 0,
  ).length;
  const headers = Object.keys(value.headers ?? {}).length;
  const [path] = group;
  const isPlainHost = hosts.length > 0 && !hosts.some((host) => host.includes('*'));
  return [
    kinds + (headers > 0 ? 1 : 0) + (path === undefined ? 0 : 1),
    isPlainHost ? 1 : 0,
    headers,
    path?.kind === 'regex' ? 1 : 0,
    path?.kind === 'regex' ? (value.regex_priority ?? 0) : 0,
    path?.kind === 'plain' ? path.text.length : 0,
  ];
}
