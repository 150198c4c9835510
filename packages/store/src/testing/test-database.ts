import type { Database } from '../database.ts';
import type { MigrateOptions } from '../migrate.ts';

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

/** An isolated database on the test run's Postgres, copied from a template. */
export async function testDatabase(options: TestDatabaseOptions = {}): Promise<TestDatabase> {
  throw new Error(`not yet: ${options.migrations?.length}`);
}
