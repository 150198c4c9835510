import type { Duplex } from 'node:stream';
import type { Closeable, Context, Timer } from '@fairlead/core';
import { Outbox } from '../wire/outbox.ts';
import { Call, connectionFailed, whyOf, type ReceivedAnswer, type WholeRequest } from './call.ts';
import type { Carried } from './carried.ts';
import { ClientConnection, type ConnectionEvents } from './client-connection.ts';
import { UpstreamSessions } from '../http2/upstream-sessions.ts';
import { resolvePoolOptions, type PoolOptions, type ResolvedPoolOptions } from './options.ts';

/** A pool, as `inspect` tells it. */
export interface PoolReport {
  /** That are there, those that are being opened included. Streams, where the endpoint speaks HTTP/2. */
  readonly connections: number;
  /** Those of them that wait for a request. */
  readonly idle: number;
  /** Requests that wait for a connection. */
  readonly waiting: number;
  /** Ever begun, and those of them that never opened. */
  readonly opened: number;
  readonly failed: number;
}

/** Connections to one endpoint, kept and used again. */
export interface Pool extends Closeable {
  /**
   * Sends a request and waits for the whole answer, whatever its status. One request is on a connection at a time; what
   * finds none free waits, first come first served. Rejects with the Context's reason when that ends first: what waits
   * leaves the line, what was sent has its connection destroyed.
   *
   * `details.processed` of an error says whether the server may have acted on the request: `no` when it provably was not
   * sent, else `maybe`. A kept connection that ends before any byte of an answer is a `maybe`: the server may have read
   * the request before.
   *
   * @throws CONNECTION_FAILED when the endpoint can't be reached (`no`), nothing may wait any more (`no`), the pool is
   *   closed (`no`, or `maybe` for what was sent), or the connection breaks (`maybe`)
   * @throws HTTP_BODY_TOO_LARGE, HTTP_FIELDS_TOO_LARGE when the answer is beyond the limits
   * @throws HTTP_MALFORMED, HTTP_INCOMPLETE and the other `HTTP_…` codes when it is no proper answer
   * @throws UNSENDABLE when the request is none that HTTP can carry; nothing was sent
   */
  request(ctx: Pick<Context, 'onEnd'>, request: WholeRequest): Promise<ReceivedAnswer>;
  /** The line that says `Host`, with its CRLF. */
  readonly hostLine: string;
  /** Whether the endpoint takes trailers without being told of them, as HTTP/2 does. */
  readonly takesTrailers: boolean;
  /**
   * Sends a request that is told of all that happens to it: at once or later it has a connection (`begin`), or fails.
   * `isFresh`: no connection that has been unused for a while, since one has just turned out to be dead. `nowMs`: the
   * clock's monotonic time, for who has just looked at it.
   */
  carry(carried: Carried, isFresh?: boolean, nowMs?: number): void;
  /** A request that has no connection yet is not sent any more, and hears nothing. False when it has begun. */
  withdraw(carried: Carried): boolean;
  /** How many connections there are, and how many there were. */
  inspect(): PoolReport;
  /** Ends every connection, at once, and every request with it. Idempotent. */
  close(): Promise<void>;
}

/**
 * A pool for one endpoint. Opens nothing until it is asked.
 * @throws MISCONFIGURED
 */
export function clientPool(options: PoolOptions): Pool {
  return new ConnectionPool(resolvePoolOptions(options));
}

class ConnectionPool implements Pool {
  readonly #options: ResolvedPoolOptions;
  readonly hostLine: string;
  readonly takesTrailers: boolean;
  readonly #connections = new Set<ClientConnection>();
  /** The one that was used last is at the end, and is used next: what is not needed grows old. */
  readonly #idle: ClientConnection[] = [];
  /** First come, first served. */
  readonly #line = new Set<Carried>();
  readonly #outbox = new Outbox();
  readonly #events: ConnectionEvents;
  /** Where connections are streams. */
  readonly #sessions: UpstreamSessions | undefined;
  #opening = 0;
  #opened = 0;
  #failed = 0;
  #sweep: Timer | undefined;
  #closed: Promise<void> | undefined;

  constructor(options: ResolvedPoolOptions) {
    // A stream carries one request.
    this.#options = options.protocol === 'h2' ? { ...options, idleTimeoutMs: 0 } : options;
    this.#sessions = options.protocol === 'h2' ? new UpstreamSessions(options) : undefined;
    this.hostLine = `host: ${options.host}\r\n`;
    this.takesTrailers = options.protocol === 'h2';
    this.#events = {
      onOpen: () => (this.#opening -= 1),
      onFree: (connection) => this.#freed(connection),
      onSend: (connection) => this.#outbox.send(connection, this.#connections.size - this.#idle.length <= 1),
      onGone: (connection, error) => this.#gone(connection, error),
    };
  }

  request(ctx: Pick<Context, 'onEnd'>, request: WholeRequest): Promise<ReceivedAnswer> {
    return new Promise((resolve, reject) => {
      const call = new Call(request, this.hostLine, this.#options.maxAnswerBytes, resolve, reject);
      if (this.#closed !== undefined) return call.fail(connectionFailed('the pool is closed', 'no'));
      const leave = ctx.onEnd((reason) => {
        call.fail(reason);
        if (!this.withdraw(call)) call.carrier?.abandon();
      });
      if (call.isSettled) return;
      call.leave = leave;
      this.carry(call);
    });
  }

  carry(carried: Carried, isFresh = false, nowMs = this.#options.clock.monotonic()): void {
    if (this.#closed !== undefined) return carried.fail(connectionFailed('the pool is closed', 'no'), false);
    const connection = isFresh ? undefined : this.#takeIdle(nowMs);
    if (connection !== undefined) return connection.carry(carried);
    // Whoever is fresh is there instead of one that has died.
    if (!isFresh && this.#isFull()) {
      return carried.fail(connectionFailed('too many requests wait for a connection', 'no'), false);
    }
    this.#line.add(carried);
    this.#openForLine();
  }

  withdraw(carried: Carried): boolean {
    return this.#line.delete(carried);
  }

  inspect(): PoolReport {
    return {
      connections: this.#connections.size,
      idle: this.#idle.length,
      waiting: this.#line.size,
      opened: this.#opened,
      failed: this.#failed,
    };
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #close(): Promise<void> {
    this.#sweep?.cancel();
    const waiting = [...this.#line];
    this.#line.clear();
    for (const carried of waiting) carried.fail(connectionFailed('the pool is closed', 'no'), false);
    const connections = [...this.#connections];
    for (const connection of connections) connection.destroy();
    await Promise.all(connections.map((connection) => connection.closed));
    await this.#sessions?.close();
  }

  get #openStream(): (() => Duplex) | undefined {
    const sessions = this.#sessions;
    return sessions && (() => sessions.open());
  }

  /** Whether nothing more may wait. What a connection is being opened for is not counted as waiting. */
  #isFull(): boolean {
    const { maxConnections, maxWaiting } = this.#options;
    return this.#connections.size >= maxConnections && this.#line.size - this.#opening >= maxWaiting;
  }

  #openForLine(): void {
    while (this.#connections.size < this.#options.maxConnections && this.#opening < this.#line.size) {
      this.#opening += 1;
      this.#opened += 1;
      this.#connections.add(new ClientConnection(this.#options, this.#events, this.#openStream));
    }
  }

  #takeIdle(nowMs: number): ClientConnection | undefined {
    for (let connection = this.#idle.pop(); connection !== undefined; connection = this.#idle.pop()) {
      if (connection.idleUntilMs > nowMs) return connection;
      connection.destroy();
    }
    return undefined;
  }

  #freed(connection: ClientConnection): void {
    const [call] = this.#line;
    if (call === undefined) {
      this.#idle.push(connection);
      this.#sweep ??= this.#options.clock.setTimer(this.#options.idleTimeoutMs, () => this.#sweepIdle());
    } else {
      this.#line.delete(call);
      connection.carry(call);
    }
  }

  #gone(connection: ClientConnection, error: Error | undefined): void {
    this.#connections.delete(connection);
    const at = this.#idle.indexOf(connection);
    if (at >= 0) this.#idle.splice(at, 1);
    if (error !== undefined) {
      this.#opening -= 1;
      this.#failed += 1;
      // Each failure is one request's: the others may have better luck, or as little.
      const [call] = this.#line;
      if (call !== undefined) {
        this.#line.delete(call);
        call.fail(connectionFailed(whyOf(error) ?? error.message, 'no', error), false);
      }
    }
    if (this.#closed === undefined) this.#openForLine();
  }

  /** Ends what has been unused for too long, and comes back for the rest. */
  #sweepIdle(): void {
    this.#sweep = undefined;
    const nowMs = this.#options.clock.monotonic();
    const old = this.#idle.filter((connection) => connection.idleUntilMs <= nowMs);
    for (const connection of old) connection.destroy();
    const nextMs = Math.min(...this.#idle.map((connection) => connection.idleUntilMs));
    if (nextMs < Infinity) this.#sweep = this.#options.clock.setTimer(nextMs - nowMs, () => this.#sweepIdle());
  }
}
