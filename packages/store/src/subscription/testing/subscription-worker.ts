// A process that subscribes until it is killed: node subscription-worker.ts <url> <name> <exact|careless>
import { realClock, realRandom } from '@fairlead/core';
import type { Tx } from '../../database.ts';
import { leases } from '../../lease/leases.ts';
import type { LoggedEvent } from '../../log/log-types.ts';
import { openDatabase } from '../../postgres/postgres-database.ts';
import { subscribe } from '../subscribe.ts';

const [url = '', name = '', how = ''] = process.argv.slice(2);
const clock = realClock();
const random = realRandom();
const database = openDatabase({ url, name, clock, maxConnections: 8 });
const held = leases({ database, holder: name, clock, random, ttlMs: 600, renewEveryMs: 150 });
const settings = { database, name: 'effects', clock, random, shards: 3, leases: held, batchSize: 20, pollMs: 20 };

/** One row each; an event of a key that fails now and then parks it. */
async function write(tx: Pick<Tx, 'query'>, events: readonly LoggedEvent[]): Promise<void> {
  for (const { key, data } of events) {
    await tx.query('insert into effect (key, n) values ($1, $2)', [key, data]);
    if (random.next() < 0.01) throw new Error('now and then');
  }
  await clock.sleep(random.next() * 10);
}

const backoff = { baseMs: 10, maxMs: 100 };
if (how === 'exact') subscribe({ ...settings, backoff, maxAttempts: 1_000, handler: write });
// The effect is a transaction of its own: what a consumer does that keeps its cursor elsewhere.
else
  subscribe({
    ...settings,
    backoff,
    maxAttempts: 1_000,
    deliver: (ctx, events) => database.tx(ctx, (tx) => write(tx, events)),
  });
