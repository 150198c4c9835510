import { realClock } from '@fairlead/core';
import { afterEach } from 'vitest';
import { testDatabase, type TestDatabase } from '../testing/index.ts';
import { deliverySuite } from './testing/delivery-suite.fixture.ts';
import { endingSuite } from './testing/ending-suite.fixture.ts';
import type { JobPlace } from './testing/job-bed.ts';
import { jointDatabase } from './testing/joint-database.ts';
import { orderSuite } from './testing/order-suite.fixture.ts';

// On Postgres, where statements of several workers really run at the same time, and every claim is a row of its own.

const opened: TestDatabase[] = [];

afterEach(async () => {
  for (const held of opened.splice(0)) await held[Symbol.asyncDispose]();
});

const open = async (): Promise<JobPlace> => {
  const held = await testDatabase();
  opened.push(held);
  const clock = realClock();
  return { database: jointDatabase(held.database), clock, tick: () => clock.sleep(5) };
};

deliverySuite(open);
orderSuite(open);
endingSuite(open);
