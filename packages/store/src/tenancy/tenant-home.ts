import { createHash } from 'node:crypto';
import { FairleadError, type Context } from '@fairlead/core';
import type { Database } from '../database.ts';
import { migrate, migrateStore } from '../migrate/migrate.ts';
import { openDatabase, openScopedDatabase, type ScopedDatabase } from '../postgres/postgres-database.ts';
import type { SessionScope } from '../postgres/session-scope.ts';
import { claimKeyOf, installTenancy } from './install-tenancy.ts';
import { everyTenantScope, tenantScope } from './row-scope.ts';
import type { ClaimKey } from './tenant-claim.ts';
import type { ResolvedTenancyOptions } from './tenancy-options.ts';
import { TenantDirectory } from './tenant-directory.ts';

/** Connections of the owner: one holds the lock, one works, one migrates. */
const OWNER_CONNECTIONS = 3;

/** The service's own database as all kinds of tenancy use it. */
export interface TenantHome {
  readonly key: Promise<ClaimKey>;
  /** The home as the service sees it. */
  readonly database: ScopedDatabase;
  readonly directory: TenantDirectory;
  /** Runs the owner's work. @throws MISCONFIGURED without `ownerUrl` */
  withOwner<T>(work: (owner: Database, url: string) => Promise<T>): Promise<T>;
  /** Migrates the home's store and tells it the key. */
  migrate(ctx: Context): Promise<void>;
  /** Migrates a tenant's place, or what all share: the store's set, then the service's. */
  migrateTables(ctx: Context, database: Database): Promise<void>;
}

/** Opens the home with so many connections. */
export function tenantHome(options: ResolvedTenancyOptions, maxConnections: number): TenantHome {
  const { name, url, secret, clock, telemetry, ownerUrl, migrations } = options;
  const key = claimKeyOf({ url, secret }, name);
  // Told to whoever asks for a transaction.
  key.catch(() => {});
  const database = openScopedDatabase({ url, name, clock, telemetry, maxConnections }, tenantScope(key));
  const directory = new TenantDirectory(database, database.view(everyTenantScope(key)), options.knownForMs);

  async function withOwner<T>(work: (owner: Database, url: string) => Promise<T>): Promise<T> {
    if (ownerUrl === undefined) {
      throw new FairleadError(
        'internal',
        'MISCONFIGURED',
        `${name}: tenants are made, dropped and migrated by the owner. Give ownerUrl where that is done.`,
      );
    }
    const limits = { maxConnections: OWNER_CONNECTIONS, transactionTimeoutMs: 0 };
    await using owner = openDatabase({ url: ownerUrl, name: `${name} owner`, clock, telemetry, ...limits });
    return await work(owner, ownerUrl);
  }

  async function migrateTables(ctx: Context, place: Database): Promise<void> {
    await migrateStore(ctx, place);
    for (const set of migrations) await migrate(ctx, place, set);
  }

  return {
    key,
    database,
    directory,
    withOwner,
    migrateTables,
    migrate: (ctx) =>
      withOwner(async (owner) => {
        await migrateStore(ctx, owner);
        await installTenancy(ctx, owner, { url, secret });
      }),
  };
}

/** The same connections for transactions that are told more: `more` follows the home's own settings. */
export function withSettings(
  base: SessionScope,
  more: (ctx: Context) => Promise<readonly (readonly [string, string])[]>,
): SessionScope {
  return {
    async settingsFor(ctx) {
      const settings = await more(ctx);
      const others = await base.settingsFor(ctx);
      return (processId) => [...settings, ...others(processId)];
    },
  };
}

/** A schema's or database's name: readable, valid whatever the tenant is called, and no other tenant's. */
export function placeName(prefix: string, tenant: string): string {
  const readable = tenant
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '_')
    .slice(0, 20);
  const digest = createHash('sha256').update(tenant).digest('hex').slice(0, 16);
  return `${prefix.slice(0, 24)}_${readable}_${digest}`;
}
