import type { Context } from '@fairlead/core';
import { dropDocs, type Database } from '@fairlead/store';
import { documentsOf, marksOf, type Build } from './build.ts';

const BATCH = 5_000;
const TABLE = /^[a-z][a-z0-9_]*$/;

/** Removes what a build holds, in short transactions. Once nobody writes it any more. */
export async function emptyBuild(ctx: Context, database: Database, view: string, build: Build): Promise<void> {
  await dropDocs(ctx, database, documentsOf(view, build));
  await dropDocs(ctx, database, marksOf(view, build));
  for (const table of Object.values(build.tables)) if (TABLE.test(table)) await emptyTable(ctx, database, table);
}

async function emptyTable(ctx: Context, database: Database, table: string): Promise<void> {
  const { rows } = await database.query<{ there: boolean }>(ctx, 'select to_regclass($1) is not null as there', [
    table,
  ]);
  // A migration may have dropped it since.
  if (rows[0]?.there !== true) return;
  for (;;) {
    const { rowCount } = await database.query(
      ctx,
      `delete from ${table} where ctid = any (array(select ctid from ${table} limit ${BATCH}))`,
    );
    if (rowCount === 0) return;
  }
}
