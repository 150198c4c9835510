import { defineService, duration, FairleadError, integer } from '@fairlead/service';
import { z } from 'zod';
import { catalogContract } from '../catalog/contract.ts';
import { inventoryContract } from '../inventory/contract.ts';
import { paymentsContract } from '../payments/contract.ts';
import { checkout, tell } from './checkout.ts';
import { ordersContract } from './contract.ts';
import { orderPages, orderSales, orderSearch, products } from './views.ts';
import { record, toOrder, type OrderRow } from './order.ts';

export default defineService({
  contract: ordersContract,
  config: {
    maxQuantity: integer({ env: 'MAX_QUANTITY', default: 10_000, describe: 'Most pieces that one order may hold' }),
    pendingForMs: duration({
      env: 'PENDING_FOR',
      default: 15 * 60_000,
      describe: 'How long an order may be pending before it is given up',
    }),
  },
  uses: { catalog: catalogContract, inventory: inventoryContract, payments: paymentsContract },
  database: { migrations: new URL('./migrations/', import.meta.url) },
  projections: [orderPages, orderSales, orderSearch],
  replicas: [products],
  sagas: { checkout },
  operations: {
    async placeOrder(ctx, input, kit) {
      const pieces = input.items.reduce((sum, item) => sum + item.quantity, 0);
      if (pieces > kit.config.maxQuantity) {
        const most = kit.config.maxQuantity;
        throw new FairleadError(
          'unprocessable',
          'TOO_MANY_ITEMS',
          `An order holds at most ${most} pieces, not ${pieces}.`,
        );
      }

      const { prices } = await kit.calls.catalog.quote(ctx, {
        skus: [...new Set(input.items.map((item) => item.sku))],
      });
      const priceOf = new Map(prices.map((price) => [price.sku, price]));
      let totalCents = 0;
      for (const { sku, quantity } of input.items) {
        const price = priceOf.get(sku);
        if (!price)
          throw new FairleadError(
            'unprocessable',
            'UNKNOWN_SKU',
            `There is no item "${sku}"; GET /catalog lists them.`,
          );
        totalCents += price.priceCents * quantity;
      }
      const currency = prices[0]?.currency ?? '';

      const orderId = kit.newId();
      const history = [{ type: 'placed', at: new Date(ctx.clock.now()).toISOString() }];
      return kit.commit(async (tx) => {
        await tx.query(
          `insert into orders (id, tenant, subject, status, card, items, total_cents, currency, history, placed_at)
           values ($1, $2, $3, 'pending', $4, $5, $6, $7, $8, fairlead.now())`,
          [
            orderId,
            ctx.tenant,
            ctx.caller.subject,
            input.card,
            JSON.stringify(input.items),
            totalCents,
            currency,
            JSON.stringify(history),
          ],
        );
        await tx.publish('order.placed', { orderId, items: input.items, totalCents, currency });
        await kit.sagas.start(tx, 'checkout', orderId, { orderId });
        await kit.jobs.enqueue(tx, 'expire-order', { orderId }, { delayMs: kit.config.pendingForMs });
        return { id: orderId, status: 'pending', totalCents, currency };
      });
    },

    async getOrder(ctx, { id }, kit) {
      const { rows } = await kit.db.query<OrderRow>(ctx, 'select * from orders where id = $1 and tenant = $2', [
        id,
        ctx.tenant,
      ]);
      if (!rows[0]) throw notFound(id);
      return toOrder(rows[0]);
    },

    async listOrders(ctx, { limit, cursor }, kit) {
      const { rows } = await kit.db.query<OrderRow>(
        ctx,
        `select * from orders
          where tenant = $1 and subject = $2 and ($3::text is null or id < $3)
          order by id desc limit $4`,
        [ctx.tenant, ctx.caller.subject, cursor ?? null, limit + 1],
      );
      const page = rows.slice(0, limit);
      const last = page.at(-1);
      return { items: page.map(toOrder), ...(rows.length > limit && last ? { nextCursor: last.id } : {}) };
    },

    async getOrderPage(ctx, { id }, kit) {
      const page = await kit.view(orderPages).get(ctx, id);
      if (!page) throw notFound(id);
      const names = await kit.view(products).getMany(
        ctx,
        page.items.map(({ sku }) => sku),
      );
      const items = page.items.map((item) => ({ ...item, name: names.get(item.sku)?.name ?? item.sku }));
      return { id, ...page, items, timeline: [...page.timeline] };
    },

    async listSales(ctx, { days }, kit) {
      const { order_line } = kit.view(orderSales).tables;
      const { rows } = await kit.db.query<{ day: string; sku: string; pieces: number; orders: number }>(
        ctx,
        `select day::text as day, sku, sum(quantity)::integer as pieces, count(*)::integer as orders from ${order_line}
          where tenant = $1 and not cancelled and day > (fairlead.now() at time zone 'UTC')::date - $2::integer
          group by day, sku order by day desc, sku`,
        [ctx.tenant, days],
      );
      return { items: [...rows] };
    },

    async searchOrders(ctx, { q }, kit) {
      const { order_text } = kit.view(orderSearch).tables;
      const { rows } = await kit.db.query<{ id: string; status: string; skus: string }>(
        ctx,
        `select order_id as id, status, skus from ${order_text}
          where tenant = $1 and subject = $2 and words @@ websearch_to_tsquery('simple', $3)
          order by order_id desc limit 100`,
        [ctx.tenant, ctx.caller.subject, q],
      );
      return { items: [...rows] };
    },

    async cancelOrder(ctx, { id }, kit) {
      return kit.commit(async (tx) => {
        const { rows } = await tx.query<OrderRow>('select * from orders where id = $1 and tenant = $2 for update', [
          id,
          ctx.tenant,
        ]);
        if (!rows[0]) throw notFound(id);
        if (rows[0].status !== 'pending') {
          throw new FairleadError(
            'conflict',
            'ORDER_ENDED',
            `Order ${id} is ${rows[0].status}; only a pending one can be cancelled.`,
          );
        }
        const reason = 'cancelled by the customer';
        const cancelled = await record(tx, id, 'cancelled', { status: 'cancelled', reason });
        await tell(kit.sagas, tx, id, { kind: 'given-up', reason });
        return toOrder(cancelled?.order ?? rows[0]);
      });
    },
  },
  jobs: {
    /** An order ends in any case: one that nobody has confirmed or cancelled by then is given up. */
    'expire-order': {
      input: z.object({ orderId: z.string() }),
      async handle(_ctx, { orderId }, kit) {
        const reason = 'not paid in time';
        await kit.commit((tx) => tell(kit.sagas, tx, orderId, { kind: 'given-up', reason }));
      },
    },
  },
  consumers: {
    inventory: {
      async 'stock.reserved'(_ctx, event, kit) {
        const { orderId } = event.data;
        await kit.commit(async (tx) => {
          await record(tx, orderId, 'reserved');
          await tell(kit.sagas, tx, orderId, { kind: 'reserved' });
        });
      },

      async 'stock.refused'(_ctx, event, kit) {
        const { orderId, sku, available } = event.data;
        await kit.commit(async (tx) => {
          await tell(kit.sagas, tx, orderId, { kind: 'given-up', reason: `only ${available} of ${sku} left` });
        });
      },
    },

    payments: {
      async 'payment.captured'(_ctx, event, kit) {
        const { orderId } = event.data;
        await kit.commit(async (tx) => {
          await record(tx, orderId, 'paid');
          await tell(kit.sagas, tx, orderId, { kind: 'captured' });
        });
      },

      async 'payment.declined'(_ctx, event, kit) {
        const { orderId, reason } = event.data;
        await kit.commit(async (tx) => {
          await tell(kit.sagas, tx, orderId, { kind: 'given-up', reason });
        });
      },

      async 'payment.refunded'(_ctx, event, kit) {
        await kit.commit(async (tx) => void (await record(tx, event.data.orderId, 'refunded')));
      },
    },
  },
});

const notFound = (id: string) => new FairleadError('not-found', 'ORDER_NOT_FOUND', `There is no order ${id}.`);
