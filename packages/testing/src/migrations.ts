import type { Context } from '@fairlead/core';
import { BROKER_MIGRATIONS, brokerGrants, MESSAGING_MIGRATIONS } from '@fairlead/messaging';
import type { PlatformModel, ServiceModel } from '@fairlead/platform';
import { SERVICE_MIGRATIONS } from '@fairlead/service';
import { migrate, migrateStore, type Database } from '@fairlead/store';

/** PGlite's one role. Everything in one instance is one trust domain; who may read what is tested on real Postgres. */
const ROLE = 'postgres';

/** Makes the broker's tables. */
export async function migrateBroker(ctx: Context, broker: Database, model: PlatformModel): Promise<void> {
  await migrate(ctx, broker, { set: 'broker', from: BROKER_MIGRATIONS });
  const names = model.services.map(({ name }) => name);
  await brokerGrants(
    ctx,
    broker,
    names.map((service) => ({ service, role: ROLE, reads: names })),
  );
}

/** Makes a service's tables: the platform's, then its own. */
export async function migrateService(ctx: Context, database: Database, service: ServiceModel): Promise<void> {
  await migrateStore(ctx, database);
  await migrate(ctx, database, { set: 'messaging', from: MESSAGING_MIGRATIONS });
  await migrate(ctx, database, { set: 'service', from: SERVICE_MIGRATIONS });
  if (service.migrations) await migrate(ctx, database, { set: service.name, from: new URL(service.migrations) });
}
