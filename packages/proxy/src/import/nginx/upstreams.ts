import type { WrittenSnapshot } from '../imported.ts';
import type { Directive } from './directive.ts';
import type { NginxProblems } from './nginx-problems.ts';
import { durationText, timeMs } from './units.ts';

/** A cluster, as people write ours. */
export type WrittenCluster = WrittenSnapshot['clusters'][string];

/** An `upstream` block of nginx. */
export interface Upstream {
  readonly name: string;
  readonly directive: Directive;
  readonly servers: readonly UpstreamServer[];
  readonly balancer: WrittenCluster['balancer'];
  /** What requests are kept together by, as nginx writes it; `undefined` when they aren't. */
  readonly hashBy: Directive | undefined;
  readonly idleMs: number | undefined;
}

interface UpstreamServer {
  readonly address: ServerAddress;
  readonly weight: number;
  readonly maxFails: number;
  readonly failMs: number;
  readonly isDown: boolean;
  readonly isBackup: boolean;
}

/** `host:port` or a Unix socket. */
export type ServerAddress = { readonly host: string; readonly port: number | undefined } | { readonly path: string };

/** Reads an address as nginx writes it; `undefined` when it is none. */
export function serverAddress(text: string): ServerAddress | undefined {
  const [, path] = /^unix:(\/[^:]+):?$/.exec(text) ?? [];
  if (path !== undefined) return { path };
  const [, bracketed, name, digits] = /^(?:\[([\da-fA-F:.]+)\]|([\w.-]+))(?::(\d{1,5}))?$/.exec(text) ?? [];
  const host = bracketed ?? name;
  if (host === undefined || Number(digits ?? 1) > 65_535 || Number(digits ?? 1) === 0) return undefined;
  return { host, port: digits === undefined ? undefined : Number(digits) };
}

/** An address as an endpoint of ours. */
export function endpointText(address: ServerAddress, scheme: 'http' | 'https'): string {
  if ('path' in address) return `unix:${address.path}`;
  const { host, port = scheme === 'https' ? 443 : 80 } = address;
  return `${scheme}://${host.includes(':') ? `[${host}]` : host}:${port}`;
}

/** Reads an `upstream` block. */
export function readUpstream(directive: Directive, problems: NginxProblems): Upstream {
  const [name = ''] = directive.words;
  const block = directive.block ?? [];
  const servers = block.filter((each) => each.name === 'server').flatMap((each) => readServer(each, problems) ?? []);
  if (directive.words.length !== 1) problems.refuse(directive, 'takes one name');
  if (!servers.some(({ isDown }) => !isDown)) problems.refuse(directive, 'has no server that may be asked');
  const methods = block.filter((each) => ['least_conn', 'ip_hash', 'hash', 'random'].includes(each.name));
  const [method, ...more] = methods;
  const backup = block.find((each) => each.name === 'server' && each.words.includes('backup'));
  if (backup !== undefined && (method?.name === 'hash' || method?.name === 'ip_hash' || method?.name === 'random'))
    problems.refuse(backup, `has a backup, which does not go with ${method.name}`);
  for (const another of more) problems.refuse(another, `stands beside ${method?.name}; write one of them`);
  const idle = block.find((each) => each.name === 'keepalive_timeout');
  return {
    name,
    directive,
    servers,
    ...methodOf(method, problems),
    idleMs: idle === undefined ? undefined : timeMs(idle.words[0] ?? ''),
  };
}

function methodOf(
  method: Directive | undefined,
  problems: NginxProblems,
): { readonly balancer: WrittenCluster['balancer']; readonly hashBy: Directive | undefined } {
  switch (method?.name) {
    case 'least_conn':
      return { balancer: 'least-request', hashBy: undefined };
    case 'ip_hash':
      problems.note(
        method,
        'the whole address decides, IPv4 too (nginx takes its first three octets), so clients go elsewhere than before',
      );
      return { balancer: 'ring-hash', hashBy: { ...method, words: ['$remote_addr'] } };
    case 'hash': {
      const [key, mode] = method.words;
      if (key === undefined || (mode !== undefined && mode !== 'consistent'))
        problems.refuse(method, 'takes a key, and consistent behind it or nothing');
      problems.note(method, 'the same key goes to the same server, to another one than with nginx');
      return { balancer: mode === 'consistent' ? 'ring-hash' : 'maglev', hashBy: method };
    }
    case 'random':
      return { balancer: method.words[0] === 'two' ? 'least-request' : 'random', hashBy: undefined };
    default:
      return { balancer: 'round-robin', hashBy: undefined };
  }
}

function readServer(directive: Directive, problems: NginxProblems): UpstreamServer | undefined {
  const [text = '', ...options] = directive.words;
  const address = serverAddress(text);
  if (address === undefined) {
    problems.refuse(
      directive,
      `has ${JSON.stringify(text)}, which is no address; write orders.internal:8080 or unix:/run/orders.sock`,
    );
    return undefined;
  }
  let [weight, maxFails, failMs, isDown, isBackup] = [1, 1, 10_000, false, false];
  for (const option of options) {
    const [key = '', value = ''] = option.split('=');
    if (key === 'down') isDown = true;
    else if (key === 'weight' && /^[1-9]\d{0,4}$/.test(value)) weight = Number(value);
    else if (key === 'max_fails' && /^\d{1,5}$/.test(value)) maxFails = Number(value);
    else if (key === 'fail_timeout' && timeMs(value) !== undefined) failMs = timeMs(value) ?? failMs;
    else if (key === 'max_conns') problems.note(directive, 'max_conns is not counted for a server');
    else if (key === 'backup') isBackup = true;
    else if (key === 'resolve') continue;
    else problems.refuse(directive, `has ${option}, which is not known here`);
  }
  return { address, weight, maxFails, failMs, isDown, isBackup };
}

/** What of a place decides how its upstream is asked. */
export interface AskedHow {
  readonly scheme: 'http' | 'https';
  /** What is read in Host where nothing else is said. */
  readonly host: string;
  readonly connectMs: number;
  /** Whether another server is asked after one that failed, and after which statuses. `undefined`: never. */
  readonly retry: { readonly statuses: readonly number[]; readonly tries: number } | undefined;
}

/** The cluster of an `upstream`. */
export function upstreamCluster({ servers, balancer, idleMs }: Upstream, how: AskedHow): WrittenCluster {
  const asked = servers.filter(({ isDown }) => !isDown);
  const [first] = asked;
  const hasBackup = asked.some(({ isBackup }) => isBackup);
  const endpoints = asked.map(({ address, weight, isBackup }) => {
    const text = endpointText(address, how.scheme);
    if (hasBackup) return { address: text, ...zoned(weight, isBackup) };
    return weight === 1 ? text : { address: text, weight };
  });
  return {
    ...endpointsOf(
      asked.map(({ address }) => address),
      endpoints,
      how,
    ),
    balancer,
    ...(hasBackup ? { zone: FIRST, panic: '0%' } : {}),
    ...(asked.length < 2 || first === undefined
      ? { outliers: 'off' }
      : {
          outliers: {
            consecutiveFailures: 0,
            consecutiveGatewayErrors: first.maxFails,
            successRate: 'off',
            base: durationText(first.failMs),
            max: durationText(first.failMs),
            maxEjected: '100%',
          },
        }),
    pool: poolOf(how, idleMs),
    ...policyOf(how, asked.length),
  };
}

const FIRST = 'first';
const BACKUP = 'backup';
/** So much more than the backups have those who come first: their zone keeps all requests as long as one of them can be asked. */
const FIRST_WEIGHT = 100;

/** Backups are another zone: nobody goes there as long as there is somebody in the first. */
function zoned(weight: number, isBackup: boolean): { readonly weight: number; readonly zone: string } {
  return isBackup ? { weight, zone: BACKUP } : { weight: Math.min(weight * FIRST_WEIGHT, 65_535), zone: FIRST };
}

/** The cluster of one address. */
export function addressCluster(address: ServerAddress, how: AskedHow): WrittenCluster {
  return {
    ...endpointsOf([address], [endpointText(address, how.scheme)], how),
    outliers: 'off',
    pool: poolOf(how, undefined),
  };
}

/** A single name is asked for again and again, as what stands behind it changes. */
function endpointsOf(
  [first, ...more]: readonly ServerAddress[],
  endpoints: NonNullable<WrittenCluster['endpoints']>,
  { scheme }: AskedHow,
): Pick<WrittenCluster, 'dns' | 'endpoints'> {
  const isName = first !== undefined && 'host' in first && !/^[\d.]+$|:/.test(first.host);
  return isName && more.length === 0 ? { dns: endpointText(first, scheme) } : { endpoints };
}

function poolOf({ host, connectMs }: AskedHow, idleMs: number | undefined): WrittenCluster['pool'] {
  return {
    host,
    connectTimeout: durationText(connectMs),
    ...(idleMs === undefined ? {} : { idleTimeout: durationText(idleMs) }),
  };
}

function policyOf({ retry }: AskedHow, servers: number): Pick<WrittenCluster, 'policy'> {
  if (retry === undefined || servers < 2) return {};
  return {
    policy: {
      retry: {
        attempts: retry.tries === 0 ? servers : Math.min(servers, retry.tries),
        codes: ['CONNECTION_FAILED', 'HTTP_INCOMPLETE', 'UPSTREAM_UNAVAILABLE', 'UPSTREAM_RESET'],
        statuses: retry.statuses,
        backoff: { base: '0ms' },
      },
    },
  };
}
