import { connectionBudget, openDatabase, type Database, type DatabaseOptions } from '@fairlead/store';
import type { Secret } from './secret.ts';

/** Where a service's process finds its databases, and how many connections it may have there. */
export interface ProcessDatabasesOptions extends Pick<DatabaseOptions, 'clock' | 'telemetry' | 'tenancy'> {
  /** The service's name. */
  readonly name: string;
  /** Default: the service has none. */
  readonly databaseUrl?: Secret | undefined;
  /** Where the database's server itself is, when a pooler is at `databaseUrl`. Default: `databaseUrl`. */
  readonly databaseListenUrl?: Secret | undefined;
  /** Connections to it at most, those of leases included and those that listen not; at least 3. */
  readonly databaseConnections: number;
  /** Default: there is no broker. */
  readonly brokerUrl?: Secret | undefined;
  /** Default: `brokerUrl`. */
  readonly brokerListenUrl?: Secret | undefined;
  /** Connections to it at most, besides the one that listens; at least 1. */
  readonly brokerConnections: number;
}

/** Connections that leases can always have: a renewal never queues behind the service's transactions. */
const RESERVED_FOR_LEASES = 2;
const MOST_FOR_LEASES = 4;

/** The databases of a service's process; none of them connects before it is used. Whoever opens them closes them. */
export interface ProcessDatabases {
  readonly database: Database | undefined;
  /** Connections of their own to the same database. */
  readonly leaseDatabase: Database | undefined;
  readonly brokerDatabase: Database | undefined;
}

/**
 * Opens what a service's process needs, within what the server has for it.
 * @throws MISCONFIGURED for a URL that can't be read
 */
export function processDatabases(options: ProcessDatabasesOptions): ProcessDatabases {
  const { name, databaseUrl, brokerUrl, databaseConnections, clock, telemetry, tenancy } = options;
  const common = { clock, telemetry };
  const ofService = databaseUrl && {
    ...common,
    url: databaseUrl.reveal(),
    listenUrl: options.databaseListenUrl?.reveal(),
    budget: connectionBudget({ maxConnections: databaseConnections }),
  };
  return {
    database:
      ofService &&
      openDatabase({ ...ofService, name, tenancy, maxConnections: databaseConnections - RESERVED_FOR_LEASES }),
    leaseDatabase:
      ofService &&
      openDatabase({
        ...ofService,
        name: `${name} leases`,
        maxConnections: MOST_FOR_LEASES,
        reservedConnections: RESERVED_FOR_LEASES,
      }),
    brokerDatabase:
      brokerUrl &&
      openDatabase({
        ...common,
        url: brokerUrl.reveal(),
        listenUrl: options.brokerListenUrl?.reveal(),
        name: `${name} broker`,
        maxConnections: options.brokerConnections,
      }),
  };
}
