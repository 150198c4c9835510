import { defineService } from '@fairlead/service';
import { inventoryContract } from '../inventory/contract.ts';
import { catalogContract } from './contract.ts';

interface PriceRow extends Record<string, unknown> {
  sku: string;
  name: string;
  price_cents: number;
  currency: string;
}

const PRICES = `
  select p.sku, p.name, t.price_cents, t.currency
    from product p join price t using (sku)
   where t.tenant = $1`;

const toPrice = (row: PriceRow) => ({
  sku: row.sku,
  name: row.name,
  priceCents: row.price_cents,
  currency: row.currency,
});

export default defineService({
  contract: catalogContract,
  uses: { inventory: inventoryContract },
  database: { migrations: new URL('./migrations/', import.meta.url) },
  operations: {
    async listItems(ctx, _input, kit) {
      const [prices, stock] = await Promise.all([
        kit.db.query<PriceRow>(ctx, `${PRICES} order by p.sku`, [ctx.tenant]),
        kit.calls.inventory.levels(ctx, {}),
      ]);
      const available = new Map(stock.levels.map((level) => [level.sku, level.available]));
      return { items: prices.rows.map((row) => ({ ...toPrice(row), available: available.get(row.sku) ?? 0 })) };
    },

    async quote(ctx, input, kit) {
      const { rows } = await kit.db.query<PriceRow>(ctx, `${PRICES} and p.sku = any($2) order by p.sku`, [
        ctx.tenant,
        input.skus,
      ]);
      return { prices: rows.map(toPrice) };
    },
  },
});
