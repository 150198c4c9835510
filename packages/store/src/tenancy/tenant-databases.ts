/*
 * One Database for all tenants, wherever their rows are. Around this file:
 *   tenancy-options.ts    what it takes and gives
 *   tenant-directory.ts   which tenants there are         tenant-home.ts      the service's own database
 *   row-tenants.ts  schema-tenants.ts  database-tenants.ts   the three kinds   pool-shelf.ts   pools within one budget
 * and what they stand on, usable alone:
 *   tenant-claim.ts  install-tenancy.ts  row-scope.ts  across-tenants.ts       rows isolated by proved claims
 */
import { FairleadError } from '@fairlead/core';
import { databaseTenants } from './database-tenants.ts';
import { rowTenants } from './row-tenants.ts';
import { schemaTenants } from './schema-tenants.ts';
import type { ResolvedTenancyOptions, TenantDatabases, TenantDatabasesOptions } from './tenancy-options.ts';

const DEFAULTS = { maxConnections: 10, connectionsPerTenant: 2, knownForMs: 10_000 } as const;

/**
 * Opens the databases of tenants. Connects on first use.
 * @throws MISCONFIGURED for a value out of range
 */
export function tenantDatabases(options: TenantDatabasesOptions): TenantDatabases {
  const resolved: ResolvedTenancyOptions = { ...DEFAULTS, ...options };
  const { name, maxConnections, connectionsPerTenant, knownForMs } = resolved;
  const half = Math.floor(maxConnections / 2);
  for (const [option, value, least, most] of [
    ['maxConnections', maxConnections, 2, Infinity],
    ['connectionsPerTenant', connectionsPerTenant, 1, options.kind === 'databases' ? half : Infinity],
    ['knownForMs', knownForMs, 0, Infinity],
  ] as const) {
    if (Number.isSafeInteger(value) && value >= least && value <= most) continue;
    throw new FairleadError(
      'internal',
      'MISCONFIGURED',
      `${name}: ${option} is ${value}; give a whole number from ${least}${most === Infinity ? '' : ` to ${most}`}.`,
    );
  }
  return { rows: rowTenants, schemas: schemaTenants, databases: databaseTenants }[options.kind](resolved);
}
