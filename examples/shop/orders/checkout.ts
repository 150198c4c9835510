import { saga, type Sagas } from '@fairlead/events';
import { FairleadError, type CommitTx, type ServiceSagaContext } from '@fairlead/service';
import type { ordersContract } from './contract.ts';
import { record, type OrderRow } from './order.ts';

/** What an order hears of others: inventory, payments, its customer, and the time. */
export type News = { readonly kind: 'reserved' | 'captured' } | { readonly kind: 'given-up'; readonly reason: string };

type Tx = CommitTx<typeof ordersContract>;

/** An order, and what it had heard before it got a saga, in a release that had none. */
interface Checkout {
  readonly orderId: string;
  readonly heard?: 'reserved' | 'captured';
}

/**
 * Reserve, charge, confirm: an order that was accepted is charged once, or everything is given back. Stock was asked for with
 * its acceptance, by `order.placed`; what others answer comes as news, in the order in which their events came.
 */
export const checkout = saga(
  'checkout',
  async (s: ServiceSagaContext<typeof ordersContract>, { orderId, heard: before }: Checkout) => {
    const heard = async (kind: News['kind']): Promise<void> => {
      const news = await s.signal<News>('news');
      if (news.kind === kind) return;
      const reason = news.kind === 'given-up' ? news.reason : `${news.kind} came out of turn`;
      await s.transaction('give up', (tx) => giveUp(tx, orderId, reason));
      throw givenUp(reason);
    };

    // One undo for all: whoever has reserved or charged something gives it back when the order is cancelled.
    await s.transaction('reserve', () => null, { undo: (tx) => giveBack(tx, orderId) });
    if (before === undefined) await heard('reserved');
    if (before !== 'captured') {
      await s.transaction('charge', (tx) => charge(tx, orderId));
      await heard('captured');
    }
    const isConfirmed = await s.transaction('confirm', (tx) => confirm(tx, orderId));
    // Its customer was quicker, and the news of that is on its way.
    if (!isConfirmed) throw givenUp('cancelled by the customer');
    return { orderId };
  },
);

/** Tells an order's saga what there is to know. An order of an earlier release gets one now, if it still waits for an end. */
export async function tell(
  sagas: Sagas<{ checkout: typeof checkout }>,
  tx: Tx,
  orderId: string,
  news: News,
): Promise<void> {
  const sent = await sagas.signal(tx, 'checkout', orderId, 'news', news);
  if (sent.kind !== 'unknown') return;
  const { rows } = await tx.query<Pick<OrderRow, 'status'>>('select status from orders where id = $1', [orderId]);
  if (rows[0]?.status !== 'pending') return;
  await sagas.start(tx, 'checkout', orderId, news.kind === 'given-up' ? { orderId } : { orderId, heard: news.kind });
  if (news.kind === 'given-up') await sagas.signal(tx, 'checkout', orderId, 'news', news);
}

async function charge(tx: Tx, orderId: string): Promise<boolean> {
  const { rows } = await tx.query<OrderRow>('select * from orders where id = $1 for update', [orderId]);
  const [order] = rows;
  if (order?.status !== 'pending') return false;
  const { total_cents: totalCents, currency, card } = order;
  await tx.publish('order.reserved', { orderId, totalCents, currency, card });
  return true;
}

async function confirm(tx: Tx, orderId: string): Promise<boolean> {
  const recorded = await record(tx, orderId, 'confirmed', { status: 'confirmed' });
  if (recorded?.ended !== true) return false;
  await tx.publish('order.confirmed', { orderId });
  return true;
}

async function giveUp(tx: Tx, orderId: string, reason: string): Promise<boolean> {
  const { rows } = await tx.query<Pick<OrderRow, 'status'>>('select status from orders where id = $1 for update', [
    orderId,
  ]);
  if (rows[0]?.status !== 'pending') return false;
  await record(tx, orderId, 'cancelled', { status: 'cancelled', reason });
  return true;
}

/** The order ends, if it has not yet, and whoever has something of it gives it back. */
async function giveBack(tx: Tx, orderId: string): Promise<null> {
  await giveUp(tx, orderId, 'given up');
  const { rows } = await tx.query<Pick<OrderRow, 'reason'>>('select reason from orders where id = $1', [orderId]);
  await tx.publish('order.cancelled', { orderId, reason: rows[0]?.reason ?? '' });
  return null;
}

function givenUp(reason: string): FairleadError {
  return new FairleadError('conflict', 'ORDER_GIVEN_UP', reason);
}
