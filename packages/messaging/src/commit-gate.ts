import type { Context } from '@fairlead/core';
import type { Database, Tx } from '@fairlead/store';
import type { Commit } from './consumer-options.ts';
import { fail } from './errors.ts';

/** What came of a handler's commit. */
export type CommitOutcome =
  | { readonly kind: 'none' }
  | { readonly kind: 'committed' }
  | { readonly kind: 'failed'; readonly error: unknown };

/**
 * A handler's one commit: opens a transaction whose first statement is `settle`. Once closed, a handler that is still
 * running can't commit any more.
 */
export class CommitGate {
  readonly #ctx: Context;
  readonly #database: Database;
  readonly #settle: (tx: Tx) => Promise<void>;
  #underWay: Promise<CommitOutcome> | undefined;
  #closed = false;

  constructor(ctx: Context, database: Database, settle: (tx: Tx) => Promise<void>) {
    this.#ctx = ctx;
    this.#database = database;
    this.#settle = settle;
  }

  readonly commit: Commit = async (work) => {
    if (this.#closed) {
      throw fail(
        'COMMIT_LATE',
        'commit was called after the handler had settled or its time limit had passed; await it within the handler.',
      );
    }
    if (this.#underWay !== undefined) {
      throw fail('COMMIT_TWICE', 'commit was called twice by one handler; do all its writes in one commit.');
    }
    const running = this.#run(work);
    this.#underWay = running.then(
      () => ({ kind: 'committed' }),
      (error: unknown) => ({ kind: 'failed', error }),
    );
    return running;
  };

  /** Lets no further commit begin and resolves to the outcome of the one that has. */
  async close(): Promise<CommitOutcome> {
    this.#closed = true;
    return (await this.#underWay) ?? { kind: 'none' };
  }

  /** The commit of a handler that made none: the mark alone. */
  async commitEmpty(): Promise<CommitOutcome> {
    try {
      await this.#run(async () => {});
      return { kind: 'committed' };
    } catch (error) {
      return { kind: 'failed', error };
    }
  }

  async #run<T>(work: (tx: Tx) => Promise<T>): Promise<T> {
    return this.#database.tx(this.#ctx, async (tx) => {
      await this.#settle(tx);
      return work(tx);
    });
  }
}
