import { quoteIdentifier } from '../postgres/database-url.ts';
import type { Tx } from '../database.ts';
import { qualified, type CatalogTable } from './catalog.ts';

/** Rows fetched at once: what a table of large values holds in memory. */
const FETCH = 64;

/**
 * Makes values come and go as the same text whatever the server's settings, and a policy that would hide rows an error.
 * For the transaction.
 */
export const EXACT_TEXT = `set local datestyle = 'ISO, YMD'; set local timezone = 'UTC'; set local intervalstyle = 'postgres';
  set local extra_float_digits = 1; set local bytea_output = 'hex'; set local row_security = off`;

/** Lets a table's rows be read: those of an isolated one under the claim of the transaction, and any other hides nothing. */
export function rowSecurityOf(table: CatalogTable): string {
  return `set local row_security = ${table.isolated ? 'on' : 'off'}`;
}

/** Calls `onRow` with each row of a table as a line of JSON: an array of texts and nulls. Memory is bounded by a few rows. */
export async function readRows(
  tx: Tx,
  table: CatalogTable,
  onRow: (line: string) => void | Promise<void>,
): Promise<void> {
  const values = table.columns.map(({ name }) => `t.${quoteIdentifier(name)}::text`).join(', ');
  await tx.query(rowSecurityOf(table));
  await tx.query(
    `declare fairlead_backup no scroll cursor for
       select to_json(array[${values}]::text[])::text as line from only ${qualified(table)} t`,
  );
  for (;;) {
    const { rows } = await tx.query<{ line: string }>(`fetch ${FETCH} from fairlead_backup`);
    for (const { line } of rows) await onRow(line);
    if (rows.length < FETCH) break;
  }
  await tx.query('close fairlead_backup');
}

/** Inserts rows that `readRows` gave, identity columns included. */
export async function writeRows(tx: Tx, table: CatalogTable, lines: readonly string[]): Promise<void> {
  if (lines.length === 0) return;
  const names = table.columns.map(({ name }) => quoteIdentifier(name)).join(', ');
  const values = table.columns.map(({ type }, index) => `(e.value->>${index})::${type}`).join(', ');
  await tx.query(
    `insert into ${qualified(table)} (${names}) overriding system value
       select ${values} from json_array_elements($1::text::json) with ordinality e(value, ordinal) order by e.ordinal`,
    [`[${lines.join(',')}]`],
  );
}
