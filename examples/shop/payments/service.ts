import { isDeclaredError } from '@fairlead/contract';
import { defineService, type Tx } from '@fairlead/service';
import { z } from 'zod';
import billingContract from '../billing/contract.ts';
import { ordersContract } from '../orders/contract.ts';
import { paymentsContract } from './contract.ts';

type PaymentType = 'captured' | 'refunded' | 'declined';

interface PaymentRow extends Record<string, unknown> {
  id: string;
  type: PaymentType;
  amount_cents: number;
  at: Date;
}

export default defineService({
  contract: paymentsContract,
  uses: { orders: ordersContract, billing: billingContract },
  database: { migrations: new URL('./migrations/', import.meta.url) },
  operations: {
    async listPayments(ctx, { orderId }, kit) {
      const { rows } = await kit.db.query<PaymentRow>(
        ctx,
        'select id, type, amount_cents, at from payment where tenant = $1 and order_id = $2 order by at, id',
        [ctx.tenant, orderId],
      );
      return {
        items: rows.map(({ id, type, amount_cents: amountCents, at }) => ({
          id,
          type,
          amountCents,
          at: at.toISOString(),
        })),
      };
    },
  },
  jobs: {
    /** Billing is asked under a key of the job, the same in every attempt; booking it ends the job. */
    refund: {
      input: z.object({ orderId: z.string(), amountCents: z.int() }),
      attempts: 100,
      async handle(ctx, { orderId, amountCents }, kit) {
        await kit.calls.billing.refund(ctx, { orderId, amountCents });
        await kit.commit(async (tx) => {
          await book(tx, kit.newId(), orderId, 'refunded', amountCents);
          await tx.publish('payment.refunded', { orderId, amountCents });
        });
      },
    },
  },
  consumers: {
    orders: {
      /**
       * Billing is asked before our transaction opens, under a key that is derived from the event: however often this
       * runs, also after billing charged and we never heard of it, there is one charge.
       */
      async 'order.reserved'(ctx, event, kit) {
        const { orderId, totalCents: amountCents, currency } = event.data;
        // A later version of orders may know kinds of cards that we don't: those can't be charged.
        const card = event.data.card === 'ok' ? 'ok' : 'declined';
        try {
          await kit.calls.billing.charge(ctx, { orderId, amountCents, currency, card });
        } catch (error) {
          if (!isDeclaredError(error, billingContract.operations.charge, 'CARD_DECLINED')) throw error;
          await kit.commit(async (tx) => {
            await book(tx, kit.newId(), orderId, 'declined', amountCents);
            await tx.publish('payment.declined', { orderId, reason: 'the card was declined' });
          });
          return;
        }
        await kit.commit(async (tx) => {
          await book(tx, kit.newId(), orderId, 'captured', amountCents);
          await tx.publish('payment.captured', { orderId, amountCents });
        });
      },

      /**
       * Events of an order come in order, so a charge that had to be made has been made by now. Giving it back is a job: while
       * billing is away, the order's other events go on.
       */
      async 'order.cancelled'(ctx, event, kit) {
        const { orderId } = event.data;
        const { rows } = await kit.db.query<{ amount_cents: number }>(
          ctx,
          `select amount_cents from payment where order_id = $1 and type = 'captured'`,
          [orderId],
        );
        const amountCents = rows[0]?.amount_cents;
        if (amountCents === undefined) return;
        await kit.commit(async (tx) => {
          await kit.jobs.enqueue(tx, 'refund', { orderId, amountCents }, { dedupe: orderId });
        });
      },
    },
  },
});

async function book(tx: Tx, id: string, orderId: string, type: PaymentType, amountCents: number): Promise<void> {
  await tx.query(
    `insert into payment (id, tenant, order_id, type, amount_cents, at) values ($1, $2, $3, $4, $5, fairlead.now())`,
    [id, tx.ctx.tenant, orderId, type, amountCents],
  );
}
