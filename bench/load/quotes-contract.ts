import { defineContract, operation } from '@fairlead/contract';
import { z } from 'zod';

const currency = z.enum(['EUR', 'USD', 'GBP']);

/** The contract of the measured operation; `quote.ts` says the same in JSON Schema for the others. */
export const quotesContract = defineContract({
  name: 'quotes',
  version: '1.0.0',
  operations: {
    quote: operation({
      method: 'POST',
      path: '/quotes',
      visibility: 'public',
      input: z.object({
        customer: z.string().min(1).max(64),
        currency,
        express: z.boolean(),
        lines: z
          .array(
            z.object({
              sku: z.string().min(1).max(40),
              quantity: z.int().min(1).max(1000),
              unitCents: z.int().min(0).max(10_000_000),
            }),
          )
          .min(1)
          .max(100),
      }),
      output: z.object({
        customer: z.string(),
        currency,
        totalCents: z.int(),
        lines: z.array(z.object({ sku: z.string(), cents: z.int() })),
      }),
    }),
  },
});
