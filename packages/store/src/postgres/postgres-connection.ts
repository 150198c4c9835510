import type { Context } from '@fairlead/core';
import pg from 'pg';
import { sendCancelRequest } from './cancel-request.ts';
import { driverAddress, parseDatabaseUrl, type DatabaseAddress } from './database-url.ts';
import { LastWordSocket } from './last-word-socket.ts';
import type { ResolvedOptions } from './options.ts';
import {
  databaseFailure,
  isConnectionLoss,
  isLastWord,
  refusedRow,
  refusedWrites,
  stalePlan,
} from './postgres-errors.ts';
import { keepPrepared, preparedName } from './prepared.ts';
import { CLEAN_SESSION, settingStatement, type Setting } from './session-scope.ts';
import { StatementBatch, type Answer } from './statement-batch.ts';

/** Dates and timestamps without a zone stay text: turning them into instants would use this machine's zone. */
const TEXT_TYPES = new Set<number>([pg.types.builtins.DATE, pg.types.builtins.TIMESTAMP]);

const types = {
  getTypeParser(oid: number, format?: 'text' | 'binary'): (value: string) => unknown {
    return TEXT_TYPES.has(oid) ? String : pg.types.getTypeParser(oid, format ?? 'text');
  },
};

/** What the driver knows of its backend but its types don't say. */
interface BackendFacts {
  readonly processID?: number | null;
  readonly secretKey?: number | null;
  readonly connection: { readonly stream: { destroy(): void } };
}

/** How long the server waits beyond the deadline before it stops a statement itself: our own abort should come first. */
const SERVER_GRACE_MS = 100;

/** A limit that is this much later than the deadline will do: the abort is exact, the server's limit is the net below it. */
const SLACK_MS = 1_000;

/**
 * One connection. Its statements run one after another; when the Context of one aborts, the whole connection is given
 * up: the server is asked to cancel, the socket is closed, and no later user can meet what was left behind.
 *
 * A pooler in between that gives each transaction another session is noticed when the connection is made. Then nothing
 * is left in the session: limits are set within each transaction, and nothing is kept prepared.
 */
export class PostgresConnection {
  readonly #client: pg.Client;
  readonly #address: DatabaseAddress;
  readonly #name: string;
  readonly #options: ResolvedOptions;
  #brokenBy: unknown;
  #ended = false;
  #tail: Promise<unknown> = Promise.resolve();
  #serverVersion = 0;
  #direct = false;
  #limitsAreLocal = false;
  #processId: number | undefined;
  #statementTimeoutMs = 0;
  readonly #prepared = new Set<string>();
  /** Called once when the connection is no longer usable. */
  onEnd: () => void = () => {};
  /** Called for each NOTIFY. */
  onNotification: (channel: string, payload: string) => void = () => {};

  constructor(options: ResolvedOptions) {
    this.#name = options.name;
    this.#options = options;
    this.#address = parseDatabaseUrl(options.url, options.name);
    this.#client = new pg.Client({
      ...driverAddress(options.url, options.name),
      application_name: options.name,
      connectionTimeoutMillis: options.connectTimeoutMs,
      keepAlive: true,
      stream: () => new LastWordSocket(options.clock),
      types,
    });
    this.#client.on('error', (error) => this.#end(error));
    this.#client.on('end', () => this.#end(new Error('Connection terminated')));
    this.#client.on('notification', (message) => this.onNotification(message.channel, message.payload ?? ''));
  }

  /** The database's name, for errors. */
  get name(): string {
    return this.#name;
  }

  /** Whether it can still be used. */
  get usable(): boolean {
    return !this.#ended;
  }

  /** Major version of the server, such as 18. */
  get serverVersion(): number {
    return this.#serverVersion;
  }

  /** The process at the other end; `undefined` behind a pooler, where each transaction has another. */
  get processId(): number | undefined {
    return this.#processId;
  }

  /**
   * Whether transactions are limited by `transactionTimeoutMs` alone, and not by the session, a role or the server. Such a
   * limit ends with the transaction, before the server looks whether it was exceeded: it never ends one that is committed.
   */
  get limitsAreLocal(): boolean {
    return this.#limitsAreLocal;
  }

  /** @throws DATABASE_UNAVAILABLE */
  async connect(): Promise<void> {
    // The driver's Connection forwards the server's parameters; its types leave the event out.
    const events = (this.#client as unknown as { connection: NodeJS.EventEmitter }).connection;
    events.on('parameterStatus', (message: { parameterName: string; parameterValue: string }) => {
      if (message.parameterName === 'server_version') this.#serverVersion = Number.parseInt(message.parameterValue, 10);
    });
    try {
      await this.#client.connect();
      await this.#greet();
    } catch (error) {
      this.destroy(error);
      throw databaseFailure(error, this.#name);
    }
  }

  /**
   * Runs one statement, after those before it. Settles at once when the Context ends.
   * @throws DATABASE_UNAVAILABLE, DEADLINE_EXCEEDED, TRANSACTION_TIMEOUT, the signal's reason, or the driver's error
   */
  async query(
    ctx: Context,
    text: string,
    params: readonly unknown[] = [],
    begin: BeginStatements = {},
  ): Promise<Answer> {
    ctx.throwIfAborted();
    return this.#untilAbort(ctx.signal, this.#inTurn(text, params, begin));
  }

  /**
   * Runs one statement with parameters in a transaction of its own that has these settings, in a session of which nothing
   * is believed.
   * @throws as `query` does
   */
  async scoped(
    ctx: Context,
    text: string,
    params: readonly unknown[],
    settings: readonly Setting[],
    begin: Pick<BeginStatements, 'onSent'>,
  ): Promise<Answer> {
    const limit: Setting = ['statement_timeout', String(serverTimeout(ctx))];
    return this.query(ctx, text, params, {
      ...begin,
      statements: CLEAN_SESSION,
      setting: settingStatement([limit, ...settings]),
    });
  }

  /**
   * Runs one statement in a transaction of its own, and tells the server the time left for it.
   * @throws as `query` does
   */
  async single(
    ctx: Context,
    text: string,
    params: readonly unknown[],
    begin: Pick<BeginStatements, 'onSent'>,
  ): Promise<Answer> {
    try {
      return await this.#single(ctx, text, params, begin);
    } catch (error) {
      const refused = refusedWrites(error, 'statement', this.#name);
      if (refused !== undefined) this.destroy(refused);
      throw refused ?? error;
    }
  }

  /** Runs `text` without a Context: for COMMIT and ROLLBACK, which are not given up half-way. */
  async finish(text: string): Promise<string> {
    return (await this.#inTurn(text, [])).command;
  }

  /**
   * What begins a transaction: BEGIN and its limits, as far as the session does not have them.
   * @param transactionTimeoutMs how long it may last; 0 is no limit
   */
  beginStatements(ctx: Context, characteristics: string, transactionTimeoutMs: number): readonly string[] {
    const timeoutMs = serverTimeout(ctx);
    const statements = [keepPrepared(`BEGIN ${characteristics}`), ...(this.#options.shared ? CLEAN_SESSION : [])];
    if (!this.#direct || !this.#limits(timeoutMs)) statements.push(`SET LOCAL statement_timeout = ${timeoutMs}`);
    if (!this.#direct) statements.push(`SET LOCAL idle_in_transaction_session_timeout = ${transactionTimeoutMs}`);
    // Never in the session: a COMMIT that the server ends for a limit of its transaction alone has not happened.
    if (this.#serverVersion >= 17) {
      statements.push(keepPrepared(`SET LOCAL transaction_timeout = ${transactionTimeoutMs}`));
    }
    return statements;
  }

  /** Gives the connection up: asks the server to cancel what runs and closes the socket. Idempotent. */
  giveUp(reason: unknown): void {
    if (this.#ended) return;
    const { processID, secretKey } = this.#facts();
    if (typeof processID === 'number' && typeof secretKey === 'number') {
      void sendCancelRequest(this.#address, { processId: processID, secretKey });
    }
    this.destroy(reason);
  }

  /** Closes the socket without a word. Idempotent. */
  destroy(reason: unknown): void {
    this.#end(reason);
    this.#facts().connection.stream.destroy();
  }

  /** Says goodbye and closes. */
  async end(): Promise<void> {
    if (this.#ended) return;
    this.#end(new Error('Client was closed'));
    await this.#client.end().catch(() => {});
  }

  /**
   * Finds out in one statement whether the session is this connection's own (a pooler makes up the process id that it
   * tells its clients) and, if so, sets what all transactions share.
   */
  async #greet(): Promise<void> {
    const { processID } = this.#facts();
    if (typeof processID !== 'number') return;
    // A pooler lets in whom it has no server for yet.
    const { clock, connectTimeoutMs } = this.#options;
    const timer =
      connectTimeoutMs === 0
        ? undefined
        : clock.setTimer(connectTimeoutMs, () => this.giveUp(new Error('connection timeout')));
    const limit = `set_config('idle_in_transaction_session_timeout', '${this.#options.transactionTimeoutMs}', false)`;
    try {
      const more = `current_setting('transaction_timeout', true) AS longest`;
      const text = `SELECT ${limit}, ${more} WHERE pg_backend_pid() = ${processID}`;
      const [own] = (await this.#inTurn(text, [])).rows;
      this.#processId = own === undefined ? undefined : processID;
      this.#direct = own !== undefined && !this.#options.shared;
      this.#limitsAreLocal = own?.['longest'] === '0';
    } finally {
      timer?.cancel();
    }
  }

  /** Whether the session's statement_timeout will do for so much time. */
  #limits(timeoutMs: number): boolean {
    const current = this.#statementTimeoutMs;
    return timeoutMs === 0 ? current === 0 : current >= timeoutMs && current < timeoutMs + SLACK_MS;
  }

  async #single(
    ctx: Context,
    text: string,
    params: readonly unknown[],
    begin: Pick<BeginStatements, 'onSent'>,
  ): Promise<Answer> {
    const timeoutMs = serverTimeout(ctx);
    if (!this.#direct) {
      // Local to the transaction that the server makes of the two.
      const limit = `SELECT set_config('statement_timeout', '${timeoutMs}', true)`;
      return this.query(ctx, text, params, timeoutMs === 0 ? begin : { ...begin, statements: [limit] });
    }
    if (this.#limits(timeoutMs)) return this.query(ctx, text, params, begin);
    const limit = `SET statement_timeout = ${timeoutMs}`;
    // A text without parameters may be of several statements, or of one that must stand alone.
    if (params.length === 0) {
      await this.query(ctx, limit);
      this.#statementTimeoutMs = timeoutMs;
      return this.query(ctx, text, params, begin);
    }
    const answer = await this.query(ctx, text, params, { ...begin, statements: [limit] });
    // Only now: a statement that fails takes the setting ahead of it back.
    this.#statementTimeoutMs = timeoutMs;
    return answer;
  }

  #inTurn(text: string, params: readonly unknown[], begin: BeginStatements = {}): Promise<Answer> {
    const turn = this.#tail.then(async () => {
      const { setting } = begin;
      if (setting === undefined || params.length > 0) return this.#run(text, params, begin);
      // A text without parameters travels in another form, which would show the setting's value.
      await this.#run(setting.text, setting.params, { ...begin, setting: undefined });
      return this.#run(text, params, {});
    });
    this.#tail = turn.catch(() => {});
    return turn;
  }

  async #run(text: string, params: readonly unknown[], begin: BeginStatements): Promise<Answer> {
    if (this.#ended) throw databaseFailure(this.#brokenBy, this.#name);
    const { statements: ahead = [], setting } = begin;
    const nameOf = this.#direct ? preparedName : unnamed;
    const batch = new StatementBatch({ text, params, ahead, setting, nameOf, prepared: this.#prepared }, types);
    try {
      begin.onSent?.();
      this.#client.query(batch);
      return await batch.answer;
    } catch (error) {
      const begun = ahead.length === 0 || batch.aheadCompleted > 0;
      const refused = stalePlan(error, this.#name) ?? (begun ? undefined : refusedWrites(error, 'begin', this.#name));
      if (isLastWord(error) || isConnectionLoss(error) || refused !== undefined) this.destroy(refused ?? error);
      // The driver's errors are made where the socket is read; what asked is of more use.
      else if (error instanceof Error) Error.captureStackTrace(error);
      // The server's own word (57P01, 25P04) comes first, as an event or as this answer, and says more than the broken
      // socket after it.
      if (this.#ended) throw databaseFailure(this.#brokenBy ?? error, this.#name);
      throw (this.#options.shared ? refusedRow(error, this.#name) : undefined) ?? databaseFailure(error, this.#name);
    } finally {
      if (batch.aheadCompleted > 0) begin.onBegun?.();
    }
  }

  #untilAbort<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const onAbort = (): void => {
        this.giveUp(signal.reason);
        reject(signal.reason);
      };
      signal.addEventListener('abort', onAbort, { once: true });
      work.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
    });
  }

  #end(reason: unknown): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#brokenBy = reason;
    this.onEnd();
  }

  #facts(): BackendFacts {
    // True of the JavaScript client that this package depends on, at the pinned version.
    return this.#client as unknown as BackendFacts;
  }
}

const unnamed = (): undefined => undefined;

/** What goes ahead of a statement. */
export interface BeginStatements {
  /** Statements without parameters, in the same write. */
  readonly statements?: readonly string[];
  /** A statement with parameters, after those. */
  readonly setting?: { readonly text: string; readonly params: readonly string[] } | undefined;
  /** Called when the statement is on its way: from here on it may be carried out. */
  readonly onSent?: () => void;
  /** Called, before the statement settles, when the server has carried out the first of `statements`. */
  readonly onBegun?: () => void;
}

/** The `statement_timeout` for what is left of the Context, in milliseconds; 0 is none. */
function serverTimeout(ctx: Context): number {
  const remaining = ctx.remainingMs();
  return remaining === Infinity ? 0 : Math.ceil(remaining) + SERVER_GRACE_MS;
}
