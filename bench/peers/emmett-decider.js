// Commands to deciders with Emmett on the embedded Postgres with fsync on; its own pool.

import { DeciderCommandHandler } from '@event-driven-io/emmett';
import { getPostgreSQLEventStore } from '@event-driven-io/emmett-postgresql';
import { INITIAL, decide, evolve, measureCommands } from '../events/commands.ts';
import { storeBed } from '../store/bed.ts';

// Its pool takes the end of the server for a failure of its own.
process.on('uncaughtException', (error) => {
  if (error.code !== '57P01') throw error;
});
await using bed = await storeBed();
const store = getPostgreSQLEventStore(bed.url, { schema: { autoMigration: 'CreateOrUpdate' } });
await store.schema.migrate();
const handle = DeciderCommandHandler({ decide, evolve, initialState: () => INITIAL });
const rate = await measureCommands((account, command) => handle(store, account, command));
await store.close();
console.log(JSON.stringify({ decider: rate }));
