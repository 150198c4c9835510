import type { Context } from '@fairlead/core';
import type { Database } from './database.ts';

/** A migration as text. */
export interface MigrationFile {
  /** `NNNN_name.sql`. */
  readonly name: string;
  readonly sql: string;
}

/** Which migrations to apply. */
export interface MigrateOptions {
  /** Whose they are: `fairlead`, `messaging` or the service's name. Each set is numbered on its own. */
  readonly set: string;
  /** A directory (`file:` URL, ends in `/`) or the files themselves. */
  readonly from: URL | readonly MigrationFile[];
}

/** What `migrate` did. */
export interface MigrateResult {
  /** Names of the files applied now, in order; empty when everything was there. */
  readonly applied: readonly string[];
}

/** Applies a set's migrations that are missing. `database` is opened with the owner's credentials. */
export async function migrate(ctx: Context, database: Database, options: MigrateOptions): Promise<MigrateResult> {
  throw new Error(`not yet: ${ctx.requestId} ${database.name} ${options.set}`);
}

/** Applies the store's own migrations (the set `fairlead`): the log. */
export async function migrateStore(ctx: Context, database: Database): Promise<MigrateResult> {
  throw new Error(`not yet: ${ctx.requestId} ${database.name}`);
}
