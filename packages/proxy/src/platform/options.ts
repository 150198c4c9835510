import { FairleadError, nearest } from '@fairlead/core';
import type { Clock, Random } from '@fairlead/core';
import type { PolicySpec } from '@fairlead/policy';
import type { Telemetry } from '@fairlead/telemetry';
import type { JSONWebKeySet } from 'jose';
import type { FilterSpec } from '../engine/compiled-route.ts';
import { formatPlace } from '../snapshot/snapshot-problem.ts';
import { readEdgeFilters } from './edge-filters.ts';
import { policyProblems } from './service-policies.ts';

/** A rule of the gateway: which paths go to which service, for whom, and for how long. */
export interface GatewayRoute {
  /**
   * A prefix of whole path segments that starts with `/`, not percent-encoded. The longest one that matches wins, then
   * the method decides. `/-` and below is the gateway's own and refused.
   */
  readonly path: string;
  /** The service that answers; must be a name in `endpoints`. May be left out where a filter answers everything. */
  readonly service?: string | undefined;
  /** Methods that this route answers, in capitals; GET includes HEAD. Default: all but CONNECT and TRACE. */
  readonly methods?: readonly string[] | undefined;
  /** The token must state at least one. Default: every authenticated subject may pass. */
  readonly roles?: readonly string[] | undefined;
  /** Time for the whole exchange in milliseconds. Default 10 000. 0 is refused. */
  readonly timeoutMs?: number | undefined;
  /** Largest request body in bytes. Default 1 048 576. 0 means no body at all. */
  readonly maxBodyBytes?: number | undefined;
  /**
   * Filters, as the configuration of a gateway by itself has them; clusters that they name are services. Those that need not know
   * who asks stand before the token, the others behind it, each in this order. Default none.
   */
  readonly filters?: readonly unknown[] | undefined;
}

/** Where a service listens. */
export type GatewayEndpoint = { readonly socketPath: string } | { readonly origin: string };

/**
 * Where the platform's public keys come from: a function, or a URL (`http:`, `https:`, or
 * `unix:/path/to.sock:/url/path`; without the second path `/.well-known/jwks.json`).
 */
export type JwksSource = string | ((signal: AbortSignal) => Promise<JSONWebKeySet>);

/** What a gateway needs. */
export interface GatewayOptions {
  /** Default host `127.0.0.1`; port 0 takes a free one. */
  readonly listen: { readonly host?: string | undefined; readonly port: number };
  readonly routes: readonly GatewayRoute[];
  /** Service name → where it listens. May have more than the routes need. */
  readonly endpoints: Readonly<Record<string, GatewayEndpoint>>;
  /** Services that are meant not to run: their routes answer NOT_STARTED. Default none. */
  readonly absent?: readonly string[] | undefined;
  readonly jwks: JwksSource;
  /** The token's `iss` must be this. */
  readonly issuer: string;
  /** The token's `aud` must be or contain this. */
  readonly audience: string;
  /** The token's `tenant` must be one of these. Default, and an empty list: any tenant. */
  readonly tenants?: readonly string[] | undefined;
  readonly telemetry: Telemetry;
  readonly clock: Clock;
  readonly random: Random;
  /** As `EngineOptions.loopDelayMs`. */
  readonly loopDelayMs?: (() => number) | undefined;
  /**
   * How old keys may grow before they are fetched anew, in milliseconds. They stay in use until new ones have come, however
   * long that takes. Default 300 000 (5 min). 0 asks at every request, within `jwksCooldownMs`.
   */
  readonly jwksMaxAgeMs?: number | undefined;
  /** The least time between two fetches of keys, whatever tokens arrive, in milliseconds. Default 5 000. 0 means none. */
  readonly jwksCooldownMs?: number | undefined;
  /** Verified tokens kept, so that a signature is checked once. Default 5 000. 0 keeps none. */
  readonly tokenCacheSize?: number | undefined;
  /**
   * How long a request whose body has not begun to be sent waits for a service that refuses connections, in milliseconds,
   * within the route's time. Default 3 000. 0 gives up at once.
   */
  readonly connectPatienceMs?: number | undefined;
  /** Connections to each service. Requests beyond wait, within their route's time. Default 128. */
  readonly maxConnections?: number | undefined;
  /**
   * How requests behave under stress, by service; `*` for those without one of their own. Sections that need the whole
   * request or answer a second time (retry, hedge, cache, coalesce, fallback) are for callers and passed over here, as are
   * policies of single operations. Default: none.
   */
  readonly policies?: Readonly<Record<string, PolicySpec>> | undefined;
  /** A Unix socket where operators ask (`serveAdmin`), `/metrics` among it; nothing can be changed there. Default: nowhere. */
  readonly admin?: { readonly socketPath: string } | undefined;
}

/** A route with its defaults. */
export interface ResolvedRoute {
  readonly path: string;
  /** `undefined` when a filter answers everything. */
  readonly service: string | undefined;
  readonly methods: readonly string[] | undefined;
  readonly roles: readonly string[] | undefined;
  readonly timeoutMs: number;
  readonly maxBodyBytes: number;
  readonly filters: readonly FilterSpec[];
  /** Services that filters ask. */
  readonly asked: readonly string[];
}

/** The options with their defaults. */
export interface ResolvedOptions extends Pick<
  GatewayOptions,
  'endpoints' | 'jwks' | 'issuer' | 'audience' | 'telemetry' | 'clock' | 'random' | 'loopDelayMs' | 'admin'
> {
  readonly listen: { readonly host: string; readonly port: number };
  readonly routes: readonly ResolvedRoute[];
  readonly tenants: readonly string[];
  readonly absent: readonly string[];
  readonly jwksMaxAgeMs: number;
  readonly jwksCooldownMs: number;
  readonly tokenCacheSize: number;
  readonly connectPatienceMs: number;
  readonly maxConnections: number;
  readonly policies: Readonly<Record<string, PolicySpec>>;
}

const DEFAULTS = {
  host: '127.0.0.1',
  timeoutMs: 10_000,
  maxBodyBytes: 1024 * 1024,
  jwksMaxAgeMs: 300_000,
  jwksCooldownMs: 5_000,
  tokenCacheSize: 5_000,
  connectPatienceMs: 3_000,
  maxConnections: 128,
};

const OPTION_KEYS = [
  'listen',
  'routes',
  'endpoints',
  'absent',
  'jwks',
  'issuer',
  'audience',
  'tenants',
  'telemetry',
  'clock',
  'random',
  'loopDelayMs',
  'jwksMaxAgeMs',
  'jwksCooldownMs',
  'tokenCacheSize',
  'connectPatienceMs',
  'maxConnections',
  'policies',
  'admin',
];
const ROUTE_KEYS = ['path', 'service', 'methods', 'roles', 'timeoutMs', 'maxBodyBytes', 'filters'];
const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];

/**
 * Checks the options, which may come from a file, and fills in defaults.
 * @throws MISCONFIGURED with every problem at once
 */
export function resolveOptions(options: GatewayOptions): ResolvedOptions {
  const problems: string[] = [];
  const check = (good: boolean, message: string): void => void (good || problems.push(message));
  const count = (value: unknown, name: string, least: number): void =>
    check(
      Number.isSafeInteger(value) && Number(value) >= least,
      `${name} must be a whole number of at least ${least}, not ${show(value)}`,
    );

  unknownKeys(options, '', OPTION_KEYS, problems);
  check(isRecord(options.listen), 'listen must be { host?, port }');
  const listen = { host: options.listen?.host ?? DEFAULTS.host, port: options.listen?.port };
  if (isRecord(options.listen)) unknownKeys(options.listen, 'listen.', ['host', 'port'], problems);
  check(
    typeof listen.host === 'string' && listen.host !== '',
    `listen.host must be an address, not ${show(listen.host)}`,
  );
  check(
    Number.isInteger(listen.port) && listen.port >= 0 && listen.port <= 65_535,
    `listen.port must be 0 to 65535, not ${show(listen.port)}`,
  );
  for (const name of ['issuer', 'audience'] as const) {
    check(
      typeof options[name] === 'string' && options[name] !== '',
      `${name} must not be empty: tokens of others would pass`,
    );
  }
  check(
    typeof options.jwks === 'function' ||
      (typeof options.jwks === 'string' && /^(?:https?:\/\/|unix:\/)/.test(options.jwks)),
    `jwks must be a function or an http:, https: or unix: URL, not ${show(options.jwks)}`,
  );

  const { tenants = [] } = options;
  check(
    Array.isArray(tenants) && tenants.every((tenant: unknown) => typeof tenant === 'string' && tenant !== ''),
    `tenants must be a list of names, not ${show(tenants)}`,
  );

  const { absent = [] } = options;
  check(
    Array.isArray(absent) && absent.every((name: unknown) => typeof name === 'string'),
    `absent must be a list of services, not ${show(absent)}`,
  );

  const endpoints = isRecord(options.endpoints) ? options.endpoints : {};
  check(isRecord(options.endpoints), 'endpoints must be an object of service names');
  for (const [name, endpoint] of Object.entries(endpoints)) {
    check(
      isEndpoint(endpoint),
      `endpoints.${name} must be { socketPath } or { origin: 'http://host:port' }, not ${show(endpoint)}`,
    );
  }

  check(Array.isArray(options.routes), 'routes must be a list');
  const routes = (Array.isArray(options.routes) ? options.routes : []).map(
    (route: GatewayRoute, index): ResolvedRoute => {
      const place = `routes[${index}]`;
      unknownKeys(route, `${place}.`, ROUTE_KEYS, problems);
      const {
        path,
        service,
        methods,
        roles,
        timeoutMs = DEFAULTS.timeoutMs,
        maxBodyBytes = DEFAULTS.maxBodyBytes,
        filters: written = [],
      } = route;
      const known = [...Object.keys(endpoints), ...absent];
      const { filters, problems: faults, answersAll, services: asked } = readEdgeFilters(written, known);
      for (const { place: within, message } of faults)
        problems.push(`${place}.filters${formatPlace(within)}: ${message}`);
      check(
        isRoutePath(path),
        `${place}.path must be / or whole segments without dots, escapes or a slash at the end, and not begin with /-, not ${show(path)}`,
      );
      check(
        service === undefined ? answersAll || faults.length > 0 : known.includes(service),
        service === undefined
          ? `${place}.service is missing, and no filter answers everything`
          : `${place}.service: there is no endpoint for ${show(service)}`,
      );
      check(
        methods === undefined || isListOf(methods, (method) => METHODS.includes(method)),
        `${place}.methods must be of ${METHODS.join(', ')}, not ${show(methods)}`,
      );
      check(
        roles === undefined || isListOf(roles, (role) => role !== ''),
        `${place}.roles must be a list of at least one role, not ${show(roles)}`,
      );
      count(timeoutMs, `${place}.timeoutMs`, 1);
      count(maxBodyBytes, `${place}.maxBodyBytes`, 0);
      return { path, service, methods, roles, timeoutMs, maxBodyBytes, filters, asked };
    },
  );

  const { admin } = options;
  check(
    admin === undefined ||
      (isRecord(admin) && typeof admin.socketPath === 'string' && admin.socketPath.startsWith('/')),
    `admin must be { socketPath } with a path that begins with /, not ${show(admin)}`,
  );
  const resolved: ResolvedOptions = {
    ...options,
    listen,
    routes,
    tenants,
    absent,
    jwksMaxAgeMs: options.jwksMaxAgeMs ?? DEFAULTS.jwksMaxAgeMs,
    jwksCooldownMs: options.jwksCooldownMs ?? DEFAULTS.jwksCooldownMs,
    tokenCacheSize: options.tokenCacheSize ?? DEFAULTS.tokenCacheSize,
    connectPatienceMs: options.connectPatienceMs ?? DEFAULTS.connectPatienceMs,
    maxConnections: options.maxConnections ?? DEFAULTS.maxConnections,
    policies: options.policies ?? {},
  };
  problems.push(...policyProblems(resolved.policies));
  for (const name of ['jwksMaxAgeMs', 'jwksCooldownMs', 'tokenCacheSize', 'connectPatienceMs'] as const) {
    count(resolved[name], name, 0);
  }
  count(resolved.maxConnections, 'maxConnections', 1);
  if (problems.length > 0) {
    throw new FairleadError('internal', 'MISCONFIGURED', `gateway: ${problems.join('\ngateway: ')}`, {
      details: { problems },
    });
  }
  return resolved;
}

function unknownKeys(value: object, prefix: string, known: readonly string[], problems: string[]): void {
  for (const key of Object.keys(value)) {
    if (known.includes(key)) continue;
    const suggestion = nearest(key, known);
    problems.push(
      `${prefix}${key} is unknown${suggestion === undefined ? '' : `; did you mean ${prefix}${suggestion}?`}`,
    );
  }
}

function isRoutePath(path: unknown): boolean {
  if (typeof path !== 'string' || !/^\/[A-Za-z0-9._~!$&'()*+,;=:@/-]*$/.test(path)) return false;
  if (path === '/') return true;
  const segments = path.slice(1).split('/');
  return segments[0] !== '-' && segments.every((segment) => segment !== '' && segment !== '.' && segment !== '..');
}

function isEndpoint(endpoint: unknown): boolean {
  if (!isRecord(endpoint) || Object.keys(endpoint).length !== 1) return false;
  const { socketPath, origin } = endpoint;
  if (typeof socketPath === 'string') return socketPath.startsWith('/');
  return (
    typeof origin === 'string' &&
    URL.canParse(origin) &&
    /^https?:$/.test(new URL(origin).protocol) &&
    new URL(origin).origin === origin.replace(/\/$/, '')
  );
}

function isListOf(value: unknown, good: (item: string) => boolean): boolean {
  return Array.isArray(value) && value.length > 0 && value.every((item) => typeof item === 'string' && good(item));
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function show(value: unknown): string {
  return JSON.stringify(value) ?? String(value);
}
