import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { admin, customer, eventually, ledger, setFaults, type Customer, type Order, type Shop } from './customer.ts';

/** What every topology must show of the shop. */
export function shopSuite(topology: string, start: () => Promise<Shop & AsyncDisposable>): void {
  describe(`the shop, ${topology}`, () => {
    let shop: Shop & AsyncDisposable;
    let alice: Customer;

    beforeAll(async () => {
      shop = await start();
      alice = await customer(shop, 'acme', 'alice');
    });

    afterAll(() => shop?.[Symbol.asyncDispose]());

    test('shows each tenant the same goods at its own prices', async () => {
      type Catalog = { items: { sku: string; priceCents: number; currency: string; available: number }[] };
      const carol = await customer(shop, 'globex', 'carol');
      const ours = (await alice.request<Catalog>('GET', '/catalog')).body.items;
      const theirs = (await carol.request<Catalog>('GET', '/catalog')).body.items;
      expect(ours.length).toBeGreaterThanOrEqual(20);
      expect(ours.filter((item) => item.available > 100).length).toBeGreaterThan(ours.length / 2);
      expect(theirs.map((item) => item.sku)).toEqual(ours.map((item) => item.sku));
      expect(theirs[0]?.priceCents).not.toBe(ours[0]?.priceCents);
      expect([ours[0]?.currency, theirs[0]?.currency]).toEqual(['EUR', 'USD']);
    });

    test('confirms an order, charges it once and tells its whole story', async () => {
      const placed = await alice.place([{ sku: 'SHACKLE-8', quantity: 2 }], randomUUID());
      expect(placed.status).toBe(201);
      expect(placed.body).toEqual({ id: expect.any(String), status: 'pending', totalCents: 1300, currency: 'EUR' });
      const order = await alice.ended(placed.body.id);
      expect(order).toMatchObject({
        status: 'confirmed',
        items: [{ sku: 'SHACKLE-8', quantity: 2 }],
        totalCents: 1300,
      });
      expect(order.history.map((entry) => entry.type)).toEqual(['placed', 'reserved', 'paid', 'confirmed']);
      expect(await ledger(shop, order.id)).toMatchObject([{ type: 'charge', amountCents: 1300 }]);

      const support = await customer(shop, 'acme', 'sam', ['support']);
      const payments = await support.request('GET', `/payments?orderId=${order.id}`);
      expect(payments.body).toMatchObject({ items: [{ type: 'captured', amountCents: 1300 }] });
    });

    test('cancels an order whose card is declined, and puts its goods back', async () => {
      const before = await available(alice, 'ANCHOR-10');
      const placed = await alice.place([{ sku: 'ANCHOR-10', quantity: 5 }], randomUUID(), 'declined');
      const order = await alice.ended(placed.body.id);
      expect(order).toMatchObject({ status: 'cancelled', reason: 'the card was declined' });
      expect(await ledger(shop, order.id)).toEqual([]);
      await eventually(
        async () => (await available(alice, 'ANCHOR-10')) === before || undefined,
        'the goods to be back',
      );
    });

    test('cancels an order for more than there is, and charges nothing', async () => {
      const placed = await alice.place([{ sku: 'WINCH-16', quantity: 2 }], randomUUID());
      const order = await alice.ended(placed.body.id);
      expect(order).toMatchObject({ status: 'cancelled', reason: 'only 1 of WINCH-16 left' });
      expect(await ledger(shop, order.id)).toEqual([]);
    });

    test('answers a repeated order as it did the first time, and another body under its key with 422', async () => {
      const key = randomUUID();
      const first = await alice.place([{ sku: 'KNIFE', quantity: 1 }], key);
      const again = await alice.place([{ sku: 'KNIFE', quantity: 1 }], key);
      const other = await alice.place([{ sku: 'KNIFE', quantity: 2 }], key);
      expect(again).toMatchObject({ status: 201, body: first.body });
      expect(other).toMatchObject({ status: 422, body: { code: 'IDEMPOTENCY_MISMATCH' } });
    });

    test('makes one order of many simultaneous requests under one key', async () => {
      const key = randomUUID();
      const bob = await customer(shop, 'acme', `bob-${key}`);
      const answers = await Promise.all(
        Array.from({ length: 8 }, () => bob.place([{ sku: 'BUOY-RED', quantity: 1 }], key)),
      );
      expect(answers.every((answer) => answer.status === 201 || answer.status === 409)).toBe(true);
      expect(new Set(answers.filter((answer) => answer.status === 201).map((answer) => answer.body.id)).size).toBe(1);
      expect((await bob.request<{ items: Order[] }>('GET', '/orders')).body.items).toHaveLength(1);
    });

    test("keeps a tenant's orders from another tenant, and a subject's list from another subject", async () => {
      const placed = await alice.place([{ sku: 'KNIFE', quantity: 1 }], randomUUID());
      const carol = await customer(shop, 'globex', 'alice');
      const bob = await customer(shop, 'acme', 'bob');
      expect((await carol.request('GET', `/orders/${placed.body.id}`)).status).toBe(404);
      expect((await bob.request('GET', `/orders/${placed.body.id}`)).status).toBe(200);
      expect((await bob.request('GET', '/orders')).body).toEqual({ items: [] });
    });

    test('lists orders newest first, a page at a time', async () => {
      const dora = await customer(shop, 'acme', `dora-${randomUUID()}`);
      const ids: string[] = [];
      for (let i = 0; i < 3; i += 1) {
        ids.unshift((await dora.place([{ sku: 'PENNANT', quantity: 1 }], randomUUID())).body.id);
      }
      type Page = { items: Order[]; nextCursor?: string };
      const first = (await dora.request<Page>('GET', '/orders?limit=2')).body;
      const second = (await dora.request<Page>('GET', `/orders?limit=2&cursor=${first.nextCursor}`)).body;
      expect([...first.items, ...second.items].map((order) => order.id)).toEqual(ids);
      expect(second.nextCursor).toBeUndefined();
    });

    test('shows an order as its page, finds it by its words, and counts what sells', async () => {
      const dora = await customer(shop, 'acme', `dora-${randomUUID()}`);
      const { id } = (await dora.place([{ sku: 'KNIFE', quantity: 2 }], randomUUID())).body;
      type Page = { status: string; timeline: { type: string }[] };
      const page = await eventually(async () => {
        const { status, body } = await dora.request<Page>('GET', `/orders/${id}/page`);
        return status === 200 && body.status === 'confirmed' ? body : undefined;
      }, 'the page of the order');
      expect(page.timeline.map(({ type }) => type)).toEqual(['placed', 'reserved', 'confirmed']);
      const found = await eventually(async () => {
        const { items } = (await dora.request<{ items: Order[] }>('GET', '/orders/search?q=knife%20confirmed')).body;
        return items.length > 0 ? items : undefined;
      }, 'the order to be found');
      expect(found).toMatchObject([{ id, status: 'confirmed' }]);
      const support = await customer(shop, 'acme', 'sam', ['support']);
      type Sales = { items: { sku: string; pieces: number }[] };
      const sold = await eventually(
        async () =>
          (await support.request<Sales>('GET', '/orders/sales')).body.items.find(({ sku }) => sku === 'KNIFE'),
        'the sale to be counted',
      );
      expect(sold.pieces).toBeGreaterThanOrEqual(2);
    });

    test('charges once when billing charges and drops the answer', async () => {
      await setFaults(shop, { dropNext: 1 });
      const placed = await alice.place([{ sku: 'LANTERN', quantity: 1 }], randomUUID());
      const order = await alice.ended(placed.body.id);
      expect(order.status).toBe('confirmed');
      expect(await ledger(shop, order.id)).toMatchObject([{ type: 'charge' }]);
    });

    test('waits for a failing billing and confirms once it is back', async () => {
      await setFaults(shop, { failNext: 2 });
      const placed = await alice.place([{ sku: 'LANTERN', quantity: 1 }], randomUUID());
      expect((await alice.ended(placed.body.id)).status).toBe('confirmed');
    });

    test('leaves billing alone while it fails, says so, keeps orders pending, and finishes them when it is back', async () => {
      type Policies = { items: { service: string; target: string; trouble?: string }[] };
      await setFaults(shop, { failNext: 1_000_000 });
      const placed = await Promise.all(
        ['a', 'b', 'c'].map(() => alice.place([{ sku: 'LANTERN', quantity: 1 }], randomUUID())),
      );
      const held = await eventually(async () => {
        const { items } = (await admin<Policies>(shop, 'GET', '/api/policies?service=payments')).body;
        return items.find(({ target, trouble }) => target === 'billing' && trouble?.startsWith('breaker open'));
      }, "payments' breaker to open");
      expect(held).toMatchObject({ service: 'payments', trouble: expect.stringMatching(/calls failed \(\d+ %\)/) });
      for (const { body } of placed) expect((await alice.order(body.id)).status).toBe('pending');

      await setFaults(shop, { failNext: 0 });
      for (const { body } of placed) {
        expect((await alice.ended(body.id)).status).toBe('confirmed');
        expect(await ledger(shop, body.id)).toMatchObject([{ type: 'charge' }]);
      }
    });

    test('refunds an order that its customer cancels while billing charges it', async () => {
      // Long enough to ask in, on a busy machine too; shorter than a charge may take.
      await setFaults(shop, { latencyMs: 2_000 });
      const placed = await alice.place([{ sku: 'BOLLARD-A', quantity: 1 }], randomUUID());
      const { id } = placed.body;
      await eventually(
        async () => (await alice.order(id)).history.some((entry) => entry.type === 'reserved') || undefined,
        'the order to be reserved',
      );
      const cancelled = await alice.request<Order>('POST', `/orders/${id}/cancel`);
      await setFaults(shop, { latencyMs: 0 });
      expect(cancelled).toMatchObject({ status: 200, body: { status: 'cancelled' } });
      const entries = await eventually(async () => {
        const found = await ledger(shop, id);
        return found.length === 2 ? found : undefined;
      }, 'charge and refund');
      expect(entries).toMatchObject([{ type: 'charge' }, { type: 'refund' }]);
    });

    test('answers what there is to know of an order in one answer, made of three services', async () => {
      const placed = await alice.place([{ sku: 'SHACKLE-8', quantity: 2 }], randomUUID());
      const { id } = await alice.ended(placed.body.id);
      type Details = Order & { payment: { status: string }; goods: { status: string; items: unknown[] } };
      // Who hears of an order's end last says so last.
      const details = await eventually(async () => {
        const answer = await alice.request<Details>('GET', `/order-details/${id}`);
        return answer.status === 200 && answer.body.goods.status === 'taken' ? answer : undefined;
      }, 'the goods to be taken');
      expect(details.body).toMatchObject({
        id,
        status: 'confirmed',
        payment: { status: 'captured', amountCents: 1300 },
        goods: { status: 'taken', items: [{ sku: 'SHACKLE-8', quantity: 2 }] },
      });
      expect(details.body).not.toHaveProperty('partial');
      expect(details.headers.get('x-fairlead-partial')).toBe('false');
      const carol = await customer(shop, 'globex', 'carol');
      const foreign = await carol.request('GET', `/order-details/${id}`);
      expect(foreign).toMatchObject({ status: 404, body: { code: 'ORDER_NOT_FOUND' } });
      expect((await alice.request('GET', `/order-details/${id}/more`)).status).toBe(404);
      expect((await alice.request('POST', `/order-details/${id}`)).status).toBe(405);
      expect((await fetch(`${shop.gatewayUrl}/order-details/${id}`)).status).toBe(401);
    });

    test('keeps the catalog for a moment, for each tenant its own', async () => {
      type Catalog = { items: { currency: string }[] };
      const dan = await customer(shop, 'globex', 'dan');
      const hit = async (who: Customer) => {
        const { headers, body } = await who.request<Catalog>('GET', '/catalog');
        expect(headers.get('content-encoding')).toMatch(/^(?:br|gzip|zstd)$/);
        return headers.get('cache-status')?.includes('hit') === true ? body.items[0]?.currency : undefined;
      };
      expect(await eventually(() => hit(alice), 'a catalog that is kept')).toBe('EUR');
      expect(await eventually(() => hit(dan), 'the other tenant’s')).toBe('USD');
    });

    test('lets the storefront’s pages ask, and no others', async () => {
      const ask = (origin: string) =>
        fetch(`${shop.gatewayUrl}/orders`, {
          method: 'OPTIONS',
          headers: {
            origin,
            'access-control-request-method': 'POST',
            'access-control-request-headers': 'authorization',
          },
        });
      const storefront = 'https://shop.example';
      const allowed = await ask(storefront);
      expect([allowed.status, allowed.headers.get('access-control-allow-origin')]).toEqual([204, storefront]);
      expect((await ask('https://elsewhere.example')).headers.get('access-control-allow-origin')).toBeNull();
      const answer = await alice.request('GET', '/orders', { headers: { origin: storefront } });
      expect(answer.headers.get('access-control-allow-origin')).toBe(storefront);
      expect(answer.headers.get('ratelimit-policy')).toMatch(/^"tenants";/);
    });

    test('refuses who has no token, or not the role', async () => {
      expect((await fetch(`${shop.gatewayUrl}/catalog`)).status).toBe(401);
      expect((await alice.request('GET', '/payments?orderId=x')).status).toBe(403);
    });

    test('gives identity from outside no weight', async () => {
      const headers = { 'x-fairlead-tenant': 'globex', 'x-fairlead-roles': 'support', 'x-fairlead-caller': 'orders' };
      const { body } = await alice.request<{ items: { currency: string }[] }>('GET', '/catalog', { headers });
      expect(body.items[0]?.currency).toBe('EUR');
      expect((await alice.request('GET', '/payments?orderId=x', { headers })).status).toBe(403);
      expect((await alice.request('POST', '/quotes', { headers, body: { skus: ['KNIFE'] } })).status).toBe(404);
    });

    test('says what is wrong with a request, as a problem document', async () => {
      const answer = await alice.request('POST', '/orders', {
        body: { itmes: [] },
        headers: { 'idempotency-key': randomUUID() },
      });
      expect(answer.status).toBe(400);
      expect(answer.headers.get('content-type')).toContain('application/problem+json');
      expect(answer.body).toMatchObject({ code: 'INVALID_INPUT', status: 400 });
      expect(JSON.stringify(answer.body)).toContain('items');
      expect(
        (await alice.request('POST', '/orders', { body: { items: [{ sku: 'KNIFE', quantity: 1 }] } })).status,
      ).toBe(400);
    });

    test('leads from an answer to a trace that spans edge, services and events', async () => {
      const placed = await alice.place([{ sku: 'SAIL-TAPE', quantity: 1 }], randomUUID());
      const traceId = placed.headers.get('traceparent')?.split('-')[1] ?? '';
      expect(traceId).toMatch(/^[0-9a-f]{32}$/);
      await alice.ended(placed.body.id);
      await eventually(async () => {
        type Trace = {
          resourceSpans: { resource: { attributes: { key: string; value: { stringValue?: string } }[] } }[];
        };
        const { status, body } = await admin<Trace>(shop, 'GET', `/api/traces/${traceId}`);
        const names =
          status !== 200
            ? []
            : body.resourceSpans.map(
                (span) => span.resource.attributes.find((a) => a.key === 'service.name')?.value.stringValue,
              );
        const all = ['gateway', 'orders', 'catalog', 'inventory', 'payments', 'notifications'];
        return all.every((name) => names.includes(name)) ? names : undefined;
      }, 'the whole trace');
    });
  });
}

async function available(who: Customer, sku: string): Promise<number | undefined> {
  const { body } = await who.request<{ items: { sku: string; available: number }[] }>('GET', '/catalog');
  return body.items.find((item) => item.sku === sku)?.available;
}
