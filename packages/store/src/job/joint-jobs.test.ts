import { PGlite } from '@electric-sql/pglite';
import { createContext, realRandom, virtualClock } from '@fairlead/core';
import { afterAll, beforeAll } from 'vitest';
import { migrateStore } from '../migrate/migrate.ts';
import { pgliteDatabase } from '../pglite/index.ts';
import { deliverySuite } from './testing/delivery-suite.fixture.ts';
import { endingSuite } from './testing/ending-suite.fixture.ts';
import type { JobPlace } from './testing/job-bed.ts';
import { jointDatabase } from './testing/joint-database.ts';
import { orderSuite } from './testing/order-suite.fixture.ts';

// In memory, where every claim is a row of its own.

let pglite: PGlite;
let schemas = 0;

beforeAll(async () => {
  pglite = await PGlite.create();
});
afterAll(() => pglite.close());

const open = async (): Promise<JobPlace> => {
  const clock = virtualClock({ startMs: Date.UTC(2030, 0, 1) });
  const database = pgliteDatabase({ pglite, schema: `s${(schemas += 1)}`, name: 'orders', clock });
  const ctx = createContext({ clock, random: realRandom() });
  await migrateStore(ctx, database);
  const tick = async (): Promise<void> => {
    await clock.advance(10);
    // Statements take turns on one session, so those before this one have been answered.
    await database.query(ctx, 'select 1');
  };
  return { database: jointDatabase(database), clock, tick };
};

deliverySuite(open);
orderSuite(open);
endingSuite(open);
