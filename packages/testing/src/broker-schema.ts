import type { Context } from '@fairlead/core';
import { BROKER_MIGRATIONS, brokerGrants } from '@fairlead/messaging';
import type { PlatformModel } from '@fairlead/platform';
import { migrate, type Database } from '@fairlead/store';

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
