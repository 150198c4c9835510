import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Context } from '@fairlead/core';
import { MESSAGING_MIGRATIONS } from '@fairlead/messaging';
import { migrate, storeMigrations, type Database, type MigrateOptions, type MigrateResult } from '@fairlead/store';
import type { ServiceDefinition } from './definition.ts';

/** The kit's own tables, set `service`. */
export const SERVICE_MIGRATIONS: URL = new URL('../sql/', import.meta.url);

/**
 * Every set of a service's database, in the order in which they are applied: the log, messaging's tables, the kit's, then
 * the service's own (a set of the service's name). None for a service without a database.
 */
export function serviceMigrations(definition: ServiceDefinition): readonly MigrateOptions[] {
  if (definition.database === undefined) return [];
  return [
    storeMigrations(),
    { set: 'messaging', from: MESSAGING_MIGRATIONS },
    { set: 'service', from: SERVICE_MIGRATIONS },
    { set: definition.contract.name, from: definition.database.migrations },
  ];
}

/**
 * Brings a service's database up to date, set by set. `database` is opened with the owner's credentials. Idempotent;
 * nothing for a service without one. Answers with what was applied, as `set/file`, and with what the database has beyond
 * this code.
 * @throws what `migrate` throws, naming set and file
 */
export async function migrateService(
  ctx: Context,
  database: Database,
  definition: ServiceDefinition,
): Promise<MigrateResult> {
  return migrateSets(ctx, database, serviceMigrations(definition));
}

/** Applies sets one after another; names in the answer are `set/file`. */
async function migrateSets(ctx: Context, database: Database, sets: readonly MigrateOptions[]): Promise<MigrateResult> {
  const applied: string[] = [];
  const ahead: string[] = [];
  for (const options of sets) {
    const result = await migrate(ctx, database, options);
    applied.push(...result.applied.map((name) => `${options.set}/${name}`));
    ahead.push(...result.ahead.map((name) => `${options.set}/${name}`));
  }
  return { applied, ahead };
}

/**
 * The files of the service's own migrations, and of the store's where it has queues or views, that its database doesn't have yet, in order. A database that is ahead of
 * this code is fine: tables of version N serve the code of N − 1.
 */
export async function missingMigrations(
  ctx: Context,
  database: Database,
  definition: ServiceDefinition,
): Promise<string[]> {
  if (definition.database === undefined) return [];
  const queues = definition.jobs !== undefined || definition.deferredCalls !== undefined;
  const views = definition.projections !== undefined || definition.replicas !== undefined;
  const sets: readonly MigrateOptions[] = [
    // The worker, or the views, would find out at the first statement.
    ...(queues || views ? [storeMigrations()] : []),
    { set: 'service', from: SERVICE_MIGRATIONS },
    { set: definition.contract.name, from: definition.database.migrations },
  ];
  const { rows } = await database.query<{ readonly set_name: string; readonly name: string }>(
    ctx,
    'select set_name, name from fairlead_migration where set_name = any($1)',
    [sets.map(({ set }) => set)],
  );
  const applied = new Set(rows.map((row) => `${row.set_name}/${row.name}`));
  // Read at once: a service waits for its ports only, so that a simulator sees all that it waits for.
  const files = sets.map(({ set, from }) =>
    (from instanceof URL ? readdirSync(fileURLToPath(from)) : from.map(({ name }) => name))
      .filter((name) => name.endsWith('.sql'))
      .map((name) => `${set}/${name}`),
  );
  return files
    .flat()
    .filter((file) => !applied.has(file))
    .toSorted();
}
