import { stateOf } from '@fairlead/events';
import { defineService, duration } from '@fairlead/service';
import { ordersContract } from '../orders/contract.ts';
import { inventoryContract } from './contract.ts';
import { Reservation } from './reservation.ts';
import { hold, settle } from './stock.ts';

export default defineService({
  contract: inventoryContract,
  config: {
    stockTakingEveryMs: duration({
      env: 'STOCK_TAKING_EVERY',
      default: 24 * 3_600_000,
      describe: 'How often it is noted what is left',
    }),
  },
  uses: { orders: ordersContract },
  database: { migrations: new URL('./migrations/', import.meta.url) },
  /** One of the instances does it, once for each time: what it writes commits with the note that it was done. */
  background(kit) {
    kit.leases.schedule('stock-taking', { everyMs: kit.config.stockTakingEveryMs }, async (tx, dueMs) => {
      await tx.query(
        `insert into stock_taking (taken_at, tenant, sku, available)
         select to_timestamp($1::double precision / 1000), tenant, sku, available from stock`,
        [dueMs],
      );
    });
  },
  operations: {
    async levels(ctx, _input, kit) {
      const { rows } = await kit.db.query<{ sku: string; available: number }>(
        ctx,
        'select sku, available from stock where tenant = $1 order by sku',
        [ctx.tenant],
      );
      return { levels: [...rows] };
    },

    async getReservation(ctx, { orderId }, kit) {
      const { state } = await stateOf({ ctx, database: kit.db }, Reservation, orderId);
      return { status: state.status, items: [...state.lines] };
    },
  },
  consumers: {
    orders: {
      async 'order.placed'(_ctx, event, kit) {
        const { orderId, items } = event.data;
        await kit.commit((tx) => hold(tx, orderId, items));
      },

      async 'order.confirmed'(_ctx, event, kit) {
        await kit.commit((tx) => settle(tx, event.data.orderId, 'take'));
      },

      async 'order.cancelled'(_ctx, event, kit) {
        await kit.commit((tx) => settle(tx, event.data.orderId, 'release'));
      },
    },
  },
});
