import { defineContract, operation } from '@fairlead/contract';
import { z } from 'zod';

export const notificationsContract = defineContract({
  name: 'notifications',
  version: '1.0.0',
  description: 'What customers were told about their orders',
  operations: {
    listNotifications: operation({
      method: 'GET',
      path: '/notifications',
      summary: 'What was told about an order',
      input: z.object({ orderId: z.string() }),
      output: z.object({ items: z.array(z.object({ text: z.string(), at: z.iso.datetime() })) }),
    }),
  },
});
