import { defineContract, event, operation } from '@fairlead/contract';
import { z } from 'zod';

const item = z.object({ sku: z.string().min(1), quantity: z.int().min(1).max(1000) });
const card = z.enum(['ok', 'declined']);

const order = z.object({
  id: z.string(),
  status: z.enum(['pending', 'confirmed', 'cancelled']),
  reason: z.string().optional(),
  items: z.array(item),
  totalCents: z.int().nonnegative(),
  currency: z.string(),
  history: z.array(z.object({ type: z.string(), at: z.iso.datetime() })),
});

const byId = z.object({ id: z.string() });

export const ordersContract = defineContract({
  name: 'orders',
  version: '1.0.0',
  description: 'Orders, from the request to their end: confirmed or cancelled',
  operations: {
    placeOrder: operation({
      method: 'POST',
      path: '/orders',
      summary: 'Accept an order; what becomes of it shows in its history',
      visibility: 'public',
      idempotencyKey: 'required',
      input: z.object({ items: z.array(item).min(1).max(100), card: card.default('ok') }),
      status: 201,
      output: z.object({
        id: z.string(),
        status: z.enum(['pending']),
        totalCents: z.int().nonnegative(),
        currency: z.string(),
      }),
      errors: { UNKNOWN_SKU: 'unprocessable', TOO_MANY_ITEMS: 'unprocessable' },
    }),
    getOrder: operation({
      method: 'GET',
      path: '/orders/{id}',
      summary: 'One order of this tenant',
      visibility: 'public',
      input: byId,
      output: order,
      errors: { ORDER_NOT_FOUND: 'not-found' },
    }),
    listOrders: operation({
      method: 'GET',
      path: '/orders',
      summary: "This subject's orders, newest first",
      visibility: 'public',
      input: z.object({ limit: z.int().min(1).max(100).default(20), cursor: z.string().optional() }),
      output: z.object({ items: z.array(order), nextCursor: z.string().optional() }),
      errors: { BAD_CURSOR: 'invalid' },
    }),
    getOrderPage: operation({
      method: 'GET',
      path: '/orders/{id}/page',
      summary: 'One order as its page shows it, with the names of its items; a little behind what happens',
      visibility: 'public',
      input: byId,
      output: z.object({
        id: z.string(),
        status: z.string(),
        reason: z.string().optional(),
        items: z.array(item.extend({ name: z.string() })),
        totalCents: z.int().nonnegative(),
        currency: z.string(),
        timeline: z.array(z.object({ type: z.string(), at: z.iso.datetime() })),
      }),
      errors: { ORDER_NOT_FOUND: 'not-found' },
    }),
    listSales: operation({
      method: 'GET',
      path: '/orders/sales',
      summary: 'What sells: pieces of each item by day, without cancelled orders',
      visibility: 'public',
      roles: ['support'],
      input: z.object({ days: z.int().min(1).max(100).default(7) }),
      output: z.object({
        items: z.array(z.object({ day: z.iso.date(), sku: z.string(), pieces: z.int(), orders: z.int() })),
      }),
    }),
    searchOrders: operation({
      method: 'GET',
      path: '/orders/search',
      summary: "This subject's orders that have these words in their items, status or reason",
      visibility: 'public',
      input: z.object({ q: z.string().min(1).max(200) }),
      output: z.object({ items: z.array(z.object({ id: z.string(), status: z.string(), skus: z.string() })) }),
    }),
    cancelOrder: operation({
      method: 'POST',
      path: '/orders/{id}/cancel',
      summary: 'Give up an order that is still pending; what was charged is refunded',
      visibility: 'public',
      idempotencyKey: 'optional',
      input: byId,
      output: order,
      errors: { ORDER_NOT_FOUND: 'not-found', ORDER_ENDED: 'conflict' },
    }),
  },
  events: {
    'order.placed': event({
      summary: 'An order was accepted; its items are to be reserved',
      key: 'orderId',
      data: z.object({ orderId: z.string(), items: z.array(item), totalCents: z.int(), currency: z.string() }),
    }),
    'order.reserved': event({
      summary: 'The items are held; the payment is due',
      key: 'orderId',
      data: z.object({ orderId: z.string(), totalCents: z.int(), currency: z.string(), card }),
    }),
    'order.confirmed': event({
      summary: 'Paid and on its way',
      key: 'orderId',
      data: z.object({ orderId: z.string() }),
    }),
    'order.cancelled': event({
      summary: 'Given up; what is held is to be released, what was paid refunded',
      key: 'orderId',
      data: z.object({ orderId: z.string(), reason: z.string() }),
    }),
  },
});
