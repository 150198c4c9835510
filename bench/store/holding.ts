// What it costs to hold leases: statements a second of a process that holds ten thousand and does nothing else.

import { realClock, realRandom, type Context } from '@fairlead/core';
import { leases, type Database } from '@fairlead/store';

const LEASES = 10_000;
const AT_ONCE = 16;
const TTL_MS = 3_000;
const RENEWALS = 5;

/** Statements of one renewal interval, with all leases held throughout. */
export async function holding(database: Database, ctx: Context): Promise<number> {
  const { counted, count } = counting(database);
  const clock = realClock();
  await using mine = leases({ database: counted, holder: 'bench', clock, random: realRandom(), ttlMs: TTL_MS });
  const held = [];
  for (let from = 0; from < LEASES; from += AT_ONCE) {
    const results = await Promise.all(
      Array.from({ length: AT_ONCE }, (_, index) => mine.acquire(ctx, `lease ${from + index}`)),
    );
    held.push(...results);
  }
  const before = count();
  await clock.sleep((RENEWALS * TTL_MS) / 3);
  const statements = count() - before;
  if (held.some((result) => result.kind !== 'held' || result.lease.remainingMs() === 0))
    throw new Error('a lease was lost');
  return statements / RENEWALS;
}

function counting(database: Database): { readonly counted: Database; readonly count: () => number } {
  let statements = 0;
  const counted: Database = {
    name: database.name,
    tx: (ctx, work, options) => {
      statements += 1;
      return database.tx(ctx, work, options);
    },
    query: (ctx, text, params) => {
      statements += 1;
      return database.query(ctx, text, params);
    },
    listen: (channel, onNotify) => database.listen(channel, onNotify),
    close: (options) => database.close(options),
    [Symbol.asyncDispose]: () => database[Symbol.asyncDispose](),
  };
  return { counted, count: () => statements };
}
