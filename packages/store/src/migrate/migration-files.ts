import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { fail } from '../errors.ts';

/** A migration as text. */
export interface MigrationFile {
  /** `NNNN_name.sql`. */
  readonly name: string;
  readonly sql: string;
}

/** A migration that is ready to apply. */
export interface Migration extends MigrationFile {
  readonly version: number;
  /** SHA-256 of the text, line ends normalised, in hex. */
  readonly checksum: string;
}

/**
 * Reads and orders a set's migrations. Files that don't end in `.sql` are not looked at.
 * @throws MIGRATION_INVALID naming the directory or file
 */
export async function readMigrations(set: string, from: URL | readonly MigrationFile[]): Promise<readonly Migration[]> {
  const files = from instanceof URL ? await readDirectory(set, from) : from;
  const migrations = files.map((file) => toMigration(set, file)).toSorted((a, b) => a.version - b.version);
  for (const [index, migration] of migrations.entries()) {
    const before = migrations[index - 1];
    if (before?.version === migration.version) {
      throw fail(
        'MIGRATION_INVALID',
        `${set}: ${before.name} and ${migration.name} have the same number. Renumber the newer one.`,
      );
    }
  }
  return migrations;
}

async function readDirectory(set: string, directory: URL): Promise<readonly MigrationFile[]> {
  const base = directory.href.endsWith('/') ? directory : new URL(`${directory.href}/`);
  try {
    const names = (await readdir(base)).filter((name) => name.endsWith('.sql'));
    return await Promise.all(
      names.map(async (name) => ({ name, sql: await readFile(new URL(encodeURIComponent(name), base), 'utf8') })),
    );
  } catch (error) {
    throw fail(
      'MIGRATION_INVALID',
      `${set}: the migrations in ${base.pathname} can't be read. Make the directory or correct the path.`,
      { cause: error },
    );
  }
}

function toMigration(set: string, { name, sql }: MigrationFile): Migration {
  const number = /^(\d{4})_[a-z0-9][a-z0-9_-]*\.sql$/.exec(name)?.[1];
  if (number === undefined) {
    throw fail(
      'MIGRATION_INVALID',
      `${set}: "${name}" is not a migration's name. Call it NNNN_what_it_does.sql, such as 0001_orders.sql.`,
    );
  }
  const checksum = createHash('sha256').update(sql.replaceAll('\r\n', '\n')).digest('hex');
  return { name, sql, version: Number(number), checksum };
}
