import { isDeclaredError } from '@fairlead/contract';
import { handle, stateOf } from '@fairlead/events';
import { defineService, type CommitTx } from '@fairlead/service';
import { z } from 'zod';
import billingContract from '../billing/contract.ts';
import { ordersContract } from '../orders/contract.ts';
import { paymentsContract } from './contract.ts';
import { Payment, type PaymentCommand } from './payment.ts';

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

    async getPayment(ctx, { orderId }, kit) {
      const { state } = await stateOf({ ctx, database: kit.db }, Payment, orderId);
      return { status: state.status, amountCents: state.amountCents };
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
          await settle(tx, orderId, { type: 'refund', orderId });
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
        // On record whatever comes of the charge; a repeat finds it there.
        await handle({ ctx, database: kit.db }, Payment, orderId, { type: 'initiate', amountCents, currency });
        try {
          await kit.calls.billing.charge(ctx, { orderId, amountCents, currency, card });
        } catch (error) {
          if (!isDeclaredError(error, billingContract.operations.charge, 'CARD_DECLINED')) throw error;
          await kit.commit(async (tx) => {
            await settle(tx, orderId, { type: 'decline', orderId, reason: 'the card was declined' });
          });
          return;
        }
        await kit.commit(async (tx) => {
          await settle(tx, orderId, { type: 'capture', orderId });
        });
      },

      /**
       * Events of an order come in order, so a charge that had to be made has been made by now. Giving it back is a job: while
       * billing is away, the order's other events go on.
       */
      async 'order.cancelled'(ctx, event, kit) {
        const { orderId } = event.data;
        const { state } = await stateOf({ ctx, database: kit.db }, Payment, orderId);
        if (state.status !== 'captured') return;
        const { amountCents } = state;
        await kit.commit(async (tx) => {
          await kit.jobs.enqueue(tx, 'refund', { orderId, amountCents }, { dedupe: orderId });
        });
      },
    },
  },
});

/** Runs a command, whose events are published as the contract says, and brings the table up to date with what has happened. */
async function settle(tx: CommitTx<typeof paymentsContract>, orderId: string, command: PaymentCommand): Promise<void> {
  const result = await tx.handle(Payment, orderId, command);
  // Billing has done it all the same: somebody has to look.
  if (result.kind === 'rejected') throw new Error(`${command.type} of ${orderId}: ${result.reason}`);
  for (const { id, type } of result.events) {
    await tx.query(
      `insert into payment (id, tenant, order_id, type, amount_cents, at) values ($1, $2, $3, $4, $5, fairlead.now())`,
      [id, tx.ctx.tenant, orderId, type.replace('payment.', ''), result.state.amountCents],
    );
  }
}
