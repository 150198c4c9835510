import { defineContract, event, operation } from '@fairlead/contract';
import { z } from 'zod';

export const inventoryContract = defineContract({
  name: 'inventory',
  version: '1.1.0',
  description: 'How much of everything is left, and what is held for which order',
  operations: {
    levels: operation({
      method: 'GET',
      path: '/levels',
      summary: 'What is left of every item, for the tenant of the call',
      output: z.object({ levels: z.array(z.object({ sku: z.string(), available: z.int().nonnegative() })) }),
    }),
    getReservation: operation({
      method: 'GET',
      path: '/reservations/{orderId}',
      summary: 'What is held for an order, or has left for it',
      visibility: 'public',
      input: z.object({ orderId: z.string() }),
      output: z.object({
        status: z.enum(['none', 'held', 'refused', 'taken', 'released']),
        items: z.array(z.object({ sku: z.string(), quantity: z.int().positive() })),
      }),
    }),
  },
  events: {
    'stock.reserved': event({
      summary: 'Everything an order asks for is held for it',
      key: 'orderId',
      data: z.object({ orderId: z.string() }),
    }),
    'stock.refused': event({
      summary: 'An order asks for more than there is; nothing is held',
      key: 'orderId',
      data: z.object({ orderId: z.string(), sku: z.string(), available: z.int().nonnegative() }),
    }),
  },
});
