// Workflows of three steps on ours, in this process and on a Postgres of its own.

import { realClock, realRandom, type Context } from '@fairlead/core';
import { saga, sagas, type Saga } from '@fairlead/events';
import { leases, type Database } from '@fairlead/store';
import { measureRuns, STEPS, type Order } from './runs.ts';
import { sleepingMiB } from './sleepers.ts';

/** The three steps. */
export const checkout: Saga<Order, unknown> = saga('checkout', async (s, order: Order) => {
  await s.step('reserve', () => STEPS.reserve(order));
  await s.step('charge', () => STEPS.charge(order));
  return s.step('confirm', () => STEPS.confirm(order));
});

const nap = saga('nap', async (s, order: Order) => {
  await s.step('reserve', () => STEPS.reserve(order));
  await s.sleep('3d');
  return s.step('confirm', () => STEPS.confirm(order));
});

/** Times them, and weighs those that sleep. */
export async function working(database: Database, ctx: Context): Promise<Record<string, number>> {
  const world = { database, clock: realClock(), random: realRandom() };
  const held = leases({ ...world, holder: 'bench' });
  await using running = sagas({ ...world, leases: held, sagas: { checkout, nap } });
  const sleeping = await sleepingMiB(
    (id, order) => running.start(ctx, 'nap', id, order),
    async () => {
      while (running.active > 0) await ctx.clock.sleep(50);
    },
  );
  const measured = await measureRuns(async (id, order) => {
    await running.start(ctx, 'checkout', id, order);
    const outcome = await running.result(ctx, 'checkout', id);
    return outcome.kind === 'completed' ? outcome.result : outcome;
  });
  await running.close();
  await held.close();
  return { ...measured, 'sleeping-10k-mib': sleeping };
}
