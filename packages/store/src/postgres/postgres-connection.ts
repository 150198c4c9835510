import type { Context } from '@fairlead/core';
import pg from 'pg';
import { sendCancelRequest } from './cancel-request.ts';
import { driverAddress, parseDatabaseUrl, type DatabaseAddress } from './database-url.ts';
import type { QueryResult, Row } from '../database.ts';
import { LastWordSocket } from './last-word-socket.ts';
import type { ResolvedOptions } from './options.ts';
import { databaseFailure, isConnectionLoss, isLastWord } from './postgres-errors.ts';

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

/** The driver's answer to one statement; a text of several statements gives an array of them. */
type DriverResult = { readonly rows: Row[]; readonly rowCount: number | null; readonly command: string };

/** How long the server waits beyond the deadline before it stops a statement itself: our own abort should come first. */
const SERVER_GRACE_MS = 100;

/**
 * One connection. Its statements run one after another; when the Context of one aborts, the whole connection is given
 * up: the server is asked to cancel, the socket is closed, and no later user can meet what was left behind.
 */
export class PostgresConnection {
  readonly #client: pg.Client;
  readonly #address: DatabaseAddress;
  readonly #name: string;
  #brokenBy: unknown;
  #ended = false;
  #tail: Promise<unknown> = Promise.resolve();
  #serverVersion = 0;
  #statementTimeoutMs = 0;
  /** Called once when the connection is no longer usable. */
  onEnd: () => void = () => {};
  /** Called for each NOTIFY. */
  onNotification: (channel: string, payload: string) => void = () => {};

  constructor(options: ResolvedOptions) {
    this.#name = options.name;
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

  /** @throws DATABASE_UNAVAILABLE */
  async connect(): Promise<void> {
    // The driver's Connection forwards the server's parameters; its types leave the event out.
    const events = (this.#client as unknown as { connection: NodeJS.EventEmitter }).connection;
    events.on('parameterStatus', (message: { parameterName: string; parameterValue: string }) => {
      if (message.parameterName === 'server_version') this.#serverVersion = Number.parseInt(message.parameterValue, 10);
    });
    try {
      await this.#client.connect();
    } catch (error) {
      this.destroy(error);
      throw databaseFailure(error, this.#name);
    }
  }

  /**
   * Runs one statement, after those before it. Settles at once when the Context ends.
   * @throws DATABASE_UNAVAILABLE, DEADLINE_EXCEEDED, TRANSACTION_TIMEOUT, the signal's reason, or the driver's error
   */
  async query(ctx: Context, text: string, params: readonly unknown[] = []): Promise<QueryResult & { command: string }> {
    ctx.throwIfAborted();
    const turn = this.#tail.then(() => this.#run(text, params));
    this.#tail = turn.catch(() => {});
    return this.#untilAbort(ctx.signal, turn);
  }

  /** Runs `text` without a Context: for COMMIT and ROLLBACK, which are not given up half-way. */
  async finish(text: string): Promise<string> {
    const turn = this.#tail.then(() => this.#run(text, []));
    this.#tail = turn.catch(() => {});
    return (await turn).command;
  }

  /** Tells the server the time left for single statements, when that has changed. */
  async limitStatements(ctx: Context): Promise<void> {
    const timeoutMs = serverTimeout(ctx);
    const current = this.#statementTimeoutMs;
    // The abort is exact; the server's limit is the net below it, so one that is up to a second late will do.
    if (timeoutMs === 0 ? current === 0 : current >= timeoutMs && current < timeoutMs + 1_000) return;
    await this.query(ctx, `SET statement_timeout = ${timeoutMs}`);
    this.#statementTimeoutMs = timeoutMs;
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

  async #run(text: string, params: readonly unknown[]): Promise<QueryResult & { command: string }> {
    if (this.#ended) throw databaseFailure(this.#brokenBy, this.#name);
    try {
      // A text of several statements answers with an array; the driver's types speak of single ones only.
      const answer = (await (params.length === 0
        ? this.#client.query(text)
        : this.#client.query(text, [...params]))) as DriverResult | DriverResult[];
      const last = Array.isArray(answer) ? answer.at(-1) : answer;
      return { rows: last?.rows ?? [], rowCount: last?.rowCount ?? 0, command: last?.command ?? '' };
    } catch (error) {
      if (isLastWord(error) || isConnectionLoss(error)) this.destroy(error);
      // The server's own word (57P01, 25P04) comes first, as an event or as this answer, and says more than the broken
      // socket after it.
      throw databaseFailure(this.#ended ? (this.#brokenBy ?? error) : error, this.#name);
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

/** The `statement_timeout` for what is left of the Context, in milliseconds; 0 is none. */
export function serverTimeout(ctx: Context): number {
  const remaining = ctx.remainingMs();
  return remaining === Infinity ? 0 : Math.ceil(remaining) + SERVER_GRACE_MS;
}
