import { quoteIdentifier } from '../postgres/database-url.ts';
import type { Row, Sql } from '../database.ts';
import type { BackupMigration, BackupSequence } from './backup-format.ts';

/** A table as the server's catalogue has it. */
export interface CatalogTable {
  readonly schema: string;
  readonly name: string;
  readonly columns: readonly { readonly name: string; readonly type: string }[];
  /** Whether its rows are isolated by tenant (`fairlead.isolate`), the owner's reading included. */
  readonly isolated: boolean;
}

const OF_OURS = `n.nspname !~ '^pg_' and n.nspname <> 'information_schema'`;

/** A quoted, qualified name. */
export const qualified = (thing: { readonly schema: string; readonly name: string }): string =>
  `${quoteIdentifier(thing.schema)}.${quoteIdentifier(thing.name)}`;

/** Tables whose rows a backup holds: all that are stored, but the record of migrations, which migrating writes. */
export async function tablesOf(sql: Sql): Promise<readonly CatalogTable[]> {
  const { rows } = await sql.query<CatalogTable & Row>(
    `select n.nspname::text as schema, c.relname::text as name,
            json_agg(json_build_object('name', a.attname, 'type', format_type(a.atttypid, a.atttypmod))
                     order by a.attnum) as columns,
            bool_or(c.relforcerowsecurity and exists (
              select from pg_policy p where p.polrelid = c.oid and p.polname = 'fairlead_every_tenant')) as isolated
       from pg_class c
       join pg_namespace n on n.oid = c.relnamespace
       join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
      where c.relkind = 'r' and ${OF_OURS} and c.relname <> 'fairlead_migration'
      group by 1, 2 order by 1, 2`,
  );
  return rows;
}

/** What is applied, in the order of sets and versions. */
export async function migrationsOf(sql: Sql): Promise<readonly BackupMigration[]> {
  const { rows } = await sql.query<{ set: string; version: number; name: string; checksum: string }>(
    `select set_name as set, version, name, checksum from fairlead_migration order by set_name, version`,
  );
  return rows;
}

/** Where every sequence stands. */
export async function sequencesOf(sql: Sql): Promise<readonly BackupSequence[]> {
  const { rows } = await sql.query<{ schema: string; name: string }>(
    `select n.nspname::text as schema, c.relname::text as name from pg_class c
       join pg_namespace n on n.oid = c.relnamespace where c.relkind = 'S' and ${OF_OURS} order by 1, 2`,
  );
  const found: BackupSequence[] = [];
  for (const sequence of rows) {
    const state = await sql.query<{ last: string; called: boolean }>(
      `select last_value::text as last, is_called as called from ${qualified(sequence)}`,
    );
    found.push({ ...sequence, last: state.rows[0]?.last ?? '1', called: state.rows[0]?.called ?? false });
  }
  return found;
}

/** Statements that let rows come in any order, and those that put everything back. */
export interface Unchecked {
  readonly before: readonly string[];
  readonly after: readonly string[];
}

/** Takes foreign keys, triggers and walls between tenants away for a transaction: a backup's rows were checked when they were written. */
export async function uncheckedTables(sql: Sql): Promise<Unchecked> {
  const keys = await sql.query<{ on_table: string; name: string; definition: string }>(
    `select c.conrelid::regclass::text as on_table, c.conname::text as name, pg_get_constraintdef(c.oid) as definition
       from pg_constraint c join pg_namespace n on n.oid = c.connamespace
      where c.contype = 'f' and c.conparentid = 0 and ${OF_OURS}`,
  );
  const triggers = await sql.query<{ on_table: string; name: string; enabled: 'O' | 'A' | 'R' }>(
    `select t.tgrelid::regclass::text as on_table, t.tgname::text as name, t.tgenabled::text as enabled
       from pg_trigger t join pg_class c on c.oid = t.tgrelid join pg_namespace n on n.oid = c.relnamespace
      where not t.tgisinternal and t.tgparentid = 0 and t.tgenabled <> 'D' and ${OF_OURS}`,
  );
  const forced = await sql.query<{ name: string }>(
    `select c.oid::regclass::text as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
      where c.relkind in ('r', 'p') and c.relforcerowsecurity and ${OF_OURS}`,
  );
  const how = { O: 'enable trigger', A: 'enable always trigger', R: 'enable replica trigger' };
  return {
    before: [
      ...forced.rows.map(({ name }) => `alter table ${name} no force row level security`),
      ...keys.rows.map((key) => `alter table ${key.on_table} drop constraint ${quoteIdentifier(key.name)}`),
      ...triggers.rows.map((each) => `alter table ${each.on_table} disable trigger ${quoteIdentifier(each.name)}`),
    ],
    after: [
      'set constraints all immediate',
      ...keys.rows.map(
        (key) => `alter table ${key.on_table} add constraint ${quoteIdentifier(key.name)} ${key.definition}`,
      ),
      ...triggers.rows.map((each) => `alter table ${each.on_table} ${how[each.enabled]} ${quoteIdentifier(each.name)}`),
      // The last: foreign keys are checked by reading.
      ...forced.rows.map(({ name }) => `alter table ${name} force row level security`),
    ],
  };
}

/** Materialised views, the oldest first: a backup does not hold them, what they show follows from tables. */
export async function materializedViewsOf(sql: Sql): Promise<readonly string[]> {
  const { rows } = await sql.query<{ name: string }>(
    `select c.oid::regclass::text as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
      where c.relkind = 'm' and ${OF_OURS} order by c.oid`,
  );
  return rows.map((row) => row.name);
}
