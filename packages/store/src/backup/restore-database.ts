import type { Context } from '@fairlead/core';
import type { Database, Tx } from '../database.ts';
import { fail } from '../errors.ts';
import { migrate, type MigrateOptions } from '../migrate/migrate.ts';
import { readMigrations, type Migration } from '../migrate/migration-files.ts';
import { checkBackupFile, readLines } from './backup-file.ts';
import { TableChecksum, tableName, type BackupHeader, type BackupTable, type TableEnd } from './backup-format.ts';
import { materializedViewsOf, qualified, tablesOf, uncheckedTables, type CatalogTable } from './catalog.ts';
import { beginLogEpoch } from '../log/log-epoch.ts';
import { endHolders } from './end-holders.ts';
import { raiseLog } from './raise-log.ts';
import { EXACT_TEXT, readRows, writeRows } from './table-rows.ts';

/** What to restore. */
export interface RestoreOptions {
  readonly file: string;
  /** Whose backup it must be. */
  readonly service: string;
  /** Every set of this service's migrations, in order; those that the backup had are applied, no others. */
  readonly sets: readonly MigrateOptions[];
  /**
   * The highest position of this service's log that anybody else has seen: the broker's copy, consumers' cursors. The log
   * goes on above it, since readers never look back. Default 0: nobody has.
   */
  readonly logFloor?: bigint;
}

/** What came of a restore. */
export interface RestoreSummary {
  readonly header: BackupHeader;
  readonly rows: number;
  /** Positions between the log's end in the backup and `logFloor`: events that others know and this service no longer does. */
  readonly forgotten: bigint;
}

/** Rows are inserted in parts of about this size, in characters. */
const PART = 512 * 1024;

/**
 * Reads a backup and says what it holds, having checked that it is whole.
 * @throws BACKUP_INVALID
 */
export function inspectBackup(file: string): Promise<BackupHeader> {
  return checkBackupFile(file);
}

/**
 * Fills an empty database from a backup: the file is checked as a whole, then the migrations that it names are applied,
 * then rows, sequences and the check of every table against its checksum happen in one transaction. `database` is opened
 * with the owner's credentials and `transactionTimeoutMs: 0`, and nobody else uses it. When this throws, throw the
 * database away.
 * @throws BACKUP_INVALID; BACKUP_MISMATCH when it is another service's, needs migrations that this code does not have or
 *   has with another text, or the tables differ from what those migrations make
 */
export async function restoreDatabase(
  ctx: Context,
  database: Database,
  options: RestoreOptions,
): Promise<RestoreSummary> {
  const { file, service } = options;
  const header = await checkBackupFile(file);
  if (header.service !== service) {
    throw mismatch(file, `is of "${header.service}", not of "${service}". Restore it as ${header.service}.`);
  }
  for (const { set, files } of await setsOf(header, file, options.sets)) {
    await migrate(ctx, database, { set, from: files });
  }
  return database.tx(ctx, async (tx) => {
    await tx.query(EXACT_TEXT);
    const tables = await matchingTables(tx, header, file);
    const checks = await uncheckedTables(tx);
    for (const statement of checks.before) await tx.query(statement);
    // Migrations may have brought rows of their own; the backup has them as they became.
    if (tables.length > 0) await tx.query(`truncate ${tables.map(qualified).join(', ')}`);
    const rows = await fill(tx, file, tables);
    await setSequences(tx, header);
    await beginLogEpoch(tx);
    const forgotten = await raiseLog(tx, options.logFloor ?? 0n);
    await endHolders(tx);
    for (const statement of checks.after) await tx.query(statement);
    for (const view of await materializedViewsOf(tx)) await tx.query(`refresh materialized view ${view}`);
    return { header, rows, forgotten };
  });
}

/** The files that the backup's database had, set by set. */
async function setsOf(
  header: BackupHeader,
  file: string,
  sets: readonly MigrateOptions[],
): Promise<readonly { readonly set: string; readonly files: readonly Migration[] }[]> {
  const known = await Promise.all(
    sets.map(async ({ set, from }) => ({ set, migrations: await readMigrations(set, from) })),
  );
  for (const applied of header.migrations) {
    const migration = known
      .find(({ set }) => set === applied.set)
      ?.migrations.find(({ version }) => version === applied.version);
    const what = `${applied.name} of the set ${applied.set}`;
    if (migration === undefined) {
      throw mismatch(
        file,
        `was taken with ${what}, which this code does not have. Restore with the release that wrote it, or a newer one.`,
      );
    }
    if (migration.checksum !== applied.checksum) {
      throw mismatch(
        file,
        `was taken with another text of ${what}. Undo the change of that file, or restore with the release that wrote it.`,
      );
    }
  }
  return known.map(({ set, migrations }) => ({
    set,
    files: migrations.filter(({ version }) =>
      header.migrations.some((applied) => applied.set === set && applied.version === version),
    ),
  }));
}

/** The tables to fill, in the order of the file. */
async function matchingTables(tx: Tx, header: BackupHeader, file: string): Promise<readonly CatalogTable[]> {
  const there = new Map((await tablesOf(tx)).map((table) => [tableName(table), table]));
  const stored = new Set(header.tables.map(tableName));
  const extra = [...there.keys()].find((name) => !stored.has(name));
  if (extra !== undefined) throw mismatch(file, `has no table ${extra}, which its own migrations make.`);
  return header.tables.map((table) => {
    const found = there.get(tableName(table));
    if (found === undefined) {
      throw mismatch(
        file,
        `has a table ${tableName(table)} that no migration makes. Put it into a migration, take the backup again.`,
      );
    }
    return { ...found, columns: table.columns.map((name) => columnOf(found, name, table, file)) };
  });
}

function columnOf(
  found: CatalogTable,
  name: string,
  table: BackupTable,
  file: string,
): CatalogTable['columns'][number] {
  const column = found.columns.find((each) => each.name === name);
  if (column === undefined || found.columns.length !== table.columns.length) {
    throw mismatch(
      file,
      `has the columns ${table.columns.join(', ')} in ${tableName(table)}; its migrations make ${found.columns.map((each) => each.name).join(', ')}.`,
    );
  }
  return column;
}

async function fill(tx: Tx, file: string, tables: readonly CatalogTable[]): Promise<number> {
  let index = 0;
  let total = 0;
  let size = 0;
  let part: string[] = [];
  let first = true;
  for await (const line of readLines(file)) {
    if (first) {
      first = false;
      continue;
    }
    const table = tables[index];
    if (table === undefined) break;
    if (line.startsWith('[')) {
      part.push(line);
      size += line.length;
      if (size < PART) continue;
    }
    await writeRows(tx, table, part);
    part = [];
    size = 0;
    if (line.startsWith('[')) continue;
    // The file as a whole has been checked, so a line that is no row is the end of a table.
    total += await verify(tx, table, JSON.parse(line) as TableEnd, file);
    index += 1;
  }
  return total;
}

async function verify(tx: Tx, table: CatalogTable, end: TableEnd, file: string): Promise<number> {
  const checksum = new TableChecksum();
  await readRows(tx, table, (row) => checksum.add(row));
  if (end.end !== tableName(table) || end.rows !== checksum.rows || end.checksum !== checksum.digest()) {
    throw mismatch(
      file,
      `has ${end.rows} rows in ${end.end}; ${checksum.rows} came back from ${tableName(table)}, or with other values. Nothing was restored.`,
    );
  }
  return checksum.rows;
}

async function setSequences(tx: Tx, header: BackupHeader): Promise<void> {
  for (const sequence of header.sequences) {
    await tx.query('select setval($1::text::regclass, $2::text::bigint, $3)', [
      qualified(sequence),
      sequence.last,
      sequence.called,
    ]);
  }
}

function mismatch(file: string, what: string): Error {
  return fail('BACKUP_MISMATCH', `The backup ${file} ${what}`);
}
