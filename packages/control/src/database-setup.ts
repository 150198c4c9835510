import type { Clock, Context } from '@fairlead/core';
import { BROKER_MIGRATIONS, brokerGrants } from '@fairlead/messaging';
import type { PlatformModel, ServiceModel } from '@fairlead/platform';
import { migrateService } from '@fairlead/service';
import { installTenancy, migrate, openDatabase, type Database } from '@fairlead/store';
import { provision, type Provisioned, type ServiceUrls } from '@fairlead/store/embedded';
import { readSecretJson, replaceFile, type DataDir } from './supervisor/data-dir.ts';

/** A service's own connection strings. Secret. */
export type RuntimeUrls = Pick<ServiceUrls, 'runtimeUrl' | 'brokerUrl'>;

/** How databases are set up. */
export interface DatabaseSetupOptions {
  /** A superuser's connection string. */
  readonly adminUrl: string;
  /** Whether that server was given, so that others may use it, too: their roles are not touched. */
  readonly given: boolean;
  readonly data: DataDir;
  readonly clock: Clock;
  /** Told how long each stage took. */
  readonly onStage: (stage: string, durationMs: number) => void;
}

/** Services whose events a service may read: those that it uses and that have a log to publish from. */
function readsOf(service: ServiceModel, withDatabase: readonly ServiceModel[]): readonly string[] {
  const publishers = new Set(withDatabase.map(({ name }) => name));
  return service.uses.filter(({ kind, name }) => kind === 'service' && publishers.has(name)).map(({ name }) => name);
}

/** Runs `work` with a connection that is closed whatever happens; its transactions may last as long as they need. */
export async function withOwner<T>(
  url: string,
  name: string,
  clock: Clock,
  work: (database: Database) => Promise<T>,
): Promise<T> {
  const database = openDatabase({ url, name, clock, maxConnections: 1, transactionTimeoutMs: 0 });
  try {
    return await work(database);
  } finally {
    await database.close({ graceMs: 0 });
  }
}

/** Passwords of an earlier run, so that connections of a given server stay valid. */
async function knownPasswords(file: string): Promise<Readonly<Record<string, string>>> {
  // Written by `provisionPlatform` below, as a whole.
  return ((await readSecretJson(file)) ?? {}) as Record<string, string>;
}

async function migrateBroker(
  ctx: Context,
  provisioned: Provisioned,
  services: readonly ServiceModel[],
  clock: Clock,
): Promise<MigratedDatabase> {
  const grants = services.map((service) => ({
    service: service.name,
    role: service.name,
    reads: readsOf(service, services),
  }));
  return withOwner(provisioned.brokerOwnerUrl, 'broker', clock, async (broker) => {
    const { applied, ahead } = await migrate(ctx, broker, { set: 'broker', from: BROKER_MIGRATIONS });
    await brokerGrants(ctx, broker, grants);
    const named = (name: string): string => `broker/${name}`;
    return { name: 'broker', applied: applied.map(named), ahead: ahead.map(named) };
  });
}

/** What migrating one database did. */
export interface MigratedDatabase {
  /** The service's name, or `broker`. */
  readonly name: string;
  /** Files applied now, as `set/file`. */
  readonly applied: readonly string[];
  /** Files that newer code has applied and this one does not know. */
  readonly ahead: readonly string[];
}

/**
 * Databases and roles of a platform, as its blueprint says. Passwords are those of the data directory and kept there.
 * Repeatable.
 * @throws ROLES_TAKEN where a server was given on which they are not the platform's own
 */
export async function provisionPlatform(
  ctx: Context,
  model: PlatformModel,
  { adminUrl, data, given }: Pick<DatabaseSetupOptions, 'adminUrl' | 'data' | 'given'>,
): Promise<Provisioned> {
  const passwordFile = data.secret('database-passwords.json');
  const withDatabase = model.services.filter(({ database }) => database);
  const known = await knownPasswords(passwordFile);
  return provision(ctx, adminUrl, {
    services: withDatabase.map((service) => ({ name: service.name, uses: readsOf(service, withDatabase) })),
    passwords: known,
    // Those of services that are gone from the blueprint stay: their roles do, and they may come back.
    keep: (passwords) => replaceFile(passwordFile, `${JSON.stringify({ ...known, ...passwords })}\n`),
    refuseUnknown: given ? { keptIn: passwordFile } : undefined,
  });
}

/** Migrates the broker's database and each service's, or only those that `only` names, all at once. */
export async function migratePlatform(
  ctx: Context,
  model: PlatformModel,
  provisioned: Provisioned,
  { clock, only }: { readonly clock: Clock; readonly only?: readonly string[] | undefined },
): Promise<readonly MigratedDatabase[]> {
  const withDatabase = model.services.filter(({ database }) => database);
  const wanted = (name: string): boolean => only === undefined || only.includes(name);
  const services = withDatabase.filter(({ name }) => wanted(name));
  const migrated = services.map(async ({ name, definition }): Promise<MigratedDatabase> => {
    const { ownerUrl = '', runtimeUrl = '' } = provisioned.services.get(name) ?? {};
    const result = await withOwner(ownerUrl, name, clock, async (database) => {
      const migration = await migrateService(ctx, database, definition);
      if (definition.database?.tenancy !== undefined) await installTenancy(ctx, database, { url: runtimeUrl });
      return migration;
    });
    return { name, ...result };
  });
  return Promise.all([
    ...(wanted('broker') ? [migrateBroker(ctx, provisioned, withDatabase, clock)] : []),
    ...migrated,
  ]);
}

/**
 * Brings every database of a platform to what its blueprint and migrations say: databases and roles, then the broker's
 * and each service's tables, all at once. Repeatable; an abort leaves what was committed, and the next run goes on.
 */
export async function setUpDatabases(
  ctx: Context,
  model: PlatformModel,
  options: DatabaseSetupOptions,
): Promise<ReadonlyMap<string, RuntimeUrls>> {
  const { clock } = options;
  const began = clock.monotonic();
  const provisioned = await provisionPlatform(ctx, model, options);
  const provisionedAt = clock.monotonic();
  options.onStage('provision', provisionedAt - began);
  await migratePlatform(ctx, model, provisioned, { clock });
  options.onStage('migrate', clock.monotonic() - provisionedAt);
  return provisioned.services;
}
