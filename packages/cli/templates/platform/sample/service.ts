import { defineService, FairleadError } from '@fairlead/service';
import { sampleContract } from './contract.ts';

interface EntryRow extends Record<string, unknown> {
  id: string;
  text: string;
  created_at: Date;
}

const toEntry = (row: EntryRow) => ({ id: row.id, text: row.text, createdAt: new Date(row.created_at).toISOString() });

export default defineService({
  contract: sampleContract,
  database: { migrations: new URL('./migrations/', import.meta.url) },
  operations: {
    // The row and the event are one transaction: either both are there, or neither.
    async create(ctx, { text }, kit) {
      const id = kit.newId();
      return kit.commit(async (tx) => {
        const { rows } = await tx.query<EntryRow>(
          `insert into entry (id, tenant, text, created_at) values ($1, $2, $3, fairlead.now())
           returning id, text, created_at`,
          [id, ctx.tenant, text],
        );
        const [row] = rows;
        if (row === undefined) throw new Error('insert answered no row');
        await tx.publish('sample.created', { id, text });
        return toEntry(row);
      });
    },

    async get(ctx, { id }, kit) {
      const { rows } = await kit.db.query<EntryRow>(
        ctx,
        'select id, text, created_at from entry where id = $1 and tenant = $2',
        [id, ctx.tenant],
      );
      const [row] = rows;
      if (row === undefined) throw new FairleadError('not-found', 'NOT_THERE', `There is no "${id}".`);
      return toEntry(row);
    },

    async list(ctx, { limit }, kit) {
      const { rows } = await kit.db.query<EntryRow>(
        ctx,
        'select id, text, created_at from entry where tenant = $1 order by id desc limit $2',
        [ctx.tenant, limit],
      );
      return { items: rows.map(toEntry) };
    },
  },
});
