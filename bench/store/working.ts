// Our queue, with what it has: tenants that share it fairly, keys that keep order, claims that are fenced by leases.

import { realClock, realRandom, type Context } from '@fairlead/core';
import { enqueue, enqueueMany, handle, leases, queue, worker, type Database, type Queue } from '@fairlead/store';
import type { Bed } from './bed.ts';
import { BATCH, enqueueRate, JOBS, payloadOf, perSecond, WARM_UP } from './jobs.ts';

const AT_ONCE = 1_000;
const TENANTS = 10;

/** Jobs done a second by as many workers of one process, each with a batch at hand. */
export async function working(bed: Bed, database: Database, workers: number): Promise<number> {
  const orders = ordersQueue(workers);
  await fill(database, bed.context, orders, 0, WARM_UP + JOBS);
  await bed.analyze();
  let startedAt = 0;
  await workOff(database, orders, workers, WARM_UP + JOBS, (done) => {
    if (done === WARM_UP) startedAt = performance.now();
  });
  return perSecond(JOBS, startedAt);
}

/**
 * Jobs done a second for each `step` of `count` that go through one queue, in which some 50 000 wait all the time: a table
 * that gets worse with what has gone through it shows here.
 */
export async function curve(database: Database, ctx: Context, count: number, step: number): Promise<readonly number[]> {
  const orders = ordersQueue(CURVE_WORKERS);
  const rates: number[] = [];
  let enqueued = BACKLOG;
  await fill(database, ctx, orders, 0, BACKLOG);
  let stepAt = performance.now();
  let feeding = Promise.resolve();
  await workOff(database, orders, CURVE_WORKERS, count, (done) => {
    if (done % AT_ONCE === 0 && enqueued < count) {
      const from = enqueued;
      enqueued += AT_ONCE;
      feeding = feeding.then(() => fill(database, ctx, orders, from, from + AT_ONCE));
    }
    if (done % step !== 0) return;
    rates.push(perSecond(step, stepAt));
    stepAt = performance.now();
  });
  await feeding;
  return rates;
}

const BACKLOG = 50_000;
const CURVE_WORKERS = 4;

function ordersQueue(workers: number): Queue<object> {
  return queue(`orders-${workers}`, { concurrency: BATCH, prefetch: BATCH });
}

async function workOff(
  database: Database,
  orders: Queue<object>,
  workers: number,
  count: number,
  onDone: (done: number) => void = () => {},
): Promise<void> {
  const clock = realClock();
  const random = realRandom();
  const all = Promise.withResolvers<void>();
  let done = 0;
  const handled = handle(orders, async () => {
    done += 1;
    onDone(done);
    if (done === count) all.resolve();
  });
  await using mine = leases({ database, holder: 'bench', clock, random });
  const running = Array.from({ length: workers }, () =>
    worker({ database, leases: mine, queues: [handled], clock, random }),
  );
  await all.promise;
  // Until the last are completed, not only done.
  await Promise.all(running.map((each) => each.close()));
}

/** Jobs a second that are enqueued one after the other, each by itself. */
export function enqueuing(database: Database, ctx: Context): Promise<number> {
  const single = queue<object>('single');
  return enqueueRate((index) => database.tx(ctx, (tx) => enqueue(tx, single, payloadOf(index)), { autocommit: true }));
}

/** Enqueues the jobs from one number up to another, of ten tenants, half of them with one of many keys. */
async function fill(
  database: Database,
  ctx: Context,
  orders: Queue<object>,
  first: number,
  end: number,
): Promise<void> {
  for (let from = first; from < end; from += AT_ONCE) {
    const tenant = `tenant-${(from / AT_ONCE) % TENANTS}`;
    const jobs = Array.from({ length: AT_ONCE }, (_, index) => ({
      payload: payloadOf(from + index),
      ...(index % 2 === 0 ? { key: `order-${from + index}` } : {}),
    }));
    await database.tx(ctx.derive({ tenant }), (tx) => enqueueMany(tx, orders, jobs));
  }
}
