import { defineService } from '@fairlead/service';
import { ordersContract } from '../orders/contract.ts';
import { inventoryContract } from './contract.ts';
import { hold, settle } from './reservation.ts';

export default defineService({
  contract: inventoryContract,
  uses: { orders: ordersContract },
  database: { migrations: new URL('./migrations/', import.meta.url) },
  operations: {
    async levels(ctx, _input, kit) {
      const { rows } = await kit.db.query<{ sku: string; available: number }>(
        ctx,
        'select sku, available from stock where tenant = $1 order by sku',
        [ctx.tenant],
      );
      return { levels: [...rows] };
    },
  },
  consumers: {
    orders: {
      async 'order.placed'(_ctx, event, kit) {
        const { orderId, items } = event.data;
        await kit.commit(async (tx) => {
          const short = await hold(tx, orderId, items);
          if (short === undefined) await tx.publish('stock.reserved', { orderId });
          else await tx.publish('stock.refused', { orderId, ...short });
        });
      },

      async 'order.confirmed'(_ctx, event, kit) {
        await kit.commit((tx) => settle(tx, event.data.orderId, 'taken'));
      },

      async 'order.cancelled'(_ctx, event, kit) {
        await kit.commit((tx) => settle(tx, event.data.orderId, 'released'));
      },
    },
  },
});
