/*
 * Postgres as the Database port (database.ts of this package). Around this file:
 *   options.ts              what openDatabase takes        connection-pool.ts     who gets a connection, and when
 *   postgres-connection.ts  one connection, and how a statement is given up       cancel-request.ts
 *   last-word-socket.ts     what the server said before it hung up is read first
 *   postgres-listener.ts    LISTEN, with reconnects        postgres-errors.ts     SQLSTATE to our codes
 *   database-url.ts         connection strings and quoting
 */
import { isError, type Closeable, type CloseOptions, type Context } from '@fairlead/core';
import { ConnectionPool, type Lent } from './connection-pool.ts';
import { parseDatabaseUrl } from './database-url.ts';
import type { Database, QueryResult, Row, Tx, TxOptions } from '../database.ts';
import { fail } from '../errors.ts';
import { resolveOptions, type DatabaseOptions, type ResolvedOptions } from './options.ts';
import { serverTimeout, type PostgresConnection } from './postgres-connection.ts';
import { PostgresListener } from './postgres-listener.ts';
import { Announcer } from '../wake/announcer.ts';

/** How long a COMMIT that nobody waits for any more may take before its connection is given up. */
const ABANDONED_COMMIT_MS = 10_000;

/**
 * Opens a pool on a Postgres database. Connects on first use, so this never waits and never fails for an absent server.
 * Session settings are used (`statement_timeout` of single statements), so a pooler in between must pool by session.
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

  constructor(options: ResolvedOptions) {
    this.name = options.name;
    this.#options = options;
    parseDatabaseUrl(options.url, options.name);
    this.#pool = new ConnectionPool(options);
    this.#listener = new PostgresListener(options);
    this.#announcer = new Announcer(this);
  }

  tx<T>(ctx: Context, work: (tx: Tx) => Promise<T>, options: TxOptions = {}): Promise<T> {
    return this.#span(ctx, 'transaction', {}, async (inner) => {
      const connection = await this.#begin(inner, options);
      const tx = new PostgresTx(inner, connection, this.#announcer);
      try {
        const value = await untilAbort(
          inner.signal,
          () => work(tx),
          (reason) => connection.giveUp(reason),
        );
        tx.finish();
        await this.#commit(inner, tx, connection);
        return value;
      } catch (error) {
        tx.finish();
        if (connection.usable && !tx.committing) await connection.finish('ROLLBACK').catch(() => {});
        throw error;
      } finally {
        if (!tx.committing) this.#pool.release(connection);
      }
    });
  }

  query<R extends Row = Row>(ctx: Context, text: string, params: readonly unknown[] = []): Promise<QueryResult<R>> {
    const operation = /^\s*(\w+)/.exec(text)?.[1]?.toUpperCase() ?? 'SQL';
    return this.#span(ctx, operation, { 'db.query.text': text }, async (inner) => {
      const { connection } = await this.#lend(inner, (lent) => lent.limitStatements(inner));
      try {
        const result = await connection.query(inner, text, params);
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

  /** Lends a connection on which `first` has succeeded; a pooled one that turns out to be dead is replaced. */
  async #lend(ctx: Context, first: (connection: PostgresConnection) => Promise<unknown>): Promise<Lent> {
    for (;;) {
      const lent = await this.#pool.acquire(ctx.signal);
      try {
        await first(lent.connection);
        return lent;
      } catch (error) {
        const dead = !lent.connection.usable;
        this.#pool.release(lent.connection);
        if (!dead || !lent.reused || ctx.signal.aborted) throw error;
        // Nothing was done on it yet, so another may take its place.
        this.#pool.dropIdle();
      }
    }
  }

  async #begin(ctx: Context, options: TxOptions): Promise<PostgresConnection> {
    const { connection } = await this.#lend(ctx, (lent) => lent.query(ctx, this.#beginText(ctx, lent, options)));
    return connection;
  }

  #beginText(ctx: Context, connection: PostgresConnection, options: TxOptions): string {
    const isolation = (options.isolation ?? 'read committed').toUpperCase();
    const access = options.readOnly === true ? 'READ ONLY' : 'READ WRITE';
    const limitMs = this.#options.transactionTimeoutMs;
    const limits = [
      `SET LOCAL statement_timeout = ${serverTimeout(ctx)}`,
      `SET LOCAL idle_in_transaction_session_timeout = ${limitMs}`,
      ...(connection.serverVersion >= 17 ? [`SET LOCAL transaction_timeout = ${limitMs}`] : []),
    ];
    return [`BEGIN ISOLATION LEVEL ${isolation} ${access}`, ...limits].join('; ');
  }

  /** Sends COMMIT. When the Context ends meanwhile the caller is told at once, and the connection is kept until it is known. */
  async #commit(ctx: Context, tx: PostgresTx, connection: PostgresConnection): Promise<void> {
    ctx.throwIfAborted();
    if (!connection.usable) await connection.finish('COMMIT');
    tx.committing = true;
    const settled = connection.finish('COMMIT').then(
      (command) => {
        this.#pool.release(connection);
        if (command !== 'COMMIT') {
          throw fail(
            'TX_ABORTED',
            `${this.name}: a statement of this transaction failed and the failure was swallowed, so the server rolled it back. Let failures reach the end of the transaction, or use a savepoint.`,
          );
        }
        this.#runAfterCommit(tx);
      },
      (error: unknown) => {
        this.#pool.release(connection);
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

class PostgresTx implements Tx {
  readonly ctx: Context;
  readonly afterCommits: (() => void)[] = [];
  /** From when COMMIT is on its way: the connection is released by whoever learns its outcome. */
  committing = false;
  readonly #connection: PostgresConnection;
  readonly #announcer: Announcer;
  #open = true;

  constructor(ctx: Context, connection: PostgresConnection, announcer: Announcer) {
    this.ctx = ctx;
    this.#connection = connection;
    this.#announcer = announcer;
  }

  async query<R extends Row = Row>(text: string, params: readonly unknown[] = []): Promise<QueryResult<R>> {
    this.#mustBeOpen();
    // What the columns are is the caller's claim about its own statement.
    return (await this.#connection.query(this.ctx, text, params)) as QueryResult<Row> as QueryResult<R>;
  }

  afterCommit(fn: () => void): void {
    this.#mustBeOpen();
    this.afterCommits.push(fn);
  }

  announce(channel: string, payload = ''): void {
    this.afterCommit(() => void this.#announcer.announce(this.ctx, channel, payload));
  }

  finish(): void {
    this.#open = false;
  }

  #mustBeOpen(): void {
    if (!this.#open)
      throw fail(
        'TX_CLOSED',
        'A transaction was used after it had ended. Await everything before the function given to tx returns.',
      );
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
