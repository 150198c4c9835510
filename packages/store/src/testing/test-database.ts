import { createHash } from 'node:crypto';
import { createContext, realClock, realRandom } from '@fairlead/core';
import { quoteIdentifier, rewriteDatabaseUrl } from '../postgres/database-url.ts';
import type { Database } from '../database.ts';
import { connectAdmin, type AdminConnection } from '../embedded/admin-connection.ts';
import { uniqueSuffix } from '../embedded/secret.ts';
import { migrate, storeMigrations, type MigrateOptions } from '../migrate/migrate.ts';
import { readMigrations } from '../migrate/migration-files.ts';
import { openDatabase } from '../postgres/postgres-database.ts';
import { OWNER_ROLE, RUNTIME_ROLE, testServer, type TestServerAddress } from './test-server.ts';

/** What the database holds. */
export interface TestDatabaseOptions {
  /** Sets to apply after the store's own, in order. */
  readonly migrations?: readonly MigrateOptions[];
}

/** A database that only this test uses; dropped on disposal. */
export interface TestDatabase extends AsyncDisposable {
  /** Opened with the runtime role: DML only. */
  readonly database: Database;
  /** Connection string of the owner. */
  readonly ownerUrl: string;
  /** Connection string of the runtime role. */
  readonly url: string;
  /** Connection string of the server's superuser, on `postgres`. */
  readonly adminUrl: string;
}

/**
 * An isolated database on the test run's Postgres, with the rights of a service's: an owner, and a runtime role without
 * DDL. Copied from a template that is migrated once a run for each list of migrations, so it takes well under 150 ms.
 * Needs the global setup (`testing/global-setup.ts`) to share one server; without it each process starts its own.
 * @throws as `migrate` and `startPostgres` do
 */
export async function testDatabase(options: TestDatabaseOptions = {}): Promise<TestDatabase> {
  const server = await testServer();
  const sets = [storeMigrations(), ...(options.migrations ?? [])];
  const name = `test_${uniqueSuffix()}`;
  {
    await using admin = await connectAdmin(server.adminUrl);
    await createDatabase(admin, name, await ensureTemplate(admin, server, sets));
  }
  const url = rewriteDatabaseUrl(server.runtimeUrl, { database: name });
  const database = openDatabase({ url, name, clock: realClock() });
  return {
    database,
    url,
    ownerUrl: rewriteDatabaseUrl(server.ownerUrl, { database: name }),
    adminUrl: server.adminUrl,
    async [Symbol.asyncDispose]() {
      await database.close({ graceMs: 0 });
      await using admin = await connectAdmin(server.adminUrl);
      await admin.run(`drop database if exists ${name} with (force)`);
    },
  };
}

async function ensureTemplate(
  admin: AdminConnection,
  server: TestServerAddress,
  sets: readonly MigrateOptions[],
): Promise<string> {
  const hash = createHash('sha256');
  for (const { set, from } of sets) {
    for (const migration of await readMigrations(set, from))
      hash.update(`${set} ${migration.name} ${migration.checksum}\n`);
  }
  const name = `template_${hash.digest('hex').slice(0, 32)}`;
  if (await exists(admin, name)) return name;
  await admin.run(`select pg_advisory_lock(hashtextextended('fairlead test template', 0))`);
  try {
    if (await exists(admin, name)) return name;
    const draft = `draft_${name}`;
    await admin.run(`drop database if exists ${draft} with (force)`);
    await createDatabase(admin, draft, 'template0');
    await migrateDraft(rewriteDatabaseUrl(server.ownerUrl, { database: draft }), sets);
    await admin.run(`alter database ${draft} rename to ${name}`);
    return name;
  } finally {
    await admin.run(`select pg_advisory_unlock(hashtextextended('fairlead test template', 0))`);
  }
}

async function migrateDraft(ownerUrl: string, sets: readonly MigrateOptions[]): Promise<void> {
  {
    await using owner = await connectAdmin(ownerUrl);
    await owner.run(`alter default privileges in schema public grant select, insert, update, delete on tables to ${RUNTIME_ROLE};
      alter default privileges in schema public grant usage, select on sequences to ${RUNTIME_ROLE}`);
  }
  const clock = realClock();
  using ctx = createContext({ clock, random: realRandom() });
  await using database = openDatabase({ url: ownerUrl, name: 'template', clock, maxConnections: 1 });
  for (const set of sets) await migrate(ctx, database, set);
}

async function exists(admin: AdminConnection, name: string): Promise<boolean> {
  return (await admin.run('select 1 from pg_database where datname = $1', [name])).length > 0;
}

async function createDatabase(admin: AdminConnection, name: string, template: string): Promise<void> {
  const database = quoteIdentifier(name);
  await admin.run(
    `create database ${database} owner ${OWNER_ROLE} template ${quoteIdentifier(template)} strategy wal_log`,
  );
  await admin.run(
    `revoke all on database ${database} from public; grant connect on database ${database} to ${RUNTIME_ROLE}`,
  );
}
