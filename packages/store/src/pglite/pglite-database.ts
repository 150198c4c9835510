/*
 * A Database on PGlite: real Postgres code in memory, one session for everybody. Turns are taken by a queue per
 * instance (turns.ts); a schema stands for a database. pglite-tenancy.ts keeps tenants' rows apart.
 */
import type { PGlite } from '@electric-sql/pglite';
import type { Closeable, CloseOptions, Clock, Context } from '@fairlead/core';
import { quoteIdentifier } from '../postgres/database-url.ts';
import { databaseFailure, refusedRow, sqlState } from '../postgres/postgres-errors.ts';
import type { Database, QueryResult, Row, Tx, TxOptions } from '../database.ts';
import { fail } from '../errors.ts';
import { SILENT, type StoreSpan, type StoreTelemetry } from '../telemetry.ts';
import { withRetries } from '../tx-retry.ts';
import { runAfterCommit } from '../after-commit.ts';
import { autocommit, type AutocommitGround } from '../autocommit.ts';
import { Announcer } from '../wake/announcer.ts';
import { setAcrossTenants } from '../tenancy/across-tenants.ts';
import { PgliteTenancy } from './pglite-tenancy.ts';
import { turnsOf, type Turns } from './turns.ts';

/** How a PGlite database is opened. */
export interface PgliteDatabaseOptions {
  /** The instance; shared by all databases on it. Whoever made it closes it. */
  readonly pglite: PGlite;
  /** Schema that stands for the database; made when missing. */
  readonly schema: string;
  /** Name for logs and errors, usually the service's. */
  readonly name: string;
  /** Time: what `fairlead.now()` answers in every statement. */
  readonly clock: Clock;
  /** Spans and logs. Default: none. */
  readonly telemetry?: StoreTelemetry | undefined;
  /**
   * `rows`: as `openDatabase` has it; migrations then need a Database of their own without it, and come first. No secret:
   * there is nobody to keep one from. Default: nothing is isolated.
   */
  readonly tenancy?: 'rows' | undefined;
}

/** Channels of an instance that somebody listens on, with how many do. */
const LISTENED = new WeakMap<PGlite, Map<string, number>>();

/** Type oids: bigint, date and timestamp as text, as the Postgres database gives them. */
const PARSERS = { 20: String, 1082: String, 1114: String };

/**
 * One service's database as a schema of an in-memory PGlite. For simulation and quick tests: nothing is durable, and
 * there is one session, so transactions never overlap, never deadlock and never commit out of order.
 *
 * Inside the work of a `tx`, a `query` or `tx` of any database on the same instance waits for that transaction: awaiting
 * it there never ends before the Context does.
 */
export function pgliteDatabase(options: PgliteDatabaseOptions): Database {
  const database = new PgliteDatabase(options);
  if (options.tenancy !== undefined) setAcrossTenants(database, database.acrossTenants());
  return database;
}

class PgliteDatabase implements Database {
  readonly name: string;
  readonly #options: PgliteDatabaseOptions;
  readonly #telemetry: StoreTelemetry;
  readonly #turns: Turns;
  readonly #listeners = new Set<() => Promise<void>>();
  readonly #listened: Map<string, number>;
  readonly #announcer: Announcer;
  readonly #tenancy: PgliteTenancy | undefined;
  #ready = false;
  #closed = false;

  constructor(options: PgliteDatabaseOptions) {
    this.name = options.name;
    this.#options = options;
    this.#telemetry = options.telemetry ?? SILENT;
    this.#turns = turnsOf(options.pglite);
    this.#listened = LISTENED.get(options.pglite) ?? new Map<string, number>();
    LISTENED.set(options.pglite, this.#listened);
    this.#announcer = new Announcer({ tell: (ctx, text, params) => this.query(ctx, text, params) });
    this.#tenancy = options.tenancy === undefined ? undefined : new PgliteTenancy(options.pglite, options.schema);
  }

  tx<T>(ctx: Context, work: (tx: Tx) => Promise<T>, options?: TxOptions): Promise<T> {
    return this.#tx(false, ctx, work, options);
  }

  query<R extends Row = Row>(ctx: Context, text: string, params?: readonly unknown[]): Promise<QueryResult<R>> {
    return this.#query(false, ctx, text, params);
  }

  /** What `acrossTenants` answers. */
  acrossTenants(): Database {
    return {
      name: this.name,
      tx: (ctx, work, options) => this.#tx(true, ctx, work, options),
      query: (ctx, text, params) => this.#query(true, ctx, text, params),
      listen: (channel, onNotify) => this.listen(channel, onNotify),
      close: async () => {},
      [Symbol.asyncDispose]: async () => {},
    };
  }

  #tx<T>(everyTenant: boolean, ctx: Context, work: (tx: Tx) => Promise<T>, options: TxOptions = {}): Promise<T> {
    const report = { name: this.name, telemetry: this.#telemetry };
    if (options.autocommit === true) {
      const ground: AutocommitGround = {
        name: this.name,
        query: (text, params) => this.#query(everyTenant, ctx, text, params),
        announce: (channel, payload) => this.#announce(ctx, channel, payload),
        after: (functions) => runAfterCommit(ctx, functions, report),
      };
      return autocommit(ctx, ground, work, options);
    }
    return this.#span(ctx, 'transaction', (inner, span) =>
      withRetries(inner, options, { ...report, span }, () => this.#attempt(inner, work, options, everyTenant)),
    );
  }

  #query<R extends Row = Row>(
    everyTenant: boolean,
    ctx: Context,
    text: string,
    params: readonly unknown[] = [],
  ): Promise<QueryResult<R>> {
    const operation = /^\s*(\w+)/.exec(text)?.[1]?.toUpperCase() ?? 'SQL';
    return this.#span(ctx, operation, (inner) => {
      const tx = new PgliteTx(inner, this.#options, this.#announce);
      return this.#turns.take(inner.signal, () => this.#run(tx, () => tx.query<R>(text, params), {}, everyTenant));
    });
  }

  async listen(channel: string, onNotify: (payload: string) => void): Promise<Closeable> {
    const name = quoteIdentifier(channel);
    const stop = await this.#turns.take(undefined, () => this.#options.pglite.listen(name, onNotify));
    onNotify('');
    this.#listened.set(channel, (this.#listened.get(channel) ?? 0) + 1);
    let open = true;
    const close = async (): Promise<void> => {
      if (!open) return;
      open = false;
      this.#listeners.delete(close);
      this.#listened.set(channel, (this.#listened.get(channel) ?? 1) - 1);
      await this.#turns.take(undefined, () => stop());
    };
    this.#listeners.add(close);
    return { close, [Symbol.asyncDispose]: close };
  }

  async close(_options: CloseOptions = {}): Promise<void> {
    this.#closed = true;
    await Promise.all([this.#announcer.close(), ...[...this.#listeners].map((close) => close())]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** All listeners of the instance are in this process: without one, nothing is sent. */
  readonly #announce = (ctx: Context, channel: string, payload: string): void => {
    if ((this.#listened.get(channel) ?? 0) > 0) void this.#announcer.announce(ctx, channel, payload);
  };

  async #attempt<T>(ctx: Context, work: (tx: Tx) => Promise<T>, options: TxOptions, everyTenant: boolean): Promise<T> {
    const tx = new PgliteTx(ctx, this.#options, this.#announce);
    const value = await this.#turns.take(ctx.signal, () => this.#run(tx, work, options, everyTenant));
    runAfterCommit(ctx, tx.afterCommits, { name: this.name, telemetry: this.#telemetry });
    return value;
  }

  async #run<T>(tx: PgliteTx, work: (tx: Tx) => Promise<T>, options: TxOptions, everyTenant: boolean): Promise<T> {
    if (this.#closed) throw fail('DATABASE_UNAVAILABLE', `${this.name}: the database was closed.`);
    const { pglite } = this.#options;
    await this.#begin(tx.ctx, options, everyTenant);
    try {
      const value = await untilAbort(tx.ctx.signal, () => work(tx));
      await tx.finish();
      tx.ctx.throwIfAborted();
      if (
        tx.failed &&
        !(await pglite.exec('select 1').then(
          () => true,
          () => false,
        ))
      )
        throw fail(
          'TX_ABORTED',
          `${this.name}: a statement of this transaction failed and the failure was swallowed. Let failures reach the end of the transaction, or use a savepoint.`,
          { cause: tx.failure },
        );
      await pglite.exec('COMMIT');
      return value;
    } catch (error) {
      await tx.finish();
      await pglite.exec('ROLLBACK');
      throw error;
    }
  }

  /** Opens the transaction in one call: whose schema it sees and what time it is. */
  async #begin({ tenant = '' }: Context, options: TxOptions, everyTenant: boolean): Promise<void> {
    const { pglite, clock, schema } = this.#options;
    const name = quoteIdentifier(schema);
    if (!this.#ready) await pglite.exec(`CREATE SCHEMA IF NOT EXISTS ${name}`);
    this.#ready = true;
    const isolation = (options.isolation ?? 'read committed').toUpperCase();
    const access = options.readOnly === true ? 'READ ONLY' : 'READ WRITE';
    const one = tenant === '' ? undefined : ({ kind: 'tenant', tenant } as const);
    const whose = await this.#tenancy?.statements(everyTenant ? { kind: 'every-tenant' } : one);
    await pglite.exec(
      `BEGIN ISOLATION LEVEL ${isolation} ${access}; SET LOCAL search_path = ${name}; ` +
        `SET LOCAL fairlead.now = '${new Date(clock.now()).toISOString()}'; ${whose ?? ''}`,
    );
  }

  #span<T>(ctx: Context, operation: string, work: (ctx: Context, span: StoreSpan) => Promise<T>): Promise<T> {
    const attributes = { 'db.system.name': 'postgresql', 'db.namespace': this.name, 'db.operation.name': operation };
    return this.#telemetry.tracer.span(ctx, { name: `${operation} ${this.name}`, kind: 'client', attributes }, work);
  }
}

class PgliteTx implements Tx {
  readonly ctx: Context;
  readonly afterCommits: (() => void)[] = [];
  /** Whether any statement failed: unless it was in a savepoint, COMMIT would silently be a rollback. */
  failed = false;
  /** The last failure of a statement. */
  failure: unknown;
  readonly #pglite: PGlite;
  readonly #name: string;
  readonly #announce: (ctx: Context, channel: string, payload: string) => void;
  #open = true;
  #tail: Promise<unknown> = Promise.resolve();

  constructor(
    ctx: Context,
    { pglite, name }: Pick<PgliteDatabaseOptions, 'pglite' | 'name'>,
    announce: (ctx: Context, channel: string, payload: string) => void,
  ) {
    this.ctx = ctx;
    this.#pglite = pglite;
    this.#name = name;
    this.#announce = announce;
  }

  async query<R extends Row = Row>(text: string, params: readonly unknown[] = []): Promise<QueryResult<R>> {
    this.#mustBeOpen();
    this.ctx.throwIfAborted();
    const turn = this.#tail
      .then(() => this.#query<R>(text, params))
      .catch((error: unknown) => {
        if (sqlState(error)?.startsWith('FLT') === true) throw databaseFailure(error, this.#name);
        throw refusedRow(error, this.#name) ?? error;
      });
    this.#tail = turn.catch((error: unknown) => {
      this.failed = true;
      this.failure = error;
    });
    return turn;
  }

  afterCommit(fn: () => void): void {
    this.#mustBeOpen();
    this.afterCommits.push(fn);
  }

  announce(channel: string, payload = ''): void {
    this.afterCommit(() => this.#announce(this.ctx, channel, payload));
  }

  /** Refuses further statements and waits for those under way. */
  async finish(): Promise<void> {
    this.#open = false;
    await this.#tail;
  }

  async #query<R extends Row>(text: string, params: readonly unknown[]): Promise<QueryResult<R>> {
    if (params.length === 0) {
      // Several statements in one text, as migrations have them; the last one answers, as it does on Postgres.
      const results = await this.#pglite.exec(text, { parsers: PARSERS });
      const last = results.at(-1);
      // What the columns are is the caller's claim about its own statement.
      return { rows: (last?.rows ?? []) as R[], rowCount: countOf(last) };
    }
    const result = await this.#pglite.query<R>(
      text,
      params.map((value) => value ?? null),
      { parsers: PARSERS },
    );
    return { rows: result.rows, rowCount: countOf(result) };
  }

  #mustBeOpen(): void {
    if (!this.#open)
      throw fail(
        'TX_CLOSED',
        'A transaction was used after it had ended. Await everything before the function given to tx returns.',
      );
  }
}

function countOf(result: { readonly rows: readonly unknown[]; readonly affectedRows?: number } | undefined): number {
  if (result === undefined) return 0;
  return result.rows.length > 0 ? result.rows.length : (result.affectedRows ?? 0);
}

function untilAbort<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
    work()
      .then(resolve, reject)
      .finally(() => signal.removeEventListener('abort', abort));
  });
}
