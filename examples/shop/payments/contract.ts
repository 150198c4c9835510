import { defineContract, event, operation } from '@fairlead/contract';
import { z } from 'zod';

export const paymentsContract = defineContract({
  name: 'payments',
  version: '1.1.0',
  description: 'What was charged, declined and refunded for an order',
  operations: {
    listPayments: operation({
      method: 'GET',
      path: '/payments',
      summary: 'What happened to the payment of an order',
      visibility: 'public',
      roles: ['support'],
      input: z.object({ orderId: z.string() }),
      output: z.object({
        items: z.array(
          z.object({
            id: z.string(),
            type: z.enum(['captured', 'refunded', 'declined']),
            amountCents: z.int().nonnegative(),
            at: z.iso.datetime(),
          }),
        ),
      }),
    }),
    getPayment: operation({
      method: 'GET',
      path: '/payments/{orderId}',
      summary: 'How the payment of an order stands',
      visibility: 'public',
      input: z.object({ orderId: z.string() }),
      output: z.object({
        status: z.enum(['none', 'initiated', 'captured', 'declined', 'refunded']),
        amountCents: z.int().nonnegative(),
      }),
    }),
  },
  events: {
    'payment.captured': event({
      summary: 'The card was charged',
      key: 'orderId',
      data: z.object({ orderId: z.string(), amountCents: z.int() }),
    }),
    'payment.declined': event({
      summary: 'The card was refused; nothing was charged',
      key: 'orderId',
      data: z.object({ orderId: z.string(), reason: z.string() }),
    }),
    'payment.refunded': event({
      summary: 'A charge was given back',
      key: 'orderId',
      data: z.object({ orderId: z.string(), amountCents: z.int() }),
    }),
  },
});
