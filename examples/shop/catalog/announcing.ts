import type { Tx } from '@fairlead/service';

/** A transaction on behalf of a tenant: what is enqueued with it is the tenant's. */
export function ofTenant(tx: Tx, tenant: string): Tx {
  return {
    ctx: tx.ctx.derive({ tenant }),
    query: (text, params) => tx.query(text, params),
    afterCommit: (fn) => tx.afterCommit(fn),
    announce: (channel, payload) => tx.announce(channel, payload),
  };
}
