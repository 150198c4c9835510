import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** Where a running shop can be reached. */
export interface Shop {
  readonly gatewayUrl: string;
  readonly adminUrl: string;
  readonly billingUrl: string;
  readonly dataDir: string;
}

/** An order as the edge shows it. */
export interface Order {
  readonly id: string;
  readonly status: 'pending' | 'confirmed' | 'cancelled';
  readonly reason?: string;
  readonly totalCents: number;
  readonly currency: string;
  readonly items: readonly { sku: string; quantity: number }[];
  readonly history: readonly { type: string; at: string }[];
}

/** A line of billing's ledger. */
export interface LedgerEntry {
  readonly key: string;
  readonly type: 'charge' | 'refund';
  readonly amountCents: number;
}

/** An answer, read whole. */
export interface Answer<T> {
  readonly status: number;
  readonly headers: Headers;
  readonly body: T;
}

/** Somebody with a token, at the edge. */
export class Customer {
  readonly #shop: Shop;
  readonly #token: string;

  constructor(shop: Shop, token: string) {
    this.#shop = shop;
    this.#token = token;
  }

  async request<T = Record<string, unknown>>(
    method: string,
    path: string,
    options: { body?: unknown; headers?: Record<string, string> } = {},
  ): Promise<Answer<T>> {
    const response = await fetch(`${this.#shop.gatewayUrl}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${this.#token}`,
        ...(options.body === undefined ? {} : { 'content-type': 'application/json' }),
        ...options.headers,
      },
      ...(options.body === undefined ? {} : { body: JSON.stringify(options.body) }),
    });
    const text = await response.text();
    return {
      status: response.status,
      headers: response.headers,
      body: (text === '' ? undefined : JSON.parse(text)) as T,
    };
  }

  place(items: readonly { sku: string; quantity: number }[], key: string, card?: 'ok' | 'declined') {
    return this.request<Order>('POST', '/orders', {
      body: { items, ...(card ? { card } : {}) },
      headers: { 'idempotency-key': key },
    });
  }

  async order(id: string): Promise<Order> {
    return (await this.request<Order>('GET', `/orders/${id}`)).body;
  }

  /** The order once it has ended; fails when that takes longer than `withinMs`. */
  async ended(id: string, withinMs = 60_000): Promise<Order> {
    return eventually(
      async () => {
        const { status, body } = await this.request<Order>('GET', `/orders/${id}`);
        return status === 200 && body.status !== 'pending' ? body : undefined;
      },
      `order ${id} to end`,
      withinMs,
    );
  }
}

/** A customer with a fresh token. */
export async function customer(shop: Shop, tenant: string, subject: string, roles: readonly string[] = []) {
  const { body } = await admin<{ token: string }>(shop, 'POST', '/api/tokens', { tenant, subject, roles });
  return new Customer(shop, body.token);
}

/** A request to the admin API, with its credential. */
export async function admin<T>(shop: Shop, method: string, path: string, body?: unknown): Promise<Answer<T>> {
  const credential = await readFile(join(shop.dataDir, 'secrets', 'admin.token'), 'utf8');
  const response = await fetch(`${shop.adminUrl}${path}`, {
    method,
    headers: {
      authorization: `Bearer ${credential.trim()}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return { status: response.status, headers: response.headers, body: (await response.json()) as T };
}

/** What billing's ledger says of an order; asks again while billing is down. */
export async function ledger(shop: Shop, orderId: string): Promise<readonly LedgerEntry[]> {
  return eventually(async () => {
    const response = await fetch(`${shop.billingUrl}/ledger?orderId=${orderId}`);
    return ((await response.json()) as { entries: LedgerEntry[] }).entries;
  }, "billing's ledger");
}

/** Makes billing misbehave. */
export async function setFaults(shop: Shop, faults: { latencyMs?: number; failNext?: number; dropNext?: number }) {
  const response = await fetch(`${shop.billingUrl}/faults`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(faults),
  });
  if (response.status !== 200) throw new Error(`billing refused its faults: ${await response.text()}`);
}

/** Asks again until there is an answer; what fails meanwhile is tried again too. */
export async function eventually<T>(ask: () => Promise<T | undefined>, what: string, withinMs = 60_000): Promise<T> {
  const giveUpAt = performance.now() + withinMs;
  let last: unknown;
  while (performance.now() < giveUpAt) {
    try {
      const answer = await ask();
      if (answer !== undefined) return answer;
    } catch (error) {
      last = error;
    }
    await sleep(50);
  }
  throw new Error(`Waited ${withinMs} ms for ${what}.`, { cause: last });
}
