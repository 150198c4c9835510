import pg from 'pg';
import { driverAddress } from '../postgres/database-url.ts';

/** A single connection for administration, outside of any pool. */
export interface AdminConnection extends AsyncDisposable {
  /** Runs a statement, or several without parameters. */
  run(text: string, params?: readonly unknown[]): Promise<readonly Record<string, unknown>[]>;
}

/** Connects. The driver's error is passed on: its `code` says why (28P01 a wrong password). */
export async function connectAdmin(url: string, signal?: AbortSignal): Promise<AdminConnection> {
  signal?.throwIfAborted();
  const client = new pg.Client({
    ...driverAddress(url, 'administration'),
    application_name: 'fairlead',
    connectionTimeoutMillis: 10_000,
  });
  client.on('error', () => {});
  // Ends whatever is under way, by ending the connection.
  const abort = (): void => void client.end();
  signal?.addEventListener('abort', abort, { once: true });
  const orReason = async <T>(work: Promise<T>): Promise<T> => {
    try {
      return await work;
    } catch (error) {
      signal?.throwIfAborted();
      throw error;
    }
  };
  try {
    await orReason(client.connect());
  } catch (error) {
    signal?.removeEventListener('abort', abort);
    await client.end().catch(() => {});
    throw error;
  }
  return {
    async run(text, params) {
      const { rows } = await orReason(params === undefined ? client.query(text) : client.query(text, [...params]));
      return rows ?? [];
    },
    async [Symbol.asyncDispose]() {
      signal?.removeEventListener('abort', abort);
      await client.end();
    },
  };
}
