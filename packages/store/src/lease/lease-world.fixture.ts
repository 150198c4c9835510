import { PGlite } from '@electric-sql/pglite';
import { createContext, realRandom, virtualClock, type Context, type Random, type VirtualClock } from '@fairlead/core';
import { afterAll, beforeAll, beforeEach } from 'vitest';
import type { Database } from '../database.ts';
import { migrateStore } from '../migrate/migrate.ts';
import { pgliteDatabase } from '../pglite/index.ts';
import type { Leases } from './lease-types.ts';
import { leases } from './leases.ts';

/** Processes that hold leases of one database, on a clock that stands until it is moved. New for each test. */
export interface LeaseWorld {
  readonly clock: VirtualClock;
  readonly random: Random;
  readonly database: Database;
  context(): Context;
  /** A process; its leases last 900 ms and are renewed each 300. */
  open(holder: string, on?: Database): Leases;
  /** Lets time go by, a tenth of a second after the other, with what is asked of the database answered in between. */
  pass(ms: number): Promise<void>;
}

/** Makes a world before each test of the file or `describe` that it is called in. The clock begins half a second past midnight. */
export function useLeaseWorld(): LeaseWorld {
  const random = realRandom();
  let pglite: PGlite;
  let clock: VirtualClock;
  let database: Database;
  let schemas = 0;
  const context = (): Context => createContext({ clock, random });
  beforeAll(async () => {
    pglite = await PGlite.create();
  });
  afterAll(() => pglite.close());
  beforeEach(async () => {
    clock = virtualClock({ startMs: START_MS });
    database = pgliteDatabase({ pglite, schema: `s${(schemas += 1)}`, name: 'orders', clock });
    await migrateStore(context(), database);
  });
  return {
    random,
    get clock() {
      return clock;
    },
    get database() {
      return database;
    },
    context,
    open: (holder, on = database) => leases({ database: on, holder, clock, random, ttlMs: 900, renewEveryMs: 300 }),
    async pass(ms) {
      for (let left = ms; left > 0; left -= 100) {
        await clock.advance(Math.min(100, left));
        // Statements take turns on one session, so those before this one have been answered; their answers may lead to others.
        for (let turn = 0; turn < 3; turn += 1) {
          await database.query(context(), 'select 1');
          await clock.advance(0);
        }
      }
    },
  };
}

const START_MS = Date.UTC(2030, 0, 1) + 500;
