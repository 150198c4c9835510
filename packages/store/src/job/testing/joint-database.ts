import type { Context } from '@fairlead/core';
import type { Database, QueryResult } from '../../database.ts';

/** Where fairlead_job_take is told from how many jobs on a claim is a row of its own. */
const MANY = 19;

/** `database`, on which every claim is a row of its own, of however few jobs. */
export function jointDatabase(database: Database): Database {
  const query = (ctx: Context, text: string, params?: readonly unknown[]): Promise<QueryResult> =>
    database.query(ctx, text, text.includes('fairlead_job_take') ? params?.with(MANY, 1) : params);
  return {
    name: database.name,
    tx: (ctx, work, options) => database.tx(ctx, work, options),
    // What the columns are is the caller's claim about its own statement.
    query: query as Database['query'],
    listen: (channel, onNotify) => database.listen(channel, onNotify),
    close: (options) => database.close(options),
    [Symbol.asyncDispose]: () => database[Symbol.asyncDispose](),
  };
}
