import type { Database, QueryResult, Sql } from '@fairlead/store';
import { decider, rejected } from './decider.ts';
import type { DeciderOptions, DomainEvent } from './decider-types.ts';

/** What an account is asked. */
export type AccountCommand =
  | { readonly type: 'deposit'; readonly cents: number }
  | { readonly type: 'withdraw'; readonly cents: number }
  | { readonly type: 'close' };

/** What happens to it. */
export type AccountEvent =
  | DomainEvent<'account.opened', { readonly owner: string }>
  | DomainEvent<'account.changed', { readonly cents: number }>
  | DomainEvent<'account.closed', Record<string, never>>;

/** What it is. */
export interface Account {
  readonly status: 'new' | 'open' | 'closed';
  readonly cents: number;
}

/** Why not. */
export type Refusal = 'CLOSED' | 'TOO_LITTLE';

type Options = DeciderOptions<AccountCommand, AccountEvent, Account, Refusal>;

/** How an account works. */
export const accountOptions: Options = {
  name: 'account',
  initial: () => ({ status: 'new', cents: 0 }),
  decide(command, { status, cents }) {
    if (status === 'closed') return rejected('CLOSED');
    switch (command.type) {
      case 'deposit': {
        if (command.cents === 0) return [];
        const changed: AccountEvent = { type: 'account.changed', data: { cents: command.cents } };
        return status === 'open' ? changed : [{ type: 'account.opened', data: { owner: 'ann' } }, changed];
      }
      case 'withdraw':
        if (command.cents > cents) return rejected('TOO_LITTLE');
        return { type: 'account.changed', data: { cents: -command.cents } };
      case 'close':
        return { type: 'account.closed', data: {} };
    }
  },
  evolve: {
    'account.opened': (state) => ({ ...state, status: 'open' }),
    'account.changed': (state, { cents }) => ({ ...state, cents: state.cents + cents }),
    'account.closed': (state) => ({ ...state, status: 'closed' }),
  },
};

/** An account, with what is different about it. */
export const account = (options: Partial<Options> = {}) => decider({ ...accountOptions, ...options });

type Statement = (text: string, params?: readonly unknown[]) => Promise<QueryResult>;

/** A database whose statements go through somebody else's hands. */
export function intercepted(
  database: Database,
  around: (run: Statement, text: string, params?: readonly unknown[]) => Promise<QueryResult>,
): Database {
  const through =
    (run: Statement): Sql['query'] =>
    // The statement's own columns, as the caller takes them to be.
    (text, params) =>
      around(run, text, params) as Promise<never>;
  return {
    ...database,
    name: database.name,
    tx: (ctx, work, options) =>
      database.tx(
        ctx,
        (tx) =>
          work({
            ctx: tx.ctx,
            query: through((text, params) => tx.query(text, params)),
            afterCommit: (fn) => tx.afterCommit(fn),
            announce: (channel, payload) => tx.announce(channel, payload),
          }),
        options,
      ),
    query: (ctx, text, params) => through((...statement) => database.query(ctx, ...statement))(text, params),
  };
}

/** A database whose statements are looked at, and may fail, before they are sent. */
export function watched(database: Database, onStatement: (text: string) => void | Promise<void>): Database {
  return intercepted(database, async (run, text, params) => {
    await onStatement(text);
    return run(text, params);
  });
}

/** Whether a statement appends. */
export function appends(text: string): boolean {
  return /fairlead_stream (as )?t\b|fairlead_log_append/.test(text);
}
