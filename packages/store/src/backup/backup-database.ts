/*
 * A database as one file, and back. Around this file:
 *   backup-format.ts    lines of the file, checksums       backup-file.ts       written as a whole, checked as a whole
 *   catalog.ts          tables, sequences, keys, triggers  table-rows.ts        rows as text
 *   restore-database.ts into an empty database             replace-database.ts  a new database under an old name
 */
import type { Context } from '@fairlead/core';
import type { Database } from '../database.ts';
import { writeBackupFile } from './backup-file.ts';
import { BACKUP_FORMAT, TableChecksum, tableName, type BackupHeader, type TableEnd } from './backup-format.ts';
import { migrationsOf, qualified, sequencesOf, tablesOf } from './catalog.ts';
import { EXACT_TEXT, readRows, rowSecurityOf } from './table-rows.ts';

/** What to back up, and where to. */
export interface BackupOptions {
  /** Whose database it is; a restore asks for the same name. */
  readonly service: string;
  /** Path of the file; one that is there is replaced once the new one is complete. */
  readonly file: string;
}

/** What a backup holds. */
export interface BackupSummary {
  readonly header: BackupHeader;
  /** Rows of all tables. */
  readonly rows: number;
}

/**
 * Writes all rows, the state of sequences and the list of applied migrations to one file of JSON lines (mode 0600). It is
 * one moment of the database, read in one REPEATABLE READ transaction while others go on writing; memory is bounded by a
 * few rows. What migrations make (tables, indexes, functions, grants) is not in it: a restore migrates. The file is there
 * as a whole or not at all; it holds the data in the clear.
 *
 * `database` is opened with the owner's credentials and `transactionTimeoutMs: 0`.
 * @throws as `Database.tx` does; what the file system says
 */
export async function backupDatabase(
  ctx: Context,
  database: Database,
  { service, file }: BackupOptions,
): Promise<BackupSummary> {
  return database.tx(
    ctx,
    async (tx) => {
      await tx.query(EXACT_TEXT);
      const found = await tablesOf(tx);
      if (found.some(({ isolated }) => isolated)) await tx.query('select fairlead.claim_every_tenant()');
      const migrations = await migrationsOf(tx);
      const tables = [];
      for (const table of found) {
        await tx.query(rowSecurityOf(table));
        const { rows } = await tx.query<{ count: string }>(`select count(*) as count from only ${qualified(table)}`);
        const columns = table.columns.map(({ name }) => name);
        tables.push({ schema: table.schema, name: table.name, columns, rows: Number(rows[0]?.count ?? 0) });
      }
      const header: BackupHeader = {
        fairlead: 'backup',
        format: BACKUP_FORMAT,
        service,
        takenAt: new Date(ctx.clock.now()).toISOString(),
        migrations,
        tables,
        sequences: await sequencesOf(tx),
      };
      let total = 0;
      await writeBackupFile(file, async (line) => {
        await line(JSON.stringify(header));
        for (const table of found) {
          const checksum = new TableChecksum();
          await readRows(tx, table, async (row) => {
            checksum.add(row);
            await line(row);
          });
          const end: TableEnd = { end: tableName(table), rows: checksum.rows, checksum: checksum.digest() };
          await line(JSON.stringify(end));
          total += checksum.rows;
        }
      });
      return { header, rows: total };
    },
    { isolation: 'repeatable read', readOnly: true },
  );
}
