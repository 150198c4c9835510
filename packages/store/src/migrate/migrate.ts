import { readFile } from 'node:fs/promises';
import { FairleadError, type Context } from '@fairlead/core';
import type { Database, Tx } from '../database.ts';
import { fail } from '../errors.ts';
import { LOCK_WAIT_MS, untilLocked } from './lock-patience.ts';
import { readMigrations, type Migration, type MigrationFile } from './migration-files.ts';

export type { MigrationFile } from './migration-files.ts';

/** Which migrations to apply. */
export interface MigrateOptions {
  /** Whose they are: `fairlead`, `messaging` or the service's name. Each set is numbered on its own. */
  readonly set: string;
  /** A directory (`file:` URL) or the files themselves. */
  readonly from: URL | readonly MigrationFile[];
}

/** What `migrate` did. */
export interface MigrateResult {
  /** Names of the files applied now, in order; empty when everything was there. */
  readonly applied: readonly string[];
  /**
   * Names of migrations that are applied and newer than the newest file: the database belongs to newer code, and this
   * code goes on with it. Empty as a rule.
   */
  readonly ahead: readonly string[];
}

const SQL_DIRECTORY = new URL('../../sql/', import.meta.url);
const STORE_SET = 'fairlead';

/** The transaction-level advisory lock that runners of one schema queue for. */
const LOCK = `select pg_advisory_xact_lock(hashtextextended('fairlead_migration ' || current_schema(), 0))`;

/**
 * Applies a set's migrations that are missing: forward only, in order, each file in a transaction of its own together
 * with its record. `database` is opened with the owner's credentials. Concurrent runners wait for each other and apply
 * each file once. After a crash the next run goes on where this one stopped. A file must not contain transaction
 * commands (BEGIN, COMMIT) nor what can't run in a transaction (CREATE INDEX CONCURRENTLY).
 *
 * While others work, a file that waits for a lock gives up after 100 ms, lets go of what it has and tries again for up to
 * 5 minutes, so that nobody stands in line behind it; a file should therefore take few locks, and those late.
 *
 * A database that newer code has migrated is left as it is: code of version N − 1 lives with the tables of version N.
 * @throws MIGRATION_DRIFT a file was edited after it was applied; MIGRATION_MISSING an applied one has no file though a newer one has;
 *   MIGRATION_OUT_OF_ORDER a new one sorts before an applied one; MIGRATION_FAILED its SQL failed, nothing of it stays;
 *   MIGRATION_INVALID the files themselves are wrong
 */
export async function migrate(ctx: Context, database: Database, options: MigrateOptions): Promise<MigrateResult> {
  const migrations = await readMigrations(options.set, options.from);
  const bootstrap = await readFile(new URL('bootstrap.sql', SQL_DIRECTORY), 'utf8');
  await database.tx(ctx, async (tx) => {
    await tx.query(LOCK);
    const { rows } = await tx.query(
      `select to_regclass('fairlead_migration') is not null and to_regprocedure('fairlead.now()') is not null as there`,
    );
    if (rows[0]?.['there'] !== true) await tx.query(bootstrap);
  });
  const applied: string[] = [];
  for (;;) {
    const step = await untilLocked(ctx, () =>
      database.tx(ctx, (tx) => applyNext(tx, options.set, migrations, database.name), { retry: true }),
    );
    if (step.kind === 'done') return { applied, ahead: step.ahead };
    applied.push(step.name);
  }
}

/**
 * Applies the store's own migrations (the set `fairlead`): the log, leases and schedules.
 * @throws as `migrate` does
 */
export function migrateStore(ctx: Context, database: Database): Promise<MigrateResult> {
  return migrate(ctx, database, storeMigrations());
}

/** The store's own set, for whoever lists sets. */
export function storeMigrations(): MigrateOptions {
  return { set: STORE_SET, from: STORE_FILES };
}

const STORE_FILES = new URL('store/', SQL_DIRECTORY);

async function applyNext(
  tx: Tx,
  set: string,
  migrations: readonly Migration[],
  name: string,
): Promise<
  { readonly kind: 'applied'; readonly name: string } | { readonly kind: 'done'; readonly ahead: readonly string[] }
> {
  await tx.query(LOCK);
  const { rows } = await tx.query<{ version: number; name: string; checksum: string }>(
    'select version, name, checksum from fairlead_migration where set_name = $1 order by version',
    [set],
  );
  const newest = migrations.at(-1)?.version ?? 0;
  const known = rows.filter((row) => row.version <= newest);
  const next = nextOf(`${name}, set ${set}`, migrations, known, rows.at(-1)?.version ?? 0);
  if (next === undefined) return { kind: 'done', ahead: rows.slice(known.length).map((row) => row.name) };
  try {
    await tx.query(`set local lock_timeout = ${LOCK_WAIT_MS}`);
    await tx.query(next.sql);
  } catch (error) {
    if (error instanceof FairleadError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw fail(
      'MIGRATION_FAILED',
      `${name}, set ${set}: ${next.name}${placeOf(error, next.sql)} failed and was rolled back: ${reason}. Correct the file and run again.`,
      { cause: error },
    );
  }
  await tx.query(
    'insert into fairlead_migration (set_name, version, name, checksum, applied_at) values ($1, $2, $3, $4, fairlead.now())',
    [set, next.version, next.name, next.checksum],
  );
  return { kind: 'applied', name: next.name };
}

/** `:12` when the server says where in the text it stumbled; nothing when the failure is in the rows that a statement met. */
function placeOf(error: unknown, sql: string): string {
  const position = error instanceof Error && 'position' in error ? Number(error.position) : Number.NaN;
  // Counted from 1, in characters rather than in UTF-16 units.
  return position >= 1
    ? `:${
        Array.from(sql)
          .slice(0, position - 1)
          .filter((character) => character === '\n').length + 1
      }`
    : '';
}

function nextOf(
  whose: string,
  migrations: readonly Migration[],
  applied: readonly { readonly version: number; readonly name: string; readonly checksum: string }[],
  last: number,
): Migration | undefined {
  const byVersion = new Map(migrations.map((migration) => [migration.version, migration]));
  for (const record of applied) {
    const file = byVersion.get(record.version);
    if (file === undefined) {
      throw fail(
        'MIGRATION_MISSING',
        `${whose}: ${record.name} was applied but its file is gone. Restore it; migrations only go forward.`,
      );
    }
    if (file.checksum !== record.checksum) {
      throw fail(
        'MIGRATION_DRIFT',
        `${whose}: ${file.name} was changed after it had been applied${file.name === record.name ? '' : ` as ${record.name}`}. Undo the change and put it into a new file.`,
      );
    }
  }
  const done = new Set(applied.map((record) => record.version));
  const next = migrations.find((migration) => !done.has(migration.version));
  if (next !== undefined && next.version < last) {
    throw fail(
      'MIGRATION_OUT_OF_ORDER',
      `${whose}: ${next.name} sorts before migration ${last}, which is applied. Give it a number above ${last}.`,
    );
  }
  return next;
}
