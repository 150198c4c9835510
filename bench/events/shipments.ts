// Workflows whose effects can be counted, for processes that are killed.

import { realClock, realRandom } from '@fairlead/core';
import { saga, sagas, type RunningSagas, type Saga } from '@fairlead/events';
import { leases, type Database, type Tx } from '@fairlead/store';

/** What a step's transaction did; a step that takes effect twice is there twice. */
export const EFFECTS = 'create table effect (run text not null, step text not null, at timestamptz not null)';

type Shipment = Saga<{ readonly id: string }, { readonly shipped: string }>;

/** Three transactions, and before the second of them work outside of the database that takes so long. */
export function shipment(outsideMs: number): Shipment {
  return saga('shipment', async (s, { id }: { readonly id: string }) => {
    const effect = (step: string) => (tx: Tx) =>
      tx.query('insert into effect values ($1, $2, fairlead.now())', [id, step]).then(() => null);
    await s.transaction('reserve', effect('reserve'));
    await s.step('load', (ctx) => ctx.clock.sleep(outsideMs, ctx.signal).then(() => null));
    await s.transaction('charge', effect('charge'));
    await s.transaction('confirm', effect('confirm'));
    return { shipped: id };
  });
}

/** A process' worth of them. */
export interface Shipping extends AsyncDisposable {
  readonly running: RunningSagas<{ readonly shipment: Shipment }>;
}

/** Runs them, with the leases that services have. */
export function shipping(database: Database, outsideMs: number): Shipping {
  const world = { database, clock: realClock(), random: realRandom() };
  const held = leases({ ...world, holder: 'shipping', ttlMs: 3_000 });
  const running = sagas({ ...world, leases: held, sagas: { shipment: shipment(outsideMs) } });
  return {
    running,
    async [Symbol.asyncDispose]() {
      await running.close();
      await held.close();
    },
  };
}
