import { fileURLToPath } from 'node:url';
import { loadPlatform } from '@fairlead/platform';
import { simulate, type World } from '@fairlead/testing';
import { expect, test } from 'vitest';
import { memoryLedger } from './billing/ledger.ts';
import { provider } from './billing/provider.ts';

const blueprint = fileURLToPath(new URL('./platform.ts', import.meta.url));

/** Billing takes longer than an order may be pending, and payments is killed right after billing has booked the refund. */
async function latePayment(seed: number) {
  const ledger = memoryLedger();
  const scenario = async (world: World) => {
    const alice = { tenant: 'acme', subject: 'alice' };
    const items = [{ sku: 'SHACKLE-8', quantity: 2 }];
    const placed = await world.call<{ id: string }>(
      'orders',
      'placeOrder',
      { items },
      { ...alice, idempotencyKey: 'order-1' },
    );
    const order = await world.until(async () => {
      const { id } = placed.body;
      const { body } = await world.call<{ status: string; reason: string }>('orders', 'getOrder', { id }, alice);
      return body.status === 'pending' ? undefined : body;
    });
    expect(order).toMatchObject({ status: 'cancelled', reason: 'not paid in time' });

    await world.until(async () => (ledger.entries.some(({ type }) => type === 'refund') ? true : undefined));
    world.crash('payments');
    await world.until(async () => {
      const rows = await world.look('payments', `select from payment where type = 'refunded'`);
      return rows.length > 0 ? true : undefined;
    });
    expect(ledger.entries.map(({ type, amountCents }) => ({ type, amountCents }))).toEqual([
      { type: 'charge', amountCents: 1300 },
      { type: 'refund', amountCents: 1300 },
    ]);
    await world.until(async () => {
      const rows = await world.look<{ queue: string }>('payments', 'select queue from fairlead_job');
      return rows.length === 0 ? true : undefined;
    });
  };
  return simulate({
    platform: await loadPlatform(blueprint),
    seed,
    scenario,
    env: { PENDING_FOR: '1s' },
    externals: {
      billing(clock) {
        const billing = provider({ ledger, sleep: (delayMs) => clock.sleep(delayMs) });
        void billing({ method: 'PUT', path: '/faults', headers: {}, body: '{"latencyMs":3000}' });
        return billing;
      },
    },
  });
}

test('an order that is paid too late is given up and refunded once, though payments is killed meanwhile; the same for a seed', async () => {
  const first = await latePayment(11);
  const again = await latePayment(11);
  expect(again).toEqual(first);
  // The refund's job came back when the lease of the life that was killed had lapsed.
  expect(first.virtualMs).toBeGreaterThan(10_000);
});
