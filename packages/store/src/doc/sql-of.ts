import type { Sql } from '../database.ts';
import type { DocSource } from './doc-types.ts';

/** What statements are sent to: the transaction itself, or the database, each on its own. */
export function sqlOf(from: DocSource): Sql {
  if (!('database' in from)) return from;
  const { ctx, database } = from;
  return { query: (text, params) => database.query(ctx, text, params) };
}
