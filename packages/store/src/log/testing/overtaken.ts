import type { Context } from '@fairlead/core';
import type { Database, Tx } from '../../database.ts';
import type { LogReader } from '../log-reader.ts';
import { begin } from './held-transaction.ts';

/**
 * B writes state first (its transaction's id is the older), A writes state and appends at 1, B appends at 2 and commits, then A
 * commits. What `reader` delivers before and after A's commit. Needs a table `state (id integer)`.
 *
 * After B's commit the server's oldest running transaction (xmin) is A, and A's id is also where the snapshot ends (xmax):
 * "everybody who was under way has ended", and A has not.
 */
export async function overtaken(ctx: Context, database: Database, reader: LogReader): Promise<readonly unknown[]> {
  const b = await begin(ctx, database);
  await b.tx.query('insert into state values (2)');
  const a = await begin(ctx, database);
  await a.tx.query('insert into state values (1)');
  await write(a.tx, 'A');
  await write(b.tx, 'B');
  await b.commit();
  const delivered: unknown[] = [];
  let after = 0n;
  for (const end of [async () => {}, () => a.commit(), async () => {}]) {
    const events = await reader.read(ctx, { after, limit: 10 });
    delivered.push(...events.map(({ data }) => data));
    after = events.at(-1)?.position ?? after;
    await end();
  }
  return delivered;
}

/** An append that announces nothing: that takes a transaction id of its own, and at the wrong moment. */
async function write(tx: Tx, name: string): Promise<void> {
  await tx.query(
    `select fairlead_log_append($1::text, -1, array[$1::text], '{t}', '{1}', '{k}', array[to_json($1::text)::text], null, null, null, 't', 'c', null,
       'default')`,
    [name],
  );
}
