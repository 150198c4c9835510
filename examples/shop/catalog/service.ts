import { defineService, duration, FairleadError } from '@fairlead/service';
import { z } from 'zod';
import { inventoryContract } from '../inventory/contract.ts';
import { ofTenant } from './announcing.ts';
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
  config: {
    announceEveryMs: duration({
      env: 'ANNOUNCE_EVERY',
      default: 10_000,
      describe: 'How often prices are looked for that nobody has been told of',
    }),
  },
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

    async setPrice(ctx, { sku, priceCents }, kit) {
      return kit.commit(async (tx) => {
        const { rows } = await tx.query<PriceRow>(
          `update price t set price_cents = $3, announced = true from product p
            where t.tenant = $1 and t.sku = $2 and p.sku = t.sku
            returning p.sku, p.name, t.price_cents, t.currency`,
          [ctx.tenant, sku, priceCents],
        );
        const [row] = rows;
        if (!row)
          throw new FairleadError('not-found', 'UNKNOWN_SKU', `There is no item "${sku}"; GET /catalog lists them.`);
        await tx.publish('product.changed', toPrice(row));
        return toPrice(row);
      });
    },
  },
  /** Prices that came with a migration are published, too, for those who keep copies. */
  background(kit) {
    kit.leases.schedule('announce-prices', { everyMs: kit.config.announceEveryMs }, async (tx) => {
      const { rows } = await tx.query<{ tenant: string }>('select distinct tenant from price where not announced');
      for (const { tenant } of rows)
        await kit.jobs.enqueue(ofTenant(tx, tenant), 'announce-prices', {}, { dedupe: tenant });
    });
  },
  jobs: {
    'announce-prices': {
      input: z.object({}),
      async handle(ctx, _input, kit) {
        await kit.commit(async (tx) => {
          const { rows } = await tx.query<PriceRow>(
            `update price t set announced = true from product p
              where t.tenant = $1 and not t.announced and p.sku = t.sku
              returning p.sku, p.name, t.price_cents, t.currency`,
            [ctx.tenant],
          );
          for (const row of rows.toSorted((a, b) => (a.sku < b.sku ? -1 : 1)))
            await tx.publish('product.changed', toPrice(row));
        });
      },
    },
  },
});
