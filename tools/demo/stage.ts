import type { Customer, Order } from './customer.ts';
import type { Narrator } from './narrator.ts';
import type { Shop } from './shop.ts';

/** What a scene plays with. */
export interface Stage {
  readonly shop: Shop;
  readonly customer: Customer;
  readonly narrator: Narrator;
  /** Ends the demo: its time is over, or Ctrl-C. */
  readonly signal: AbortSignal;
}

/** Ends the demo with exit code 1 unless what it is about to claim is so. */
export function must(fact: boolean, claim: string): asserts fact {
  if (!fact) throw new Error(`Not as claimed: ${claim}`);
}

/** `2 × 6.50 EUR` and the like. */
export function money(cents: number, currency: string): string {
  return `${(cents / 100).toFixed(2)} ${currency}`;
}

/** The first characters of an id, enough to follow it through the lines. */
export const short = (id: string): string => `…${id.slice(-8)}`;

/** The single charge that must be left of an order, and the line that says so. */
export async function showSingleCharge({ customer, narrator }: Stage, order: Order): Promise<void> {
  const charges = await customer.charges(order.id);
  must(
    charges.length === 1 && charges[0]?.type === 'charge',
    `billing has one charge for ${order.id}, not ${charges.length}`,
  );
  must(charges[0].amountCents === order.totalCents, 'the charge is the total of the order');
  narrator.say(
    `Billing's ledger for it: ${charges.length} charge of ${money(charges[0].amountCents, order.currency)}, key ${short(charges[0].key)}`,
    { charges },
  );
}

/** Seconds since a moment of `performance.now()`. */
export function since(startMs: number): string {
  return `${((performance.now() - startMs) / 1_000).toFixed(1)} s`;
}
