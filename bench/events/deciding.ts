// Commands to deciders beside what they come down to: a transaction that reads a stream's rows, decides, and inserts one.

import { uuidV7, type Context } from '@fairlead/core';
import { decider, handle } from '@fairlead/events';
import type { Database } from '@fairlead/store';
import { spread } from '../statistics.ts';
import { decide, evolve, INITIAL, measureCommands, type Account, type Command, type Event } from './commands.ts';

const ROUNDS = 3;

/** The same columns and indexes as the log's. */
const PLAIN = `create table plain (like fairlead_log including all);
  alter table plain alter position add generated always as identity`;
const READ = 'select version, type, data from plain where stream = $1 order by version';
const WRITE = `insert into plain (stream, version, id, type, schema_version, key, data, time, traceparent, correlation_id, criticality)
  values ($1, $2, $3, $4, 1, $1, $5, fairlead.now(), $6, $7, 'default')`;
const trace = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';

/** The accounts of the comparison as ours. */
const AccountDecider = decider<Command, Event, Account>({
  name: 'account',
  initial: () => INITIAL,
  decide,
  evolve: {
    charged: (state, data) => evolve(state, { type: 'charged', data }),
    refunded: (state, data) => evolve(state, { type: 'refunded', data }),
  },
});

/** Commands a second: ours by itself, ours in a transaction of the caller's, and the bare transaction; medians of rounds in turn. */
export async function deciding(database: Database, ctx: Context) {
  for (const text of PLAIN.split(';')) await database.query(ctx, text);
  const ours: number[] = [];
  const inTx: number[] = [];
  const plain: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const on = { ctx, database };
    ours.push(await measureCommands((id, command) => handle(on, AccountDecider, `${round}-${id}`, command)));
    plain.push(await measureCommands((id, command) => bare(database, ctx, `${round}-${id}`, command)));
    inTx.push(
      await measureCommands((id, command) =>
        database.tx(ctx, (tx) => handle(tx, AccountDecider, `tx-${round}-${id}`, command)),
      ),
    );
  }
  return {
    decider: spread(ours).median,
    'decider-in-tx': spread(inTx).median,
    'decider-bare': spread(plain).median,
  };
}

/** What a careful hand would write: the table's unique (stream, version) keeps two from deciding on the same state. */
function bare(database: Database, ctx: Context, stream: string, command: Command): Promise<Account> {
  return database.tx(ctx, async (tx) => {
    const { rows } = await tx.query<{ version: string } & Event>(READ, [stream]);
    const before = rows.reduce<Account>(evolve, INITIAL);
    const event = decide(command, before);
    const version = Number(rows.at(-1)?.version ?? 0) + 1;
    const { type, data } = event;
    const values = [stream, version, uuidV7(ctx), type, JSON.stringify(data), trace, ctx.correlationId];
    await tx.query(WRITE, values);
    return evolve(before, event);
  });
}
