import type { Closeable, Context } from '@fairlead/core';

/** Rows as the driver gives them: column name to value. bigint columns arrive as strings, timestamptz as Date, jsonb parsed. */
export type Row = Record<string, unknown>;

/** The outcome of one statement. */
export interface QueryResult<R extends Row = Row> {
  readonly rows: readonly R[];
  /** Rows returned or affected. */
  readonly rowCount: number;
}

/** Runs one statement with `$1`-style parameters. Parameters are never spliced into the text. */
export interface Sql {
  query<R extends Row = Row>(text: string, params?: readonly unknown[]): Promise<QueryResult<R>>;
}

/** An open transaction. Ends when the function given to `Database.tx` settles; using it afterwards throws. */
export interface Tx extends Sql {
  /** The Context the transaction was opened under. */
  readonly ctx: Context;
  /** Runs `fn` once the commit is durable; never on rollback. Its failure is logged, it changes nothing. */
  afterCommit(fn: () => void): void;
  /**
   * Tells whoever listens on `channel` (see `Database.listen`) once the commit is durable; never on rollback. At most once in
   * 5 ms for a channel and payload, in a statement of its own: NOTIFY within a transaction holds a lock of the whole server
   * through the commit. A hint that may get lost. `payload` is empty by default.
   */
  announce(channel: string, payload?: string): void;
}

/** How a transaction is opened. */
export interface TxOptions {
  /** Default `read committed`. */
  readonly isolation?: 'read committed' | 'repeatable read' | 'serializable';
  /** Default false. */
  readonly readOnly?: boolean;
  /**
   * Whether `work` runs again, in a new transaction, when the server has rolled this one back for another's sake: a
   * serialization failure (40001) or a deadlock (40P01). At most 10 times in all, after short random waits, within the
   * Context. Default: true for `repeatable read` and `serializable`, where such failures are how they work; false for
   * `read committed`. Work that may run again does nothing outside of its transaction but what may happen twice; what is
   * to happen once belongs into `afterCommit`, of which only those of the attempt that was committed run.
   */
  readonly retry?: boolean;
  /**
   * Whether each statement of `work` commits by itself, in one round trip and without a transaction around them. For work that
   * is one statement anyway, such as an append or an enqueuing that belongs to no other change: what it says has happened, has.
   * What runs after commits runs when `work` has resolved. Not together with the other options. Default false.
   */
  readonly autocommit?: boolean;
}

/**
 * A service's own database, as a port: real Postgres in every topology that lasts, PGlite under the simulator.
 *
 * Statements and transactions end with the Context: the server is told the time left as `statement_timeout`, and an
 * abort gives the connection up, so nothing waits longer than its caller. After an abort during COMMIT the outcome is
 * unknown; callers that repeat must be idempotent.
 */
export interface Database extends Closeable {
  /** Name for logs and errors, usually the service's. */
  readonly name: string;
  /**
   * Runs `work` in one transaction: commits when it resolves, rolls back when it rejects. The server hears of it with the
   * first statement.
   * @throws DATABASE_UNAVAILABLE when no connection can be had, the server takes no writes, or the connection broke before
   *   COMMIT was sent (nothing happened)
   * @throws COMMIT_UNKNOWN when the connection broke during COMMIT
   */
  tx<T>(ctx: Context, work: (tx: Tx) => Promise<T>, options?: TxOptions): Promise<T>;
  /**
   * One statement on its own.
   * @throws DATABASE_UNAVAILABLE when nothing happened; COMMIT_UNKNOWN when the connection broke under a statement that may
   *   write. One that begins with SELECT and calls none of this package's functions is taken for a read.
   */
  query<R extends Row = Row>(ctx: Context, text: string, params?: readonly unknown[]): Promise<QueryResult<R>>;
  /**
   * Calls `onNotify(payload)` for each NOTIFY on `channel` until closed. Reconnects by itself; a notification may be
   * lost meanwhile, so it is a hint to look, never the news itself. Also called once after each (re)connect.
   */
  listen(channel: string, onNotify: (payload: string) => void): Promise<Closeable>;
}
