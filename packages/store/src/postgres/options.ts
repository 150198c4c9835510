import { FairleadError, type Clock } from '@fairlead/core';
import type { ConnectionBudget } from './connection-budget.ts';
import { SILENT, type StoreTelemetry } from '../telemetry.ts';

/** How `openDatabase` connects. */
export interface DatabaseOptions {
  /** `postgresql://user:password@host:port/database`; the host may be a percent-encoded socket directory. Never logged. */
  readonly url: string;
  /**
   * Where `listen` connects, when that is not `url`: behind a pooler that pools by transaction, the server itself, since
   * nobody hears anything through such a pooler. Default: `url`.
   */
  readonly listenUrl?: string | undefined;
  /** Name for logs, errors and `application_name`, usually the service's. */
  readonly name: string;
  /** Time, for reconnecting and for giving up a commit nobody waits for. */
  readonly clock: Clock;
  /** Spans and logs. Default: none. */
  readonly telemetry?: StoreTelemetry | undefined;
  /** Connections at most, besides the one by which it listens and tells of news. Default 10; at least 1. */
  readonly maxConnections?: number;
  /**
   * What this database's pool shares with others of the process; the connection that `listen` holds is not part of it.
   * Default: none, and `maxConnections` is all that bounds it.
   */
  readonly budget?: ConnectionBudget | undefined;
  /** Connections of the budget that this pool can always have, whatever others do. Default 1; at most `maxConnections`. */
  readonly reservedConnections?: number;
  /** How long opening a connection may take, in milliseconds. Default 5 000; 0 is no limit. */
  readonly connectTimeoutMs?: number;
  /** How long a connection may stay unused, in milliseconds, before it is closed. Default 30 000; 0 keeps it. */
  readonly idleTimeoutMs?: number;
  /**
   * How long a transaction may last, in milliseconds, whatever its Context says. The server ends it; before Postgres 17 this
   * process does, and the server bounds the wait between statements. Default 60 000; 0 is no limit.
   */
  readonly transactionTimeoutMs?: number;
  /**
   * `rows`: every transaction sees only rows of its Context's tenant in tables that were isolated (`fairlead.isolate`), and
   * without a tenant none. The claim is made with the URL's password, or with `secret`; `installTenancy` tells the
   * database. Default: nothing is isolated.
   */
  readonly tenancy?: 'rows' | { readonly kind: 'rows'; readonly secret: string } | undefined;
}

/** Options with every default filled in. */
export type ResolvedOptions = Required<Omit<DatabaseOptions, 'telemetry' | 'tenancy' | 'listenUrl' | 'budget'>> & {
  readonly budget: ConnectionBudget | undefined;
  readonly listenUrl: string;
  readonly telemetry: StoreTelemetry;
  readonly tenancy: DatabaseOptions['tenancy'];
  /** Whether sessions are shared by parties that don't trust each other: see `SessionScope`. */
  readonly shared: boolean;
};

const DEFAULTS = {
  maxConnections: 10,
  reservedConnections: 1,
  connectTimeoutMs: 5_000,
  idleTimeoutMs: 30_000,
  transactionTimeoutMs: 60_000,
} as const satisfies Partial<DatabaseOptions>;

/**
 * Fills in the defaults.
 * @throws MISCONFIGURED for an unknown option or a value out of range, named
 */
export function resolveOptions(options: DatabaseOptions): ResolvedOptions {
  const known = new Set([
    'url',
    'listenUrl',
    'budget',
    'name',
    'clock',
    'telemetry',
    'tenancy',
    ...Object.keys(DEFAULTS),
  ]);
  const unknown = Object.keys(options).find((key) => !known.has(key));
  if (unknown !== undefined) throw misconfigured(`${options.name}: openDatabase has no option "${unknown}".`);
  if (options.name === '') throw misconfigured('openDatabase needs a name: it goes into logs and errors.');
  const { tenancy } = options;
  if (tenancy !== undefined && tenancy !== 'rows' && (typeof tenancy !== 'object' || tenancy.kind !== 'rows'))
    throw misconfigured(`${options.name}: tenancy is neither 'rows' nor { kind: 'rows', secret }.`);
  const resolved = {
    ...DEFAULTS,
    ...options,
    listenUrl: options.listenUrl ?? options.url,
    budget: options.budget,
    telemetry: options.telemetry ?? SILENT,
    tenancy,
    shared: tenancy !== undefined,
  };
  for (const [key, least] of [
    ['maxConnections', 1],
    ['reservedConnections', 0],
    ['connectTimeoutMs', 0],
    ['idleTimeoutMs', 0],
    ['transactionTimeoutMs', 0],
  ] as const) {
    const value = resolved[key];
    if (!Number.isSafeInteger(value) || value < least || value > 2 ** 31 - 1) {
      throw misconfigured(`${options.name}: ${key} is ${value}; give a whole number from ${least}.`);
    }
  }
  return resolved;
}

function misconfigured(message: string): FairleadError {
  return new FairleadError('internal', 'MISCONFIGURED', message);
}
