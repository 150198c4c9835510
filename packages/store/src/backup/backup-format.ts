import { createHash } from 'node:crypto';

/** The version of the format below. A file of another one is refused. */
export const BACKUP_FORMAT = 1;

/** A migration that the database had when it was backed up. */
export interface BackupMigration {
  readonly set: string;
  readonly version: number;
  readonly name: string;
  /** SHA-256 of its text, in hex. */
  readonly checksum: string;
}

/** A table of a backup, in the order in which their rows follow. */
export interface BackupTable {
  readonly schema: string;
  readonly name: string;
  /** Columns that are stored: all but generated ones. */
  readonly columns: readonly string[];
  readonly rows: number;
}

/** Where a sequence stood. */
export interface BackupSequence {
  readonly schema: string;
  readonly name: string;
  /** A decimal number: sequences go beyond what JSON numbers hold exactly. */
  readonly last: string;
  readonly called: boolean;
}

/** The first line of a backup. */
export interface BackupHeader {
  readonly fairlead: 'backup';
  readonly format: typeof BACKUP_FORMAT;
  /** The service whose database it is; `broker` for the embedded broker. */
  readonly service: string;
  /** ISO 8601. */
  readonly takenAt: string;
  readonly migrations: readonly BackupMigration[];
  readonly tables: readonly BackupTable[];
  readonly sequences: readonly BackupSequence[];
}

/** What follows the rows of a table; a row is an array of what Postgres writes for each column, `null` for NULL. */
export interface TableEnd {
  readonly end: string;
  readonly rows: number;
  /** Sum of the rows' SHA-256, whatever their order, in hex. */
  readonly checksum: string;
}

/** The last line: without it the file is not whole. */
export interface FileEnd {
  readonly end: 'backup';
  /** SHA-256 of all lines before it, in hex. */
  readonly sha256: string;
}

/** `schema.name`, as messages and table ends name it. */
export const tableName = (table: { readonly schema: string; readonly name: string }): string =>
  `${table.schema}.${table.name}`;

const MODULUS = 2n ** 256n;

/** Counts rows and sums their hashes, so that two tables with the same rows agree whatever order they are read in. */
export class TableChecksum {
  #rows = 0;
  #sum = 0n;

  add(line: string): void {
    this.#rows += 1;
    this.#sum = (this.#sum + BigInt(`0x${createHash('sha256').update(line).digest('hex')}`)) % MODULUS;
  }

  get rows(): number {
    return this.#rows;
  }

  /** 64 hex digits. */
  digest(): string {
    return this.#sum.toString(16).padStart(64, '0');
  }
}
