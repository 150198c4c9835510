import type { Clock, Context } from '@fairlead/core';
import type { Database } from '../database.ts';
import type { MigrateOptions } from '../migrate/migrate.ts';
import type { StoreTelemetry } from '../telemetry.ts';

/** Where tenants' rows are: in tables that all share, in a schema each, or in a database each. */
export type TenancyKind = 'rows' | 'schemas' | 'databases';

/** How `tenantDatabases` is opened. */
export interface TenantDatabasesOptions {
  readonly kind: TenancyKind;
  /** Name for logs and errors, usually the service's. */
  readonly name: string;
  /** The runtime role on the service's own database, the home of what belongs to no tenant. Never logged. */
  readonly url: string;
  /** The owner on that database: for `migrate`, `create` and `drop`. Default: these are refused. Never logged. */
  readonly ownerUrl?: string | undefined;
  /** For `databases`: a role that may create databases and belongs to the owner's, on that server. Never logged. */
  readonly adminUrl?: string | undefined;
  /** Sets of a tenant's tables, after the store's own; for `rows` of the tables that all share. */
  readonly migrations: readonly MigrateOptions[];
  /** What claims of tenants are made with, the same for all processes. Default: the password in `url`. */
  readonly secret?: string | undefined;
  /** Connections at most over everything, besides those that `listen` and the owner's work hold. Default 10; at least 2. */
  readonly maxConnections?: number;
  /** For `databases`: connections of one tenant at most, and of the home. Default 2; at least 1, at most half of all. */
  readonly connectionsPerTenant?: number;
  /** How long a tenant that was found is not looked up again, in milliseconds. Default 10 000; 0 looks each time. */
  readonly knownForMs?: number;
  readonly clock: Clock;
  readonly telemetry?: StoreTelemetry | undefined;
}

/**
 * A Database whose transactions and statements go to where the rows of their Context's tenant are: code that uses it can't
 * tell which kind it is. Without a tenant they are refused (TENANT_REQUIRED), with one that was not created here, too
 * (UNKNOWN_TENANT). `listen` listens on the home.
 */
export interface TenantDatabases extends Database {
  readonly kind: TenancyKind;
  /** The service's own database, for what belongs to no tenant. Closed with this. */
  readonly home: Database;
  /** Migrates the home and every tenant's place, and puts the walls up. Part of each deployment, before anything else. */
  migrate(ctx: Context): Promise<void>;
  /** Makes a tenant, with tables that are migrated. One that a crash left half made is made whole. */
  create(ctx: Context, tenant: string): Promise<'created' | 'exists'>;
  /** Names of all tenants that are ready, sorted. */
  list(ctx: Context): Promise<readonly string[]>;
  /**
   * Ends a tenant and deletes all that it has; false when there was none. Other processes may know it for `knownForMs`;
   * what they ask for by then is not there.
   */
  drop(ctx: Context, tenant: string): Promise<boolean>;
}

/** Options with every default filled in. */
export type ResolvedTenancyOptions = Required<
  Omit<TenantDatabasesOptions, 'ownerUrl' | 'adminUrl' | 'secret' | 'telemetry'>
> &
  Pick<TenantDatabasesOptions, 'ownerUrl' | 'adminUrl' | 'secret' | 'telemetry'>;
