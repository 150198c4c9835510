import type { Tx } from '@fairlead/service';

/** What an order wants of one item. */
interface Want {
  readonly sku: string;
  readonly quantity: number;
}

/** The first item that there is too little of. */
interface Shortage {
  readonly sku: string;
  readonly available: number;
}

/**
 * Holds everything or nothing. Rows are locked in order of sku, so two orders for the same goods wait for each other
 * instead of deadlocking.
 */
export async function hold(tx: Tx, orderId: string, wants: readonly Want[]): Promise<Shortage | undefined> {
  const quantities = new Map<string, number>();
  for (const { sku, quantity } of wants) quantities.set(sku, (quantities.get(sku) ?? 0) + quantity);
  const skus = [...quantities.keys()].toSorted();

  const { rows } = await tx.query<{ sku: string; available: number }>(
    'select sku, available from stock where tenant = $1 and sku = any($2) order by sku for update',
    [tx.ctx.tenant, skus],
  );
  const available = new Map(rows.map((row) => [row.sku, row.available]));
  const short = skus.find((sku) => (available.get(sku) ?? 0) < (quantities.get(sku) ?? 0));
  if (short !== undefined) return { sku: short, available: available.get(short) ?? 0 };

  await tx.query(
    `with held as (
       insert into reservation (order_id, tenant, sku, quantity, state)
       select $1, $2, sku, quantity, 'held' from unnest($3::text[], $4::integer[]) as want (sku, quantity)
       returning sku, quantity)
     update stock set available = available - held.quantity
       from held where stock.tenant = $2 and stock.sku = held.sku`,
    [orderId, tx.ctx.tenant, skus, skus.map((sku) => quantities.get(sku))],
  );
  return undefined;
}

/** Ends what an order holds: the goods leave (`taken`) or go back on the shelf (`released`). A repeat changes nothing. */
export async function settle(tx: Tx, orderId: string, state: 'taken' | 'released'): Promise<void> {
  const { rows } = await tx.query<{ tenant: string; sku: string; quantity: number }>(
    `update reservation set state = $2 where order_id = $1 and state = 'held' returning tenant, sku, quantity`,
    [orderId, state],
  );
  if (state === 'taken') return;
  for (const { tenant, sku, quantity } of rows.toSorted((a, b) => (a.sku < b.sku ? -1 : 1))) {
    await tx.query('update stock set available = available + $3 where tenant = $1 and sku = $2', [
      tenant,
      sku,
      quantity,
    ]);
  }
}
