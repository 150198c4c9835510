import type { Context } from '@fairlead/core';
import pg from 'pg';
import { sendCancelRequest } from './cancel-request.ts';
import { driverAddress, parseDatabaseUrl, type DatabaseAddress } from './database-url.ts';
import { LastWordSocket } from './last-word-socket.ts';
import type { ResolvedOptions } from './options.ts';
import { databaseFailure, isConnectionLoss, isLastWord } from './postgres-errors.ts';
import { preparedName } from './prepared.ts';
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

  /** Whether it can still be used. */
  get usable(): boolean {
    return !this.#ended;
  }

  /** Major version of the server, such as 18. */
  get serverVersion(): number {
    return this.#serverVersion;
  }

  /** Whether the session at the other end is this connection's own; false behind a pooler. */
  get direct(): boolean {
    return this.#direct;
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
   * @param begin statements without parameters that go ahead of it, in the same write: what begins its transaction
   * @throws DATABASE_UNAVAILABLE, DEADLINE_EXCEEDED, TRANSACTION_TIMEOUT, the signal's reason, or the driver's error
   */
  async query(ctx: Context, text: string, params: readonly unknown[] = [], begin?: BeginStatements): Promise<Answer> {
    ctx.throwIfAborted();
    return this.#untilAbort(ctx.signal, this.#inTurn(text, params, begin));
  }

  /**
   * Runs one statement in a transaction of its own, and tells the server the time left for it.
   * @throws as `query` does
   */
  async single(ctx: Context, text: string, params: readonly unknown[]): Promise<Answer> {
    const timeoutMs = serverTimeout(ctx);
    if (!this.#direct) {
      // Local to the transaction that the server makes of the two.
      const limit = `SELECT set_config('statement_timeout', '${timeoutMs}', true)`;
      return this.query(ctx, text, params, timeoutMs === 0 ? undefined : { statements: [limit] });
    }
    if (this.#limits(timeoutMs)) return this.query(ctx, text, params);
    const limit = `SET statement_timeout = ${timeoutMs}`;
    // A text without parameters may be of several statements, or of one that must stand alone.
    if (params.length === 0) await this.query(ctx, limit);
    const answer = await this.query(ctx, text, params, params.length === 0 ? undefined : { statements: [limit] });
    // Only now: a statement that fails takes the setting ahead of it back.
    this.#statementTimeoutMs = timeoutMs;
    return answer;
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
    const statements = [`BEGIN ${characteristics}`];
    if (!this.#direct || !this.#limits(timeoutMs)) statements.push(`SET LOCAL statement_timeout = ${timeoutMs}`);
    if (!this.#direct) statements.push(`SET LOCAL idle_in_transaction_session_timeout = ${transactionTimeoutMs}`);
    // Never in the session: a COMMIT that the server ends for a limit of its transaction alone has not happened.
    if (this.#serverVersion >= 17) statements.push(`SET LOCAL transaction_timeout = ${transactionTimeoutMs}`);
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
      const { rowCount } = await this.#inTurn(`SELECT ${limit} WHERE pg_backend_pid() = ${processID}`, []);
      this.#direct = rowCount === 1;
    } finally {
      timer?.cancel();
    }
  }

  /** Whether the session's statement_timeout will do for so much time. */
  #limits(timeoutMs: number): boolean {
    const current = this.#statementTimeoutMs;
    return timeoutMs === 0 ? current === 0 : current >= timeoutMs && current < timeoutMs + SLACK_MS;
  }

  #inTurn(text: string, params: readonly unknown[], begin?: BeginStatements): Promise<Answer> {
    const turn = this.#tail.then(() => this.#run(text, params, begin));
    this.#tail = turn.catch(() => {});
    return turn;
  }

  async #run(text: string, params: readonly unknown[], begin: BeginStatements | undefined): Promise<Answer> {
    if (this.#ended) throw databaseFailure(this.#brokenBy, this.#name);
    const name = this.#direct && params.length > 0 ? preparedName(text) : undefined;
    const isPrepared = name !== undefined && this.#prepared.has(name);
    const ahead = begin?.statements ?? [];
    const batch = new StatementBatch({ text, params, ahead, name, isPrepared }, types);
    try {
      this.#client.query(batch);
      return await batch.answer;
    } catch (error) {
      if (isLastWord(error) || isConnectionLoss(error)) this.destroy(error);
      // The driver's errors are made where the socket is read; what asked is of more use.
      else if (error instanceof Error) Error.captureStackTrace(error);
      // The server's own word (57P01, 25P04) comes first, as an event or as this answer, and says more than the broken
      // socket after it.
      throw databaseFailure(this.#ended ? (this.#brokenBy ?? error) : error, this.#name);
    } finally {
      if (name !== undefined && batch.wasParsed) this.#prepared.add(name);
      if (begin?.onBegun !== undefined && batch.aheadCompleted > 0) begin.onBegun();
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

/** What goes ahead of a statement. */
export interface BeginStatements {
  readonly statements: readonly string[];
  /** Called, before the statement settles, when the server has carried out the first of them. */
  readonly onBegun?: () => void;
}

/** The `statement_timeout` for what is left of the Context, in milliseconds; 0 is none. */
function serverTimeout(ctx: Context): number {
  const remaining = ctx.remainingMs();
  return remaining === Infinity ? 0 : Math.ceil(remaining) + SERVER_GRACE_MS;
}
