// One order through the simulated shop, with a lost answer and a crash on its way:
// `node --conditions=@fairlead/source examples/shop/simulation.ts [seed]` prints what happened, as a hash.
import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import { loadPlatform } from '@fairlead/platform';
import { simulate, type FaultOptions, type Simulation, type World } from '@fairlead/testing';
import { memoryLedger, type Ledger } from './billing/ledger.ts';
import { provider } from './billing/provider.ts';

const blueprint = fileURLToPath(new URL('./platform.ts', import.meta.url));

/** What `oneOrder` may be given besides its seed. */
export interface OneOrderOptions {
  /** Losses and breaks besides those that are planned. Default none. */
  readonly faults?: FaultOptions;
  /** Goes on beside the order, such as further crashes. Default nothing. */
  readonly meanwhile?: (world: World) => Promise<void>;
  /** Billing's ledger. Default a new one in memory. */
  readonly ledger?: Ledger;
  /** Keeps the trace as text. Default false. */
  readonly keepLines?: boolean;
}

/** An order is placed, billing's answer to the charge is lost, and payments is killed in the middle of it. */
export async function oneOrder(
  seed: number,
  { faults = {}, meanwhile, ledger = memoryLedger(), keepLines = false }: OneOrderOptions = {},
): Promise<Simulation> {
  const scenario = async (world: World) => {
    const alice = { tenant: 'acme', subject: 'alice' };
    const besides = meanwhile?.(world);
    world.lose({ from: 'payments', to: 'billing', part: 'answer' });
    const placed = await world.until(async () => {
      const answer = await world.call<{ id: string; status: string }>(
        'orders',
        'placeOrder',
        { items: [{ sku: 'SHACKLE-8', quantity: 2 }] },
        { ...alice, idempotencyKey: 'order-1' },
      );
      return answer.status === 201 ? answer.body : undefined;
    });
    assert.equal(placed.status, 'pending');

    await world.until(async () => (ledger.entries.length > 0 ? true : undefined));
    world.crash('payments');

    const order = await world.until(async () => {
      const { body } = await world.call<{ status: string }>('orders', 'getOrder', { id: placed.id }, alice);
      return body.status === 'confirmed' || body.status === 'cancelled' ? body : undefined;
    });
    await besides;
    assert.equal(order.status, 'confirmed');
    assert.deepEqual(
      ledger.entries.map(({ type, amountCents }) => ({ type, amountCents })),
      [{ type: 'charge', amountCents: 1300 }],
      'one charge, though its answer was lost and its process killed',
    );
  };
  return simulate({
    platform: await loadPlatform(blueprint),
    seed,
    scenario,
    externals: { billing: (clock) => provider({ ledger, sleep: (delayMs) => clock.sleep(delayMs) }) },
    faults,
    keepLines,
  });
}

if (import.meta.main) {
  const { lines, ...result } = await oneOrder(Number(process.argv[2] ?? 1), {
    keepLines: process.argv.includes('--lines'),
  });
  for (const line of lines) process.stderr.write(`${line}\n`);
  process.stdout.write(`${JSON.stringify(result)}\n`);
}
