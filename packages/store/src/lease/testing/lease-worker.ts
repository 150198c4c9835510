// A process that works under leases until it is killed: node lease-worker.ts <url> <name> <guarded|unguarded> <lease>…
import { createContext, realClock, realRandom } from '@fairlead/core';
import type { Lease } from '../lease-types.ts';
import { leases } from '../leases.ts';
import { openDatabase } from '../../postgres/postgres-database.ts';

const [url = '', name = '', how = '', ...names] = process.argv.slice(2);
const clock = realClock();
const random = realRandom();
const database = openDatabase({ url, name, clock, maxConnections: 6 });
const mine = leases({ database, holder: name, clock, random, ttlMs: 500, renewEveryMs: 150 });

/** Reads what was written last, works, writes on top of it. False when it had to give up. */
async function write(lease: Lease): Promise<boolean> {
  using ctx = createContext({ clock, random, timeoutMs: 5_000 });
  const { rows } = await database.query(ctx, 'select coalesce(max(seq), 0)::int as seq from effect where name = $1', [
    lease.name,
  ]);
  if (lease.remainingMs() === 0) return false;
  await clock.sleep(random.next() * 40);
  await database.tx(ctx, async (tx) => {
    if (how === 'guarded') await lease.guard(tx);
    await tx.query('insert into effect (name, token, process, read) values ($1, $2, $3, $4)', [
      lease.name,
      lease.token.toString(),
      name,
      rows[0]?.['seq'],
    ]);
    // Long enough to be stopped or cut off between the guard and the commit.
    await clock.sleep(random.next() * 10);
  });
  return random.next() > 0.05;
}

/** After any failure it lets go: what it was doing may still be under way on the server. */
async function workOn(each: string): Promise<never> {
  for (;;) {
    using ctx = createContext({ clock, random, timeoutMs: 5_000 });
    try {
      const result = await mine.acquire(ctx, each);
      if (result.kind === 'held') {
        try {
          while (await write(result.lease));
        } finally {
          using releasing = createContext({ clock, random, timeoutMs: 5_000 });
          await result.lease.release(releasing);
        }
      }
    } catch {
      // Cut off, too late or taken over: from the beginning.
    }
    await clock.sleep(20 + random.next() * 60);
  }
}

await Promise.all(names.map(workOn));
