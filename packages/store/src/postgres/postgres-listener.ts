import type { Closeable, Context, Timer } from '@fairlead/core';
import { fail } from '../errors.ts';
import { quoteIdentifier } from './database-url.ts';
import type { ResolvedOptions } from './options.ts';
import { PostgresConnection } from './postgres-connection.ts';

/** The first wait before a reconnect, in milliseconds; doubled up to the last. */
const FIRST_RETRY_MS = 50;
const LAST_RETRY_MS = 2_000;

/**
 * LISTEN for all channels of a database, and NOTIFY, on one connection of its own, which is opened again when it breaks: news must
 * not wait for transactions that hold all others.
 */
export class PostgresListener {
  readonly #options: ResolvedOptions;
  readonly #channels = new Map<string, Set<(payload: string) => void>>();
  #connection: PostgresConnection | undefined;
  #connecting: Promise<void> | undefined;
  #retry: Timer | undefined;
  #failures = 0;
  #closed = false;
  /** Whether anything was told; the connection is kept for it. */
  #tells = false;
  #warned = false;

  constructor(options: ResolvedOptions) {
    this.#options = options;
  }

  /** Resolves when the first attempt to listen has ended, well or not; later ones go on by themselves. */
  async listen(channel: string, onNotify: (payload: string) => void): Promise<Closeable> {
    const entry = (payload: string): void => onNotify(payload);
    const set = this.#channels.get(channel) ?? new Set();
    this.#channels.set(channel, set.add(entry));
    if (this.#connection?.usable === true) {
      await this.#command(this.#connection, `LISTEN ${quoteIdentifier(channel)}`);
      this.#deliver(entry, '');
    } else {
      await this.#connect();
    }
    const close = async (): Promise<void> => {
      set.delete(entry);
      if (set.size > 0 || this.#channels.get(channel) !== set) return;
      this.#channels.delete(channel);
      if (!this.#isNeeded) await this.#disconnect();
      else if (this.#connection !== undefined)
        await this.#command(this.#connection, `UNLISTEN ${quoteIdentifier(channel)}`);
    };
    return { close, [Symbol.asyncDispose]: close };
  }

  /** Runs a statement that notifies. @throws what it failed with; DATABASE_UNAVAILABLE */
  async tell(ctx: Context, text: string, params: readonly unknown[]): Promise<void> {
    this.#tells = true;
    if (this.#connection?.usable !== true) await this.#connect();
    if (this.#connection === undefined)
      throw fail('DATABASE_UNAVAILABLE', `${this.#options.name}: there is no connection to tell listeners by.`);
    await this.#connection.query(ctx, text, params);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#tells = false;
    this.#channels.clear();
    await this.#disconnect();
  }

  get #isNeeded(): boolean {
    return this.#tells || this.#channels.size > 0;
  }

  #connect(): Promise<void> {
    this.#retry?.cancel();
    this.#retry = undefined;
    this.#connecting ??= this.#open().finally(() => {
      this.#connecting = undefined;
    });
    return this.#connecting;
  }

  async #open(): Promise<void> {
    const { name, listenUrl: url } = this.#options;
    const connection = new PostgresConnection({ ...this.#options, url, name: `${name} listen` });
    try {
      await connection.connect();
      this.#warnOfPooler(connection);
      connection.onNotification = (channel, payload) => {
        for (const entry of this.#channels.get(channel) ?? []) this.#deliver(entry, payload);
      };
      const before = [...this.#channels.keys()];
      if (before.length > 0)
        await this.#command(connection, before.map((channel) => `LISTEN ${quoteIdentifier(channel)}`).join('; '));
      // Channels that were added while the statement was under way.
      const added = [...this.#channels.keys()].filter((channel) => !before.includes(channel));
      if (added.length > 0)
        await this.#command(connection, added.map((channel) => `LISTEN ${quoteIdentifier(channel)}`).join('; '));
    } catch {
      connection.destroy(undefined);
    }
    if (this.#closed || !this.#isNeeded) {
      await connection.end();
      return;
    }
    if (!connection.usable) {
      this.#retryLater();
      return;
    }
    this.#failures = 0;
    this.#connection = connection;
    connection.onEnd = () => {
      if (this.#connection !== connection) return;
      this.#connection = undefined;
      this.#retryLater();
    };
    for (const set of this.#channels.values()) for (const entry of set) this.#deliver(entry, '');
  }

  #warnOfPooler(connection: PostgresConnection): void {
    if (connection.processId !== undefined || this.#warned || this.#channels.size === 0) return;
    this.#warned = true;
    const { name, telemetry } = this.#options;
    telemetry.log.warn(
      undefined,
      `${name}: a pooler is between this process and Postgres, so notifications may not arrive and news is found by looking only. Give listenUrl, the server's own address.`,
    );
  }

  #retryLater(): void {
    if (this.#closed || this.#channels.size === 0) return;
    const delayMs = Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** this.#failures);
    this.#failures += 1;
    this.#retry = this.#options.clock.setTimer(delayMs, () => void this.#connect());
  }

  async #disconnect(): Promise<void> {
    this.#retry?.cancel();
    this.#retry = undefined;
    await this.#connecting;
    const connection = this.#connection;
    this.#connection = undefined;
    await connection?.end();
  }

  async #command(connection: PostgresConnection, text: string): Promise<void> {
    await connection.finish(text).catch(() => connection.destroy(undefined));
  }

  #deliver(entry: (payload: string) => void, payload: string): void {
    try {
      entry(payload);
    } catch (error) {
      this.#options.telemetry.log.warn(undefined, `${this.#options.name}: a listener failed`, { error });
    }
  }
}
