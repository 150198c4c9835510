// The store's primitives on the embedded Postgres with fsync on: the log beside a plain table, a subscription, jobs, leases.

import { appending } from '../store/appending.ts';
import { storeBed } from '../store/bed.ts';
import { delay, reading } from '../store/following.ts';
import { holding } from '../store/holding.ts';
import { enqueuing, working } from '../store/working.ts';
import { printMeasurement } from './measurement.ts';

await using bed = await storeBed();
const { context } = bed;
// Before anything that leaves the server with work to do.
const { p50, p99 } = await delay(await bed.open(8), await bed.open(4), context);
const appended = await appending((connections) => bed.open(connections), context);
const pool = await bed.open(10);
const jobs = {
  'jobs-1': await working(bed, pool, 1),
  'jobs-4': await working(bed, pool, 4),
  enqueue: await enqueuing(pool, context),
};
const events = await reading(pool, context);
printMeasurement({
  ...appended,
  ...jobs,
  'subscribe-events-per-second': events,
  'subscribe-delay-p50-ms': p50,
  'subscribe-delay-p99-ms': p99,
  'lease-statements-per-second': await holding(pool, context),
});
