import { PGlite } from '@electric-sql/pglite';
import { createContext, realRandom, virtualClock } from '@fairlead/core';
import { afterAll, beforeAll } from 'vitest';
import { migrateStore } from '../../migrate/migrate.ts';
import { pgliteDatabase } from '../../pglite/index.ts';
import type { JobPlace } from './job-bed.ts';

/** Places for jobs in memory, on virtual clocks, each in a schema of its own of one PGlite of the test file. A tick is `tickMs`; default 10. */
export function pglitePlaces(tickMs = 10): () => Promise<JobPlace> {
  let pglite: PGlite;
  let schemas = 0;
  beforeAll(async () => {
    pglite = await PGlite.create();
  });
  afterAll(() => pglite.close());
  return async () => {
    const clock = virtualClock({ startMs: Date.UTC(2030, 0, 1) });
    const database = pgliteDatabase({ pglite, schema: `s${(schemas += 1)}`, name: 'orders', clock });
    const ctx = createContext({ clock, random: realRandom() });
    await migrateStore(ctx, database);
    const tick = async (): Promise<void> => {
      await clock.advance(tickMs);
      // Statements take turns on one session, so those before this one have been answered.
      await database.query(ctx, 'select 1');
    };
    return { database, clock, tick };
  };
}
