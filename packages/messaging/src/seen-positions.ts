import type { Context } from '@fairlead/core';
import type { Database } from '@fairlead/store';

/**
 * How far a database has seen the logs of others, by source: as a broker, by its copies; as a consumer's, by its cursors and
 * marks: what is parked has a mark or lies below the cursor. After a log was restored it must go on above all of these. Empty for a database that has not
 * been migrated. With the owner's credentials.
 */
export async function seenPositions(ctx: Context, database: Database): Promise<ReadonlyMap<string, bigint>> {
  const found = await database.query<{ name: string }>(
    ctx,
    `SELECT c.relname::text AS name FROM pg_class c WHERE c.oid = ANY (ARRAY[to_regclass('fairlead_source'),
       to_regclass('fairlead_cursor'), to_regclass('fairlead_inbox')]::oid[])`,
  );
  const there = new Set(found.rows.map((row) => row.name));
  const parts = [
    ['fairlead_source', 'published'],
    ['fairlead_cursor', 'position'],
    ['fairlead_inbox', 'position'],
  ].flatMap(([table = '', column = '']) =>
    there.has(table) ? [`SELECT source, ${column} AS position FROM ${table}`] : [],
  );
  if (parts.length === 0) return new Map();
  const { rows } = await database.query<{ source: string; position: string }>(
    ctx,
    `SELECT source, max(position)::text AS position FROM (${parts.join(' UNION ALL ')}) seen GROUP BY source`,
  );
  return new Map(rows.map((row) => [row.source, BigInt(row.position)]));
}
