import { deliverySuite } from './testing/delivery-suite.fixture.ts';
import { endingSuite } from './testing/ending-suite.fixture.ts';
import type { JobPlace } from './testing/job-bed.ts';
import { jointDatabase } from './testing/joint-database.ts';
import { orderSuite } from './testing/order-suite.fixture.ts';
import { pglitePlaces } from './testing/pglite-place.fixture.ts';

// In memory, where every claim is a row of its own.

const places = pglitePlaces();
const open = async (): Promise<JobPlace> => {
  const place = await places();
  return { ...place, database: jointDatabase(place.database) };
};

deliverySuite(open);
orderSuite(open);
endingSuite(open);
