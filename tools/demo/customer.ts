import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Shop } from './shop.ts';

/** An order as the gateway shows it. */
export interface Order {
  readonly id: string;
  readonly status: 'pending' | 'confirmed' | 'cancelled';
  readonly totalCents: number;
  readonly currency: string;
  readonly history: readonly { readonly type: string; readonly at: string }[];
}

/** A line of billing's ledger. */
export interface Charge {
  readonly key: string;
  readonly type: 'charge' | 'refund';
  readonly amountCents: number;
}

/** What a placed order came back as. */
export interface Placed {
  readonly status: number;
  readonly order: Order;
  readonly traceId: string;
}

/** Somebody with a token at the gateway, who can also look at billing, which is outside. */
export class Customer {
  readonly #shop: Shop;
  readonly #token: string;
  readonly #signal: AbortSignal;

  constructor(shop: Shop, token: string, signal: AbortSignal) {
    this.#shop = shop;
    this.#token = token;
    this.#signal = signal;
  }

  async place(sku: string, quantity: number): Promise<Placed> {
    const response = await fetch(`${this.#shop.gatewayUrl}/orders`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${this.#token}`,
        'content-type': 'application/json',
        'idempotency-key': randomUUID(),
      },
      body: JSON.stringify({ items: [{ sku, quantity }], card: 'ok' }),
      signal: this.#signal,
    });
    const text = await response.text();
    if (response.status !== 201) throw new Error(`POST /orders answered ${response.status}: ${text}`);
    const traceId = response.headers.get('traceparent')?.split('-')[1];
    if (traceId === undefined) throw new Error('POST /orders answered without a traceparent.');
    // The shop's documented answer; 201 carries an order without its history.
    const order: Order = { ...(JSON.parse(text) as Omit<Order, 'history'>), history: [] };
    return { status: response.status, order, traceId };
  }

  async order(id: string): Promise<Order> {
    const headers = { authorization: `Bearer ${this.#token}` };
    const response = await fetch(`${this.#shop.gatewayUrl}/orders/${id}`, { headers, signal: this.#signal });
    if (response.status !== 200)
      throw new Error(`GET /orders/${id} answered ${response.status}: ${await response.text()}`);
    // The shop's documented answer.
    return (await response.json()) as Order;
  }

  /** Looks at an order until it is as wished; `onChange` hears of every new entry of its history. */
  async watch(id: string, wished: (order: Order) => boolean, onChange: (entry: string) => void): Promise<Order> {
    let told = 0;
    for (;;) {
      const order = await this.order(id);
      for (const { type } of order.history.slice(told)) onChange(type);
      told = order.history.length;
      if (wished(order)) return order;
      if (order.status === 'cancelled') throw new Error(`Order ${id} was cancelled.`);
      await sleep(50, undefined, { signal: this.#signal });
    }
  }

  /** What billing has booked for an order. */
  async charges(orderId: string): Promise<readonly Charge[]> {
    const response = await fetch(`${this.#shop.billingUrl}/ledger?orderId=${orderId}`, { signal: this.#signal });
    // Billing's documented answer.
    return ((await response.json()) as { entries: Charge[] }).entries;
  }

  /** Makes billing misbehave. */
  async setFaults(faults: { readonly latencyMs?: number; readonly failNext?: number }): Promise<void> {
    const response = await fetch(`${this.#shop.billingUrl}/faults`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(faults),
      signal: this.#signal,
    });
    if (response.status !== 200) throw new Error(`PUT /faults answered ${response.status}: ${await response.text()}`);
  }
}
