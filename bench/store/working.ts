// Our queue, with what it has: tenants that share it fairly, keys that keep order, claims that are fenced by leases.

import { realClock, realRandom, type Context } from '@fairlead/core';
import { enqueue, enqueueMany, handle, leases, queue, worker, type Database } from '@fairlead/store';
import { BATCH, enqueueRate, JOBS, payloadOf, perSecond } from './jobs.ts';

const AT_ONCE = 1_000;
const TENANTS = 10;

/** Jobs done a second by as many workers of one process, each with a batch at hand. */
export async function working(database: Database, ctx: Context, workers: number): Promise<number> {
  const orders = queue<object>(`orders-${workers}`, { concurrency: BATCH, prefetch: BATCH });
  await fill(database, ctx, orders, JOBS);
  const clock = realClock();
  const random = realRandom();
  const all = Promise.withResolvers<void>();
  let done = 0;
  const handled = handle(orders, async () => {
    done += 1;
    if (done === JOBS) all.resolve();
  });
  await using mine = leases({ database, holder: 'bench', clock, random });
  const startedAt = performance.now();
  const running = Array.from({ length: workers }, () =>
    worker({ database, leases: mine, queues: [handled], clock, random }),
  );
  await all.promise;
  // Until the last are completed, not only done.
  await Promise.all(running.map((each) => each.close()));
  return perSecond(JOBS, startedAt);
}

/** Jobs a second that are enqueued one after the other, each in a transaction of its own. */
export function enqueuing(database: Database, ctx: Context): Promise<number> {
  const single = queue<object>('single');
  return enqueueRate((index) => database.tx(ctx, (tx) => enqueue(tx, single, payloadOf(index))));
}

/** Enqueues `count` jobs of ten tenants, half of them with one of many keys. */
export async function fill(
  database: Database,
  ctx: Context,
  orders: ReturnType<typeof queue<object>>,
  count: number,
): Promise<void> {
  for (let from = 0; from < count; from += AT_ONCE) {
    const tenant = `tenant-${(from / AT_ONCE) % TENANTS}`;
    await database.tx(ctx.derive({ tenant }), (tx) =>
      enqueueMany(
        tx,
        orders,
        Array.from({ length: AT_ONCE }, (_, index) => ({
          payload: payloadOf(from + index),
          ...(index % 2 === 0 ? { key: `order-${from + index}` } : {}),
        })),
      ),
    );
  }
}
