import type { Context } from '@fairlead/core';
import type { Database } from '../database.ts';
import { acrossTenants } from '../tenancy/across-tenants.ts';

const SWEEP = `delete from fairlead_doc where ctid = any (array(
  select ctid from fairlead_doc where expires_at <= fairlead.now() order by expires_at limit $1 for update skip locked))`;

/**
 * Removes the rows of documents that have expired, whatever their namespace, `batchSize` in a statement (default 1 000; at
 * least 1), until none is left or the Context ends. They were absent before; this gives their room back, so once an hour is
 * plenty. Several processes may do it at once. Resolves to how many it removed.
 */
export async function sweepDocs(
  ctx: Context,
  database: Database,
  { batchSize = 1_000 }: { readonly batchSize?: number } = {},
): Promise<number> {
  for (let removed = 0; ;) {
    const { rowCount } = await database.query(ctx, SWEEP, [batchSize]);
    removed += rowCount;
    if (rowCount < batchSize) return removed;
  }
}

const DROP = `delete from fairlead_doc where ctid = any (array(
  select ctid from fairlead_doc where namespace = $1 limit $2 for update skip locked))`;

/**
 * Removes every document of a namespace, whosever they are, `batchSize` in a statement (default 1 000; at least 1). Those that
 * somebody has locked are left for another call. Resolves to how many it removed.
 */
export async function dropDocs(
  ctx: Context,
  database: Database,
  namespace: string,
  { batchSize = 1_000 }: { readonly batchSize?: number } = {},
): Promise<number> {
  const whole = acrossTenants(database);
  for (let removed = 0; ;) {
    const { rowCount } = await whole.query(ctx, DROP, [namespace, batchSize]);
    removed += rowCount;
    if (rowCount < batchSize) return removed;
  }
}
