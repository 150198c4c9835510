import type { Context } from '@fairlead/core';
import type { Database, Tx } from '../../database.ts';

/** A transaction whose steps the test decides. */
export interface HeldTransaction {
  readonly tx: Tx;
  /** Rejects when it could not be committed. */
  commit(): Promise<void>;
  rollback(): Promise<void>;
}

/** Begins one. */
export async function begin(ctx: Context, database: Database): Promise<HeldTransaction> {
  const opened = Promise.withResolvers<Tx>();
  const end = Promise.withResolvers<void>();
  const outcome = database.tx(ctx, async (tx) => {
    opened.resolve(tx);
    await end.promise;
  });
  outcome.catch(opened.reject);
  const tx = await opened.promise;
  return {
    tx,
    async commit() {
      end.resolve();
      await outcome;
    },
    async rollback() {
      end.reject(new Error('rolled back'));
      await outcome.catch(() => {});
    },
  };
}
