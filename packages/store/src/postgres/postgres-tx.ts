import { isError, type Context, type Timer } from '@fairlead/core';
import type { QueryResult, Row, Tx, TxOptions } from '../database.ts';
import { fail } from '../errors.ts';
import type { ConnectionPool, Lent } from './connection-pool.ts';
import type { BeginStatements } from './postgres-connection.ts';
import { settingStatement, type SessionScope, type Setting } from './session-scope.ts';
import { lastedTooLong } from './postgres-errors.ts';
import type { Answer } from './statement-batch.ts';

/**
 * `unbegun`: the server was asked for nothing. `begun`: it has a transaction open. `failed`: BEGIN failed, and nothing that
 * comes after it is let through.
 */
type TxState = 'unbegun' | 'beginning' | 'begun' | 'failed';

/** What transactions of a database share. */
export interface TxHost {
  readonly pool: ConnectionPool;
  /** See `DatabaseOptions.transactionTimeoutMs`. */
  readonly transactionTimeoutMs: number;
  /** Whose transactions they are; `undefined` for everybody's. */
  readonly scope: SessionScope | undefined;
  /** Tells listeners of a channel, from after a commit. */
  announce(ctx: Context, channel: string, payload: string): void;
}

/**
 * A transaction on a connection lent from the pool. BEGIN travels with the first statement, so a transaction costs no
 * round trip of its own before COMMIT, and one that asks for nothing does not reach the server at all.
 */
export class PostgresTx implements Tx {
  readonly ctx: Context;
  readonly afterCommits: (() => void)[] = [];
  /** From when COMMIT is on its way: the connection is released by whoever learns its outcome. */
  committing = false;
  /** The last failure of a statement; it may be why COMMIT became ROLLBACK. */
  failure: unknown;
  /** Settles, well in any case, with the first statement. */
  begun: Promise<void> = Promise.resolve();
  readonly #host: TxHost;
  readonly #options: TxOptions;
  #lent: Lent | undefined;
  #settings: ((processId: number) => readonly Setting[]) | undefined;
  #state: TxState = 'unbegun';
  #open = true;
  #limit: Timer | undefined;

  constructor(ctx: Context, host: TxHost, options: TxOptions) {
    this.ctx = ctx;
    this.#host = host;
    this.#options = options;
  }

  get state(): TxState {
    return this.#state;
  }

  async query<R extends Row = Row>(text: string, params: readonly unknown[] = []): Promise<QueryResult<R>> {
    this.#mustBeOpen();
    // What the columns are is the caller's claim about its own statement.
    return (await this.#query(text, params).catch((error: unknown) => {
      this.failure = error;
      throw error;
    })) as QueryResult<Row> as QueryResult<R>;
  }

  afterCommit(fn: () => void): void {
    this.#mustBeOpen();
    this.afterCommits.push(fn);
  }

  announce(channel: string, payload = ''): void {
    this.afterCommit(() => this.#host.announce(this.ctx, channel, payload));
  }

  /** Takes a connection from the pool. @throws DATABASE_UNAVAILABLE, the signal's reason, or what the scope throws */
  async open(): Promise<void> {
    this.#settings = await this.#host.scope?.settingsFor(this.ctx);
    this.#lent = await this.#host.pool.acquire(this.ctx.signal);
  }

  get connection(): Lent['connection'] {
    if (this.#lent === undefined) throw this.#closed();
    return this.#lent.connection;
  }

  /** Refuses further statements. */
  finish(): void {
    this.#open = false;
  }

  async rollBack(): Promise<void> {
    await this.begun;
    if (this.#state === 'begun' && this.connection.usable) await this.connection.finish('ROLLBACK').catch(() => {});
  }

  giveUp(reason: unknown): void {
    this.#lent?.connection.giveUp(reason);
  }

  /** Gives the connection back. Idempotent. */
  release(): void {
    this.#limit?.cancel();
    if (this.#lent !== undefined) this.#host.pool.release(this.#lent.connection);
    this.#lent = undefined;
  }

  async #query(text: string, params: readonly unknown[]): Promise<Answer> {
    if (this.#state === 'unbegun') {
      this.#state = 'beginning';
      const first = this.#first(text, params);
      this.begun = first.then(
        () => {},
        () => {},
      );
      return first;
    }
    await this.begun;
    if (this.#state === 'failed') {
      throw fail('TX_ABORTED', 'The transaction could not be begun, so nothing more can be done in it.');
    }
    return this.connection.query(this.ctx, text, params);
  }

  /** The first statement, with BEGIN ahead of it; a pooled connection that turns out to be dead is replaced. */
  async #first(text: string, params: readonly unknown[]): Promise<Answer> {
    const { ctx } = this;
    for (;;) {
      const { connection, reused } = this.#lent ?? (await this.#host.pool.acquire(ctx.signal));
      this.#lent = { connection, reused };
      const statements = connection.beginStatements(ctx, this.#characteristics(), this.#host.transactionTimeoutMs);
      const onBegun = (): void => void (this.#state = 'begun');
      this.#limitHere(connection);
      try {
        return await this.#begin(connection, text, params, { statements, onBegun });
      } catch (error) {
        if (this.#state === 'beginning') this.#state = 'failed';
        const dead = isError(error, 'DATABASE_UNAVAILABLE') && !connection.usable;
        if (!dead || !reused || ctx.signal.aborted) throw error;
        // It was not committed, so another may take its place; those that were idle with it are as old.
        this.#state = 'beginning';
        this.release();
        this.#host.pool.dropIdle();
      }
    }
  }

  async #begin(
    connection: Lent['connection'],
    text: string,
    params: readonly unknown[],
    begin: BeginStatements,
  ): Promise<Answer> {
    const { ctx } = this;
    if (this.#settings === undefined) return connection.query(ctx, text, params, begin);
    const { processId } = connection;
    if (processId !== undefined) {
      const setting = settingStatement(this.#settings(processId));
      return connection.query(ctx, text, params, { ...begin, setting });
    }
    // Behind a pooler only the transaction knows which session it has.
    const { rows } = await connection.query(ctx, 'SELECT pg_backend_pid() AS pid', [], begin);
    const setting = settingStatement(this.#settings(Number(rows[0]?.['pid'])));
    return connection.query(ctx, text, params, { statements: [], setting });
  }

  /** Servers before 17 bound a transaction's statements and its pauses, but not their sum. */
  #limitHere(connection: Lent['connection']): void {
    const { transactionTimeoutMs } = this.#host;
    if (transactionTimeoutMs === 0 || connection.serverVersion >= 17) return;
    this.#limit?.cancel();
    this.#limit = this.ctx.clock.setTimer(transactionTimeoutMs, () => {
      // The end of a COMMIT that is under way is told by the server.
      if (!this.committing) this.giveUp(lastedTooLong(connection.name));
    });
  }

  #characteristics(): string {
    const { isolation = 'read committed', readOnly = false } = this.#options;
    return `ISOLATION LEVEL ${isolation.toUpperCase()} ${readOnly ? 'READ ONLY' : 'READ WRITE'}`;
  }

  #mustBeOpen(): void {
    if (!this.#open) throw this.#closed();
  }

  #closed(): Error {
    return fail(
      'TX_CLOSED',
      'A transaction was used after it had ended. Await everything before the function given to tx returns.',
    );
  }
}
