import { documents, projection, replica, tables } from '@fairlead/events';
import { catalogContract } from '../catalog/contract.ts';
import { ordersContract } from './contract.ts';

/** An order as its page shows it. */
interface OrderPage {
  readonly status: string;
  readonly reason?: string;
  readonly items: readonly { readonly sku: string; readonly quantity: number }[];
  readonly totalCents: number;
  readonly currency: string;
  readonly timeline: readonly { readonly type: string; readonly at: string }[];
}

const at = (type: string, time: number) => ({ type, at: new Date(time).toISOString() });

/** Three views of the same events. A document: everything that the page of one order shows, read by its key. */
export const orderPages = projection({
  name: 'order-pages',
  version: 1,
  of: ordersContract,
  into: documents<OrderPage>(),
  on: {
    'order.placed': (_none, { data: { items, totalCents, currency }, time }) => ({
      status: 'pending',
      items,
      totalCents,
      currency,
      timeline: [at('placed', time)],
    }),
    'order.reserved': (page, { time }) => page && { ...page, timeline: [...page.timeline, at('reserved', time)] },
    'order.confirmed': (page, { time }) =>
      page && { ...page, status: 'confirmed', timeline: [...page.timeline, at('confirmed', time)] },
    'order.cancelled': (page, { data: { reason }, time }) =>
      page && { ...page, status: 'cancelled', reason, timeline: [...page.timeline, at('cancelled', time)] },
  },
});

/** Rows: what sells, by day and item. */
export const orderSales = projection({
  name: 'order-sales',
  version: 1,
  of: ordersContract,
  into: tables('order_line'),
  on: {
    'order.placed': (tx, { data: { orderId, items }, tenant, time }, { order_line }) =>
      tx.query(
        `insert into ${order_line} (tenant, order_id, sku, day, quantity)
         select $1, $2, item.sku, (to_timestamp($3::float8 / 1000) at time zone 'UTC')::date, sum(item.quantity)
           from jsonb_to_recordset($4::jsonb) as item (sku text, quantity integer) group by item.sku`,
        [tenant, orderId, time, JSON.stringify(items)],
      ),
    'order.cancelled': (tx, { data: { orderId } }, { order_line }) =>
      tx.query(`update ${order_line} set cancelled = true where order_id = $1`, [orderId]),
  },
});

/** Words: orders that somebody looks for. */
export const orderSearch = projection({
  name: 'order-search',
  version: 1,
  of: ordersContract,
  into: tables('order_text'),
  on: {
    'order.placed': (tx, { data: { orderId, items }, tenant, subject }, { order_text }) =>
      tx.query(
        `insert into ${order_text} (order_id, tenant, subject, status, skus) values ($1, $2, $3, 'pending', $4)`,
        [orderId, tenant, subject ?? '', items.map(({ sku }) => sku).join(' ')],
      ),
    'order.confirmed': (tx, { data: { orderId } }, { order_text }) =>
      tx.query(`update ${order_text} set status = 'confirmed' where order_id = $1`, [orderId]),
    'order.cancelled': (tx, { data: { orderId, reason } }, { order_text }) =>
      tx.query(`update ${order_text} set status = 'cancelled', reason = $2 where order_id = $1`, [orderId, reason]),
  },
});

/** What the catalog says of its products, kept here: the page of an order needs no call for their names. */
export const products = replica({
  name: 'products',
  version: 1,
  of: catalogContract,
  into: documents<{ readonly name: string }>(),
  on: { 'product.changed': (_before, { data: { name } }) => ({ name }) },
});
