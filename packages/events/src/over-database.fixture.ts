import type { Database } from '@fairlead/store';

/** `inner`, but for some of what it does. It stays its owner's: closing this does nothing. */
export function overDatabase(inner: Database, changes: Partial<Pick<Database, 'query' | 'tx'>>): Database {
  return {
    name: inner.name,
    query: (ctx, text, params) => inner.query(ctx, text, params),
    tx: (ctx, work, options) => inner.tx(ctx, work, options),
    listen: (channel, onNotify) => inner.listen(channel, onNotify),
    close: () => Promise.resolve(),
    [Symbol.asyncDispose]: () => Promise.resolve(),
    ...changes,
  };
}
