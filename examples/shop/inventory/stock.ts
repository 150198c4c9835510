import type { CommitTx, Tx } from '@fairlead/service';
import type { inventoryContract } from './contract.ts';
import { Reservation, type Line } from './reservation.ts';

type Commit = CommitTx<typeof inventoryContract>;

/**
 * Holds everything or nothing for an order. Rows are locked in order of sku, so two orders for the same goods wait for each
 * other instead of deadlocking.
 */
export async function hold(tx: Commit, orderId: string, wanted: readonly Line[]): Promise<void> {
  const quantities = new Map<string, number>();
  for (const { sku, quantity } of wanted) quantities.set(sku, (quantities.get(sku) ?? 0) + quantity);
  const skus = [...quantities.keys()].toSorted();
  const lines = skus.map((sku) => ({ sku, quantity: quantities.get(sku) ?? 0 }));

  const { rows } = await tx.query<{ sku: string; available: number }>(
    'select sku, available from stock where tenant = $1 and sku = any($2) order by sku for update',
    [tx.ctx.tenant, skus],
  );
  const available = new Map(rows.map((row) => [row.sku, row.available]));
  const short = lines.find(({ sku, quantity }) => (available.get(sku) ?? 0) < quantity);
  if (short !== undefined) {
    const { sku } = short;
    await tx.handle(Reservation, orderId, { type: 'refuse', orderId, sku, available: available.get(sku) ?? 0 });
    return;
  }
  const held = await tx.handle(Reservation, orderId, { type: 'hold', orderId, lines });
  if (held.events.length > 0) await shelve(tx, lines, -1);
}

/** Ends what an order holds: the goods leave (`take`) or go back on the shelf (`release`). A repeat changes nothing. */
export async function settle(tx: Commit, orderId: string, type: 'take' | 'release'): Promise<void> {
  const { events, state } = await tx.handle(Reservation, orderId, { type });
  if (events.length > 0 && type === 'release') await shelve(tx, state.lines, 1);
}

/** Puts goods on the shelf, or takes them from it; in order of sku, as everybody does. */
async function shelve(tx: Tx, lines: readonly Line[], sign: 1 | -1): Promise<void> {
  for (const { sku, quantity } of lines) {
    await tx.query('update stock set available = available + $3 where tenant = $1 and sku = $2', [
      tx.ctx.tenant,
      sku,
      sign * quantity,
    ]);
  }
}
