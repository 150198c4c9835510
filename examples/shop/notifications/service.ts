import { defineService, type Tx } from '@fairlead/service';
import { ordersContract } from '../orders/contract.ts';
import { notificationsContract } from './contract.ts';

interface NotificationRow extends Record<string, unknown> {
  text: string;
  at: Date;
}

export default defineService({
  contract: notificationsContract,
  uses: { orders: ordersContract },
  database: { migrations: new URL('./migrations/', import.meta.url) },
  operations: {
    async listNotifications(ctx, { orderId }, kit) {
      const { rows } = await kit.db.query<NotificationRow>(
        ctx,
        'select text, at from notification where tenant = $1 and order_id = $2 order by at, event_id',
        [ctx.tenant, orderId],
      );
      return { items: rows.map(({ text, at }) => ({ text, at: at.toISOString() })) };
    },
  },
  consumers: {
    orders: {
      'order.placed': (_ctx, event, kit) =>
        kit.commit((tx) => tell(tx, event.id, event.data.orderId, 'We have your order.')),
      'order.confirmed': (_ctx, event, kit) =>
        kit.commit((tx) => tell(tx, event.id, event.data.orderId, 'Your order is on its way.')),
      'order.cancelled': (_ctx, event, kit) =>
        kit.commit((tx) => tell(tx, event.id, event.data.orderId, `Your order was cancelled: ${event.data.reason}.`)),
    },
  },
});

async function tell(tx: Tx, eventId: string, orderId: string, text: string): Promise<void> {
  await tx.query(
    'insert into notification (event_id, tenant, order_id, text, at) values ($1, $2, $3, $4, fairlead.now())',
    [eventId, tx.ctx.tenant, orderId, text],
  );
}
