import { defineContract, operation } from '@fairlead/contract';
import { z } from 'zod';

const amount = z.object({ orderId: z.string().min(1), amountCents: z.int().min(0) });

/**
 * The card processor's API. It is not part of the platform: it has its own process and ledger, and knows nothing of
 * tenants.
 */
export default defineContract({
  name: 'billing',
  version: '1.0.0',
  description: 'A card processor: charges and refunds, once per idempotency key',
  operations: {
    charge: operation({
      method: 'POST',
      path: '/charges',
      idempotencyKey: 'required',
      input: amount.extend({ currency: z.string().length(3), card: z.enum(['ok', 'declined']) }),
      output: z.object({ amountCents: z.int() }),
      errors: { CARD_DECLINED: 'unprocessable', KEY_REUSED: 'unprocessable' },
    }),
    refund: operation({
      method: 'POST',
      path: '/refunds',
      idempotencyKey: 'required',
      input: amount,
      output: z.object({ amountCents: z.int() }),
      errors: { KEY_REUSED: 'unprocessable' },
    }),
    ledger: operation({
      method: 'GET',
      path: '/ledger',
      input: z.object({ orderId: z.string().optional() }),
      output: z.object({
        entries: z.array(
          z.object({ key: z.string(), type: z.enum(['charge', 'refund']), amountCents: z.int(), orderId: z.string() }),
        ),
      }),
    }),
    setFaults: operation({
      method: 'PUT',
      path: '/faults',
      summary: 'Misbehave, to see what callers make of it',
      input: z.object({
        latencyMs: z.int().min(0).max(60_000).optional(),
        failNext: z.int().min(0).optional(),
        dropNext: z.int().min(0).optional(),
      }),
      output: z.object({ latencyMs: z.int(), failNext: z.int(), dropNext: z.int() }),
    }),
  },
});
