/*
 * Postgres as the Database port (database.ts of this package). Around this file:
 *   options.ts              what openDatabase takes        connection-pool.ts     who gets a connection, and when
 *   postgres-connection.ts  one connection, and how a statement is given up       cancel-request.ts
 *   postgres-tx.ts          one transaction                statement-batch.ts     a statement and BEGIN in one write
 *   prepared.ts             texts that connections keep prepared      session-scope.ts  whose a transaction is
 *   last-word-socket.ts     what the server said before it hung up is read first
 *   postgres-listener.ts    LISTEN, with reconnects        postgres-errors.ts     SQLSTATE to our codes
 *   doubt.ts                what is known of a commit whose answer was lost      database-url.ts  connection strings and quoting
 */
import { isError, type Closeable, type CloseOptions, type Context } from '@fairlead/core';
import { ConnectionPool, type Lent } from './connection-pool.ts';
import { parseDatabaseUrl } from './database-url.ts';
import type { Database, QueryResult, Row, Tx, TxOptions } from '../database.ts';
import { fail } from '../errors.ts';
import { inDoubt, mayWrite, wasNotCommitted } from './doubt.ts';
import { resolveOptions, type DatabaseOptions, type ResolvedOptions } from './options.ts';
import { wasNotDone } from './postgres-errors.ts';
import { PostgresListener } from './postgres-listener.ts';
import { PostgresTx, type TxHost } from './postgres-tx.ts';
import type { SessionScope, Setting } from './session-scope.ts';
import type { Answer } from './statement-batch.ts';
import { setAcrossTenants } from '../tenancy/across-tenants.ts';
import { claimKeyOf } from '../tenancy/install-tenancy.ts';
import { everyTenantScope, tenantScope } from '../tenancy/row-scope.ts';
import { withRetries } from '../tx-retry.ts';
import type { StoreSpan } from '../telemetry.ts';
import { runAfterCommit } from '../after-commit.ts';
import { autocommit, type AutocommitGround } from '../autocommit.ts';
import { Announcer } from '../wake/announcer.ts';

/** How long a COMMIT that nobody waits for any more may take before its connection is given up. */
const ABANDONED_COMMIT_MS = 10_000;

/**
 * Opens a pool on a Postgres database. Connects on first use, so this never waits and never fails for an absent server.
 * A pooler that pools by transaction may be in between: it is noticed, and nothing is then left in a session.
 * @throws MISCONFIGURED for a URL that can't be read, an unknown option or a value out of range
 */
export function openDatabase(options: DatabaseOptions): Database {
  const resolved = resolveOptions(options);
  if (resolved.tenancy === undefined) return new PostgresDatabase(resolved, undefined);
  const { name, url } = resolved;
  const secret = typeof resolved.tenancy === 'object' ? resolved.tenancy.secret : undefined;
  const key = claimKeyOf({ url, secret }, name);
  // Told to whoever asks for a transaction.
  key.catch(() => {});
  const database = new PostgresDatabase(resolved, tenantScope(key));
  setAcrossTenants(database, database.view(everyTenantScope(key)));
  return database;
}

/** Opens a pool whose transactions are told by `scope` whose they are. */
export function openScopedDatabase(options: DatabaseOptions, scope: SessionScope): ScopedDatabase {
  return new PostgresDatabase({ ...resolveOptions(options), shared: true }, scope);
}

/** A database whose connections may be used under another scope, too. */
export interface ScopedDatabase extends Database {
  /** The same connections, with another scope. Closing it does nothing. */
  view(scope: SessionScope): Database;
}

class PostgresDatabase implements ScopedDatabase {
  readonly name: string;
  readonly #options: ResolvedOptions;
  readonly #pool: ConnectionPool;
  readonly #listener: PostgresListener;
  readonly #announcer: Announcer;
  readonly #host: TxHost;

  constructor(options: ResolvedOptions, scope: SessionScope | undefined) {
    this.name = options.name;
    this.#options = options;
    parseDatabaseUrl(options.url, options.name);
    parseDatabaseUrl(options.listenUrl, options.name);
    this.#pool = new ConnectionPool(options);
    this.#listener = new PostgresListener(options);
    this.#announcer = new Announcer(this.#listener);
    this.#host = {
      pool: this.#pool,
      transactionTimeoutMs: options.transactionTimeoutMs,
      scope,
      announce: (ctx, channel, payload) => void this.#announcer.announce(ctx, channel, payload),
    };
  }

  tx<T>(ctx: Context, work: (tx: Tx) => Promise<T>, options?: TxOptions): Promise<T> {
    return this.#tx(this.#host, ctx, work, options);
  }

  query<R extends Row = Row>(ctx: Context, text: string, params?: readonly unknown[]): Promise<QueryResult<R>> {
    return this.#query(this.#host, ctx, text, params);
  }

  view(scope: SessionScope): Database {
    const host = { ...this.#host, scope };
    return {
      name: this.name,
      tx: (ctx, work, options) => this.#tx(host, ctx, work, options),
      query: (ctx, text, params) => this.#query(host, ctx, text, params),
      listen: (channel, onNotify) => this.listen(channel, onNotify),
      close: async () => {},
      [Symbol.asyncDispose]: async () => {},
    };
  }

  #tx<T>(host: TxHost, ctx: Context, work: (tx: Tx) => Promise<T>, options: TxOptions = {}): Promise<T> {
    const { name } = this;
    const { telemetry } = this.#options;
    if (options.autocommit === true) {
      const ground: AutocommitGround = {
        name,
        query: (text, params) => this.#query(host, ctx, text, params),
        announce: (channel, payload) => host.announce(ctx, channel, payload),
        after: (functions) => runAfterCommit(ctx, functions, this.#options),
      };
      return autocommit(ctx, ground, work, options);
    }
    return this.#span(ctx, 'transaction', {}, (inner, span) =>
      withRetries(inner, options, { name, telemetry, span }, () => this.#attempt(host, inner, work, options)),
    );
  }

  async #attempt<T>(host: TxHost, ctx: Context, work: (tx: Tx) => Promise<T>, options: TxOptions): Promise<T> {
    const tx = new PostgresTx(ctx, host, options);
    await tx.open();
    try {
      const value = await untilAbort(
        ctx.signal,
        () => work(tx),
        (reason) => tx.giveUp(reason),
      );
      tx.finish();
      await this.#commit(ctx, tx);
      return value;
    } catch (error) {
      tx.finish();
      if (!tx.committing) await tx.rollBack();
      throw error;
    } finally {
      if (!tx.committing) tx.release();
    }
  }

  #query<R extends Row = Row>(
    host: TxHost,
    ctx: Context,
    text: string,
    params: readonly unknown[] = [],
  ): Promise<QueryResult<R>> {
    const operation = /^\s*(\w+)/.exec(text)?.[1]?.toUpperCase() ?? 'SQL';
    return this.#span(ctx, operation, { 'db.query.text': text }, async (inner) => {
      const settings = await host.scope?.settingsFor(inner);
      // A text without parameters can't travel with a setting that has some.
      if (settings !== undefined && params.length === 0) return this.#tx(host, inner, (tx) => tx.query<R>(text));
      for (;;) {
        const lent = await this.#pool.acquire(inner.signal);
        const { processId } = lent.connection;
        if (settings !== undefined && processId === undefined) {
          this.#pool.release(lent.connection);
          return this.#tx(host, inner, (tx) => tx.query<R>(text, params));
        }
        const scope = processId === undefined ? undefined : settings?.(processId);
        const answer = await this.#single(lent, inner, text, params, scope);
        // What the columns are is the caller's claim about its own statement.
        if (answer !== undefined) return answer as QueryResult<Row> as QueryResult<R>;
      }
    });
  }

  /** One statement on a lent connection; `undefined` when that turned out to be dead and nothing has happened. */
  async #single(
    { connection, reused }: Lent,
    ctx: Context,
    text: string,
    params: readonly unknown[],
    scope: readonly Setting[] | undefined,
  ): Promise<Answer | undefined> {
    let sent = false;
    const onSent = (): void => void (sent = true);
    try {
      return await (scope === undefined
        ? connection.single(ctx, text, params, { onSent })
        : connection.scoped(ctx, text, params, scope, { onSent }));
    } catch (error) {
      if (!isError(error, 'DATABASE_UNAVAILABLE') || connection.usable) throw error;
      if (sent && !wasNotDone(error) && mayWrite(text)) throw inDoubt(this.name, 'a statement', error);
      if (!reused || ctx.signal.aborted) throw error;
      // The others that were idle are as old.
      this.#pool.dropIdle();
      return undefined;
    } finally {
      this.#pool.release(connection);
    }
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
    work: (ctx: Context, span: StoreSpan) => Promise<T>,
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
      runAfterCommit(ctx, tx.afterCommits, this.#options);
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
            tx.failure === undefined ? {} : { cause: tx.failure },
          );
        }
        runAfterCommit(ctx, tx.afterCommits, this.#options);
      },
      (error: unknown) => {
        tx.release();
        if (connection.usable || wasNotCommitted(error, connection)) throw error;
        throw inDoubt(this.name, 'COMMIT', error);
      },
    );
    const overdue = (): void => {
      const timer = ctx.clock.setTimer(ABANDONED_COMMIT_MS, () => connection.giveUp(ctx.signal.reason));
      settled.catch(() => {}).finally(() => timer.cancel());
    };
    await untilAbort(ctx.signal, () => settled, overdue);
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
