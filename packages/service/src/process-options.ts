import type { PolicyTargets } from './policy-report.ts';
import { field, integer, oneOf, optional, secret, string, type Field, type FieldOptions } from './config.ts';
import type { ListenAddress } from '@fairlead/net';
import type { Endpoint } from './service-endpoint.ts';

/** What a service's process reads from its environment, besides the service's own configuration. */
export const PROCESS_CONFIG = {
  module: string({
    env: 'FAIRLEAD_SERVICE_MODULE',
    describe: 'Path or URL of the module whose default export is the service',
  }),
  name: string({ env: 'FAIRLEAD_SERVICE_NAME', describe: 'Name that the service must have' }),
  instance: optional(
    string({
      env: 'FAIRLEAD_INSTANCE',
      describe: 'Name of this instance, the same after a restart; default <service>-1',
    }),
  ),
  listen: listenAddress({ env: 'FAIRLEAD_LISTEN', describe: 'Where to listen' }),
  endpoints: endpoints({ env: 'FAIRLEAD_ENDPOINTS', default: new Map(), describe: 'Where other services answer' }),
  policies: policies({ env: 'FAIRLEAD_POLICIES', default: {}, describe: 'How its calls behave under stress' }),
  databaseUrl: optional(
    secret({ env: 'FAIRLEAD_DATABASE_URL', describe: "The service's database, with the runtime role" }),
  ),
  databaseListenUrl: optional(
    secret({
      env: 'FAIRLEAD_DATABASE_LISTEN_URL',
      describe: "The database's server itself, when a pooler is at FAIRLEAD_DATABASE_URL; default the same",
    }),
  ),
  databaseConnections: integer({
    env: 'FAIRLEAD_DATABASE_CONNECTIONS',
    default: 12,
    min: 3,
    max: 10_000,
    describe: 'Connections to the database at most, besides those that listen; leases have 2 to 4 of them',
  }),
  brokerUrl: optional(
    secret({ env: 'FAIRLEAD_BROKER_URL', describe: "The broker's database, with the service's role" }),
  ),
  brokerListenUrl: optional(
    secret({
      env: 'FAIRLEAD_BROKER_LISTEN_URL',
      describe: "The broker's server itself, when a pooler is at FAIRLEAD_BROKER_URL; default the same",
    }),
  ),
  brokerConnections: integer({
    env: 'FAIRLEAD_BROKER_CONNECTIONS',
    default: 10,
    min: 1,
    max: 10_000,
    describe: "Connections to the broker's database at most, besides the one that listens",
  }),
  logLevel: oneOf(['debug', 'info', 'warn', 'error'], {
    env: 'FAIRLEAD_LOG_LEVEL',
    default: 'info',
    describe: 'The least level that is written',
  }),
} as const;

/** `unix:/path` or `tcp:host:port`; the host of IPv6 in brackets. */
function listenAddress(options: FieldOptions<ListenAddress>): Field<ListenAddress> {
  return field<ListenAddress>(options, 'unix:/path/to.sock or tcp:host:port', (text) => {
    const path = /^unix:(\/.+)$/.exec(text)?.[1];
    if (path !== undefined) return { path };
    const [, host, port] = /^tcp:(\[[0-9a-fA-F:.]+\]|[^:[\]]+):(\d{1,5})$/.exec(text) ?? [];
    return host === undefined || Number(port) > 65_535
      ? undefined
      : { host: host.replace(/^\[|\]$/g, ''), port: Number(port) };
  });
}

/** Where a service answers: at one endpoint, or at any of several. */
type Endpoints = Endpoint | readonly Endpoint[];

/** A JSON object: service to `unix:/path` or `http(s)://…`, or to a list of them. */
function endpoints(options: FieldOptions<ReadonlyMap<string, Endpoints>>): Field<ReadonlyMap<string, Endpoints>> {
  return field<ReadonlyMap<string, Endpoints>>(
    options,
    'a JSON object from service to unix:/path or http(s)://host:port, or to a list of them',
    (text) => {
      const entries = Object.entries(objectOf(text) ?? { '': undefined }).map(
        ([name, value]) => [name, endpointsOf(value)] as const,
      );
      return entries.every((entry): entry is [string, Endpoints] => entry[1] !== undefined)
        ? new Map(entries)
        : undefined;
    },
  );
}

/** A JSON object: a service, an operation or `*` to its policy. What is in a policy is checked when it is made. */
function policies(options: FieldOptions<PolicyTargets>): Field<PolicyTargets> {
  return field<PolicyTargets>(
    options,
    'a JSON object from service, service.operation or * to a policy',
    // `policy` takes nothing for granted.
    (text) => objectOf(text) as PolicyTargets | undefined,
  );
}

function endpointsOf(value: unknown): Endpoints | undefined {
  if (!Array.isArray(value)) return endpointOf(value);
  const several = value.map(endpointOf);
  return several.every((endpoint) => endpoint !== undefined) ? several : undefined;
}

function endpointOf(value: unknown): Endpoint | undefined {
  if (typeof value !== 'string') return undefined;
  const socketPath = /^unix:(\/.+)$/.exec(value)?.[1];
  if (socketPath !== undefined) return { socketPath };
  const protocol = URL.parse(value)?.protocol;
  return protocol === 'http:' || protocol === 'https:' ? { origin: value } : undefined;
}

function objectOf(text: string): object | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
