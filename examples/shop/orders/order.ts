import type { Tx } from '@fairlead/service';

/** A row of `orders`. */
export interface OrderRow extends Record<string, unknown> {
  id: string;
  tenant: string;
  subject: string;
  status: 'pending' | 'confirmed' | 'cancelled';
  reason: string | null;
  card: 'ok' | 'declined';
  items: { sku: string; quantity: number }[];
  total_cents: number;
  currency: string;
  history: { type: string; at: string }[];
}

/** An order as its customer sees it. */
export const toOrder = (row: OrderRow) => ({
  id: row.id,
  status: row.status,
  ...(row.reason === null ? {} : { reason: row.reason }),
  items: row.items,
  totalCents: row.total_cents,
  currency: row.currency,
  history: row.history,
});

/**
 * Writes `type` into the history of an order and, while it is pending, ends it with `status`. An order ends once: what
 * comes later is history only.
 * @returns the order, and whether this call ended it
 */
export async function record(
  tx: Tx,
  orderId: string,
  type: string,
  end?: { status: 'confirmed' | 'cancelled'; reason?: string },
): Promise<{ order: OrderRow; ended: boolean } | undefined> {
  const { rows } = await tx.query<OrderRow & { was: string }>(
    `update orders o
        set history = o.history || jsonb_build_array(jsonb_build_object('type', $2::text, 'at', $3::text)),
            status = case when before.status = 'pending' then coalesce($4, 'pending') else before.status end,
            reason = case when before.status = 'pending' then $5 else before.reason end
       from (select id, status, reason from orders where id = $1 for update) before
      where o.id = before.id
     returning o.*, before.status as was`,
    [orderId, type, new Date(tx.ctx.clock.now()).toISOString(), end?.status ?? null, end?.reason ?? null],
  );
  const [order] = rows;
  return order && { order, ended: end !== undefined && order.was === 'pending' };
}
