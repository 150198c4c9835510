import { readFile } from 'node:fs/promises';
import type { Clock, Context } from '@fairlead/core';
import { BROKER_MIGRATIONS, brokerGrants } from '@fairlead/messaging';
import type { PlatformModel, ServiceModel } from '@fairlead/platform';
import { migrateService } from '@fairlead/service';
import { migrate, openDatabase, type Database } from '@fairlead/store';
import { provision, type Provisioned, type ServiceUrls } from '@fairlead/store/embedded';
import { replaceFile, type DataDir } from './supervisor/data-dir.ts';

/** A service's own connection strings. Secret. */
export type RuntimeUrls = Pick<ServiceUrls, 'runtimeUrl' | 'brokerUrl'>;

/** How databases are set up. */
export interface DatabaseSetupOptions {
  /** A superuser's connection string. */
  readonly adminUrl: string;
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

/** Runs `work` with a connection that is closed whatever happens. */
async function withOwner<T>(
  url: string,
  name: string,
  clock: Clock,
  work: (database: Database) => Promise<T>,
): Promise<T> {
  const database = openDatabase({ url, name, clock, maxConnections: 1 });
  try {
    return await work(database);
  } finally {
    await database.close({ graceMs: 0 });
  }
}

/** Passwords of an earlier run, so that connections of a given server stay valid. */
async function knownPasswords(file: string): Promise<Readonly<Record<string, string>>> {
  const text = await readFile(file, 'utf8').catch(() => '{}');
  // Written by `setUpDatabases` below, as a whole.
  return JSON.parse(text) as Record<string, string>;
}

async function migrateBroker(
  ctx: Context,
  provisioned: Provisioned,
  services: readonly ServiceModel[],
  clock: Clock,
): Promise<void> {
  const grants = services.map((service) => ({
    service: service.name,
    role: service.name,
    reads: readsOf(service, services),
  }));
  await withOwner(provisioned.brokerOwnerUrl, 'broker', clock, async (broker) => {
    await migrate(ctx, broker, { set: 'broker', from: BROKER_MIGRATIONS });
    await brokerGrants(ctx, broker, grants);
  });
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
  const { clock, data } = options;
  const passwordFile = data.secret('database-passwords.json');
  const withDatabase = model.services.filter(({ database }) => database);
  const began = clock.monotonic();
  const provisioned = await provision(ctx, options.adminUrl, {
    services: withDatabase.map((service) => ({ name: service.name, uses: readsOf(service, withDatabase) })),
    passwords: await knownPasswords(passwordFile),
  });
  await replaceFile(passwordFile, `${JSON.stringify(provisioned.passwords)}\n`);
  const provisionedAt = clock.monotonic();
  options.onStage('provision', provisionedAt - began);
  await Promise.all([
    migrateBroker(ctx, provisioned, withDatabase, clock),
    ...withDatabase.map(async (service) => {
      const urls = provisioned.services.get(service.name);
      if (urls === undefined) return;
      await withOwner(urls.ownerUrl, service.name, clock, (database) =>
        migrateService(ctx, database, service.definition),
      );
    }),
  ]);
  options.onStage('migrate', clock.monotonic() - provisionedAt);
  return provisioned.services;
}
