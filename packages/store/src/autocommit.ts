import { FairleadError, type Context } from '@fairlead/core';
import type { QueryResult, Row, Tx, TxOptions } from './database.ts';
import { fail } from './errors.ts';

/** What statements that commit by themselves need of their database. */
export interface AutocommitGround {
  readonly name: string;
  query<R extends Row>(text: string, params?: readonly unknown[]): Promise<QueryResult<R>>;
  announce(channel: string, payload: string): void;
  /** Runs what was to happen after the commits. */
  after(functions: readonly (() => void)[]): void;
}

/**
 * Does what `TxOptions.autocommit` asks for.
 * @throws MISCONFIGURED together with what only a transaction of several statements can have
 */
export async function autocommit<T>(
  ctx: Context,
  ground: AutocommitGround,
  work: (tx: Tx) => Promise<T>,
  { isolation, readOnly, retry }: TxOptions,
): Promise<T> {
  if (isolation !== undefined || readOnly !== undefined || retry !== undefined)
    throw new FairleadError(
      'internal',
      'MISCONFIGURED',
      `${ground.name}: autocommit goes with no other option of a transaction, since there is none.`,
    );
  const functions: (() => void)[] = [];
  let open = true;
  const mustBeOpen = (): void => {
    if (!open)
      throw fail(
        'TX_CLOSED',
        'Statements were to commit by themselves within a function that has returned. Await them.',
      );
  };
  const afterCommit = (fn: () => void): void => {
    mustBeOpen();
    functions.push(fn);
  };
  const tx: Tx = {
    ctx,
    async query(text, params) {
      mustBeOpen();
      return ground.query(text, params);
    },
    afterCommit,
    announce: (channel, payload = '') => afterCommit(() => ground.announce(channel, payload)),
  };
  try {
    const value = await work(tx);
    open = false;
    ground.after(functions);
    return value;
  } finally {
    open = false;
  }
}
