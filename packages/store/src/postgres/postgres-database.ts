/*
 * Postgres as the Database port (database.ts of this package). Around this file:
 *   options.ts              what openDatabase takes        connection-pool.ts     who gets a connection, and when
 *   postgres-connection.ts  one connection, and how a statement is given up       cancel-request.ts
 *   postgres-tx.ts          one transaction                statement-batch.ts     a statement and BEGIN in one write
 *   prepared.ts             texts that connections keep prepared
 *   last-word-socket.ts     what the server said before it hung up is read first
 *   postgres-listener.ts    LISTEN, with reconnects        postgres-errors.ts     SQLSTATE to our codes
 *   database-url.ts         connection strings and quoting
 */
import { isError, type Closeable, type CloseOptions, type Context } from '@fairlead/core';
import { ConnectionPool } from './connection-pool.ts';
import { parseDatabaseUrl } from './database-url.ts';
import type { Database, QueryResult, Row, Tx, TxOptions } from '../database.ts';
import { fail } from '../errors.ts';
import { resolveOptions, type DatabaseOptions, type ResolvedOptions } from './options.ts';
import { PostgresListener } from './postgres-listener.ts';
import { PostgresTx, type TxHost } from './postgres-tx.ts';
import { Announcer } from '../wake/announcer.ts';

/** How long a COMMIT that nobody waits for any more may take before its connection is given up. */
const ABANDONED_COMMIT_MS = 10_000;

/**
 * Opens a pool on a Postgres database. Connects on first use, so this never waits and never fails for an absent server.
 * A pooler that pools by transaction may be in between: it is noticed, and nothing is then left in a session.
 * @throws MISCONFIGURED for a URL that can't be read, an unknown option or a value out of range
 */
export function openDatabase(options: DatabaseOptions): Database {
  return new PostgresDatabase(resolveOptions(options));
}

class PostgresDatabase implements Database {
  readonly name: string;
  readonly #options: ResolvedOptions;
  readonly #pool: ConnectionPool;
  readonly #listener: PostgresListener;
  readonly #announcer: Announcer;
  readonly #host: TxHost;

  constructor(options: ResolvedOptions) {
    this.name = options.name;
    this.#options = options;
    parseDatabaseUrl(options.url, options.name);
    this.#pool = new ConnectionPool(options);
    this.#listener = new PostgresListener(options);
    this.#announcer = new Announcer(this);
    this.#host = {
      pool: this.#pool,
      transactionTimeoutMs: options.transactionTimeoutMs,
      announce: (ctx, channel, payload) => void this.#announcer.announce(ctx, channel, payload),
    };
  }

  tx<T>(ctx: Context, work: (tx: Tx) => Promise<T>, options: TxOptions = {}): Promise<T> {
    return this.#span(ctx, 'transaction', {}, async (inner) => {
      const tx = new PostgresTx(inner, this.#host, options);
      await tx.open();
      try {
        const value = await untilAbort(
          inner.signal,
          () => work(tx),
          (reason) => tx.giveUp(reason),
        );
        tx.finish();
        await this.#commit(inner, tx);
        return value;
      } catch (error) {
        tx.finish();
        if (!tx.committing) await tx.rollBack();
        throw error;
      } finally {
        if (!tx.committing) tx.release();
      }
    });
  }

  query<R extends Row = Row>(ctx: Context, text: string, params: readonly unknown[] = []): Promise<QueryResult<R>> {
    const operation = /^\s*(\w+)/.exec(text)?.[1]?.toUpperCase() ?? 'SQL';
    return this.#span(ctx, operation, { 'db.query.text': text }, async (inner) => {
      const { connection } = await this.#pool.acquire(inner.signal);
      try {
        const result = await connection.single(inner, text, params);
        // What the columns are is the caller's claim about its own statement.
        return result as QueryResult<Row> as QueryResult<R>;
      } finally {
        this.#pool.release(connection);
      }
    });
  }

  listen(channel: string, onNotify: (payload: string) => void): Promise<Closeable> {
    return this.#listener.listen(channel, onNotify);
  }

  async close(options: CloseOptions = {}): Promise<void> {
    await Promise.all([this.#announcer.close(), this.#pool.close(options.graceMs ?? 5_000), this.#listener.close()]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #span<T>(
    ctx: Context,
    operation: string,
    more: Record<string, string>,
    work: (ctx: Context) => Promise<T>,
  ): Promise<T> {
    const attributes = {
      'db.system.name': 'postgresql',
      'db.namespace': this.name,
      'db.operation.name': operation,
      ...more,
    };
    return this.#options.telemetry.tracer.span(
      ctx,
      { name: `${operation} ${this.name}`, kind: 'client', attributes },
      work,
    );
  }

  /** Sends COMMIT. When the Context ends meanwhile the caller is told at once, and the connection is kept until it is known. */
  async #commit(ctx: Context, tx: PostgresTx): Promise<void> {
    await tx.begun;
    ctx.throwIfAborted();
    const connection = tx.connection;
    // Nothing was asked of the server, so there is nothing to commit; one that is broken says so.
    if (tx.state === 'unbegun') {
      this.#runAfterCommit(tx);
      return;
    }
    if (!connection.usable) await connection.finish('COMMIT');
    tx.committing = true;
    const settled = (tx.state === 'begun' ? connection.finish('COMMIT') : Promise.resolve('ROLLBACK')).then(
      (command: string) => {
        tx.release();
        if (command !== 'COMMIT') {
          throw fail(
            'TX_ABORTED',
            `${this.name}: a statement of this transaction failed and the failure was swallowed, so the server rolled it back. Let failures reach the end of the transaction, or use a savepoint.`,
          );
        }
        this.#runAfterCommit(tx);
      },
      (error: unknown) => {
        tx.release();
        // Nobody read this COMMIT: the server hung up because it had waited too long for it.
        const unread = isError(error, 'TRANSACTION_TIMEOUT') && error.details['sqlState'] === '25P03';
        if (connection.usable || unread) throw error;
        throw fail(
          'COMMIT_UNKNOWN',
          `${this.name}: the connection broke during COMMIT; it may or may not have happened. Repeat only what is idempotent.`,
          { cause: error },
        );
      },
    );
    const overdue = (): void => {
      const timer = ctx.clock.setTimer(ABANDONED_COMMIT_MS, () => connection.giveUp(ctx.signal.reason));
      settled.catch(() => {}).finally(() => timer.cancel());
    };
    await untilAbort(ctx.signal, () => settled, overdue);
  }

  #runAfterCommit(tx: PostgresTx): void {
    for (const fn of tx.afterCommits) {
      try {
        fn();
      } catch (error) {
        this.#options.telemetry.log.warn(
          tx.ctx,
          `${this.name}: a function given to afterCommit failed; the commit stands`,
          { error },
        );
      }
    }
  }
}

/** Settles with `work`, or with the signal's reason as soon as it aborts; `onAbort` then lets go of what work holds. */
function untilAbort<T>(signal: AbortSignal, work: () => Promise<T>, onAbort: (reason: unknown) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = (): void => {
      onAbort(signal.reason);
      reject(signal.reason);
    };
    signal.addEventListener('abort', abort, { once: true });
    work()
      .then(resolve, reject)
      .finally(() => signal.removeEventListener('abort', abort));
  });
}
