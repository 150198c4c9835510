import type { Clock, Timer } from '@fairlead/core';
import { fail } from '../errors.ts';
import type { BudgetShare } from './connection-budget.ts';
import type { ResolvedOptions } from './options.ts';
import { PostgresConnection } from './postgres-connection.ts';

interface Waiter {
  readonly resolve: (lent: Lent) => void;
  readonly reject: (error: unknown) => void;
}

interface Idle {
  readonly connection: PostgresConnection;
  readonly timer: Timer | undefined;
}

/** A connection lent out; give it back with `release`. */
export interface Lent {
  readonly connection: PostgresConnection;
  /** Whether it was used before: the server may have gone away since. */
  readonly reused: boolean;
}

/** A bounded set of connections. Waiters are served in order; one whose signal aborts leaves the queue at once. */
export class ConnectionPool {
  readonly #options: ResolvedOptions;
  readonly #clock: Clock;
  readonly #idle: Idle[] = [];
  readonly #busy = new Set<PostgresConnection>();
  readonly #waiters = new Set<Waiter>();
  readonly #share: BudgetShare | undefined;
  #opening = 0;
  #closing: Promise<void> | undefined;
  #onDrained: () => void = () => {};

  constructor(options: ResolvedOptions) {
    this.#options = options;
    this.#clock = options.clock;
    this.#share = options.budget?.join({
      name: options.name,
      reserved: options.reservedConnections,
      giveIdle: () => this.#giveIdle(),
      onRoom: () => this.#openForWaiters(),
    });
  }

  /**
   * Lends a connection.
   * @throws DATABASE_UNAVAILABLE when none can be opened or the pool is closed, or the signal's reason
   */
  acquire(signal: AbortSignal): Promise<Lent> {
    if (this.#closing !== undefined) return Promise.reject(this.#closedError());
    if (signal.aborted) return Promise.reject(signal.reason);
    const idle = this.#takeIdle();
    if (idle !== undefined) return Promise.resolve({ connection: idle, reused: true });
    return new Promise((resolve, reject) => {
      const onAbort = (): void => {
        this.#waiters.delete(waiter);
        reject(signal.reason);
      };
      const waiter: Waiter = {
        resolve: (lent) => {
          signal.removeEventListener('abort', onAbort);
          resolve(lent);
        },
        reject: (error) => {
          signal.removeEventListener('abort', onAbort);
          reject(error);
        },
      };
      signal.addEventListener('abort', onAbort, { once: true });
      this.#waiters.add(waiter);
      this.#openForWaiters();
    });
  }

  /** Takes a connection back; a broken one is replaced when somebody waits. */
  release(connection: PostgresConnection): void {
    if (!this.#busy.delete(connection)) return;
    if (connection.usable && this.#closing !== undefined) void connection.end();
    else if (connection.usable) this.#offer(connection, true);
    this.#openForWaiters();
    if (this.#busy.size === 0) this.#onDrained();
  }

  /** Drops every idle connection: after one of them turned out to be dead, the others are as old. */
  dropIdle(): void {
    while (this.#giveIdle());
  }

  /** Refuses new work, waits for what runs, then ends it. Idempotent. */
  close(graceMs: number): Promise<void> {
    this.#closing ??= this.#close(graceMs);
    return this.#closing;
  }

  async #close(graceMs: number): Promise<void> {
    for (const waiter of this.#waiters) waiter.reject(this.#closedError());
    this.#waiters.clear();
    const idle = this.#idle.splice(0);
    for (const { timer } of idle) timer?.cancel();
    if (this.#busy.size > 0 && graceMs > 0) {
      await new Promise<void>((resolve) => {
        const timer = this.#clock.setTimer(graceMs, resolve);
        this.#onDrained = () => {
          timer.cancel();
          resolve();
        };
      });
    }
    for (const connection of this.#busy) connection.giveUp(this.#closedError());
    await Promise.all(idle.map(({ connection }) => connection.end()));
    this.#share?.leave();
  }

  /** Closes the connection that was unused for the longest time. */
  #giveIdle(): boolean {
    const idle = this.#idle.shift();
    idle?.timer?.cancel();
    void idle?.connection.end();
    return idle !== undefined;
  }

  #takeIdle(): PostgresConnection | undefined {
    for (let idle = this.#idle.pop(); idle !== undefined; idle = this.#idle.pop()) {
      idle.timer?.cancel();
      if (!idle.connection.usable) continue;
      this.#busy.add(idle.connection);
      return idle.connection;
    }
    return undefined;
  }

  #offer(connection: PostgresConnection, reused: boolean): void {
    const [waiter] = this.#waiters;
    if (waiter !== undefined) {
      this.#waiters.delete(waiter);
      this.#busy.add(connection);
      waiter.resolve({ connection, reused });
      return;
    }
    if (this.#share?.isWantedElsewhere === true) {
      void connection.end();
      return;
    }
    const timeoutMs = this.#options.idleTimeoutMs;
    const timer =
      timeoutMs === 0
        ? undefined
        : this.#clock.setTimer(timeoutMs, () => {
            this.#forget(connection);
            void connection.end();
          });
    this.#idle.push({ connection, timer });
  }

  #openForWaiters(): void {
    while (
      this.#closing === undefined &&
      this.#waiters.size > this.#opening &&
      this.#busy.size + this.#idle.length + this.#opening < this.#options.maxConnections &&
      this.#share?.take() !== false
    ) {
      this.#opening += 1;
      void this.#open();
    }
  }

  async #open(): Promise<void> {
    let connection: PostgresConnection | undefined;
    try {
      connection = new PostgresConnection(this.#options);
      await connection.connect();
    } catch (error) {
      this.#opening -= 1;
      this.#share?.give();
      const [waiter] = this.#waiters;
      if (waiter !== undefined) {
        this.#waiters.delete(waiter);
        waiter.reject(error);
      }
      return;
    }
    this.#opening -= 1;
    const opened = connection;
    opened.onEnd = () => {
      this.#forget(opened);
      this.#share?.give();
    };
    if (this.#closing !== undefined) {
      await connection.end();
      return;
    }
    this.#offer(opened, false);
  }

  #forget(connection: PostgresConnection): void {
    const index = this.#idle.findIndex((idle) => idle.connection === connection);
    if (index === -1) return;
    const [idle] = this.#idle.splice(index, 1);
    idle?.timer?.cancel();
  }

  #closedError(): Error {
    return fail('DATABASE_UNAVAILABLE', `${this.#options.name}: the database was closed.`);
  }
}
