import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { customer, eventually, ledger, type Customer } from './customer.ts';
import { RunningShop } from './up.ts';

const ORDERS_A_ROUND = 4;
const CARDS = ['ok', 'ok', 'declined', 'ok'] as const;

/**
 * Orders while processes of the shop are killed, as often as `kills` says, each process in its turn: an order that was accepted is
 * charged exactly once or everything is given back, as billing's own ledger has it.
 */
export function acceptedOrdersSurvive(kills: number): void {
  describe('an accepted order', () => {
    let dataDir: string;
    let shop: RunningShop;
    let alice: Customer;

    beforeAll(async () => {
      dataDir = await mkdtemp(join(tmpdir(), 'fairlead-kill-'));
      shop = await new RunningShop(dataDir).start();
      alice = await customer(shop, 'acme', 'alice');
    });

    afterAll(async () => {
      await shop?.[Symbol.asyncDispose]();
      await rm(dataDir, { recursive: true, force: true });
    });

    test.each(Array.from({ length: kills }, (_, round) => round))(
      'survives kill -9 of any process at a random point, time %i',
      async (round) => {
        const everyone = ['up', ...(await shop.status()).map((instance) => instance.name)].toSorted();
        // Every process has its turn; when, is left to chance.
        const victim = everyone[round % everyone.length] ?? 'up';
        const killAfterMs = Math.random() * 400;

        const orders = Array.from({ length: ORDERS_A_ROUND }, async (_, i) => {
          await sleep(i * 60);
          return accepted(alice, randomUUID(), CARDS[i] ?? 'ok');
        });
        const killing = sleep(killAfterMs).then(() => kill(shop, victim));
        await killing;
        const ids = await Promise.all(orders);

        for (const id of ids) {
          const order = await alice.ended(id);
          const context = `${victim} killed after ${killAfterMs.toFixed(0)} ms, order ${order.status}`;
          const entries = await settledLedger(shop, id, order.status);
          if (order.status === 'confirmed') expect(entries, context).toEqual(['charge']);
          else expect([[], ['charge', 'refund']], context).toContainEqual(entries);
        }
      },
    );
  });
}

/** What billing has booked for an order that has ended; a refund may be on its way still. */
async function settledLedger(shop: RunningShop, id: string, status: string): Promise<readonly string[]> {
  return eventually(async () => {
    const entries = (await ledger(shop, id)).map((entry) => entry.type);
    return status === 'cancelled' && entries.length === 1 ? undefined : entries;
  }, `the refund of ${id}`);
}

/** Repeats the request under its key, as a careful client does, until it is accepted. */
async function accepted(who: Customer, key: string, card: 'ok' | 'declined'): Promise<string> {
  return eventually(async () => {
    const { status, body } = await who.place([{ sku: 'SHACKLE-8', quantity: 1 }], key, card);
    if (status === 201) return body.id;
    if (status < 500 && status !== 409) throw new Error(`refused with ${status}: ${JSON.stringify(body)}`);
    return undefined;
  }, 'the order to be accepted');
}

async function kill(shop: RunningShop, victim: string): Promise<void> {
  if (victim === 'up') return shop.killAndStart();
  const pid = (await shop.status()).find((instance) => instance.name === victim)?.pid;
  if (pid) process.kill(pid, 'SIGKILL');
}
