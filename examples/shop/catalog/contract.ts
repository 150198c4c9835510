import { defineContract, event, operation } from '@fairlead/contract';
import { z } from 'zod';

const price = z.object({
  sku: z.string(),
  name: z.string(),
  priceCents: z.int().nonnegative(),
  currency: z.string().length(3),
});

export const catalogContract = defineContract({
  name: 'catalog',
  version: '1.0.0',
  description: 'What the shop sells, at the price that each tenant asks for it',
  operations: {
    listItems: operation({
      method: 'GET',
      path: '/catalog',
      summary: 'Everything on sale, with what is left of it',
      visibility: 'public',
      output: z.object({ items: z.array(price.extend({ available: z.int().nonnegative() })) }),
    }),
    quote: operation({
      method: 'POST',
      path: '/quotes',
      summary: 'Prices of some items, for the tenant of the call; unknown items are left out',
      input: z.object({ skus: z.array(z.string()).min(1).max(100) }),
      output: z.object({ prices: z.array(price) }),
    }),
    setPrice: operation({
      method: 'POST',
      path: '/catalog/{sku}/price',
      summary: "Change this tenant's price of an item",
      visibility: 'public',
      roles: ['support'],
      input: z.object({ sku: z.string(), priceCents: z.int().nonnegative() }),
      output: price,
      errors: { UNKNOWN_SKU: 'not-found' },
    }),
  },
  events: {
    'product.changed': event({
      summary: 'What an item is called and costs, for the tenant of the event: all of it, for copies that others keep',
      key: 'sku',
      data: price,
    }),
  },
});
