import type { Context } from './context.ts';

/** A call to an operation, as text: what would go over the wire, also when it stays in memory. */
export interface TransportRequest {
  /** Name of the service or external that is called. */
  readonly service: string;
  /** Name of the operation in its contract. */
  readonly operation: string;
  readonly method: string;
  /** Path and query, percent-encoded. */
  readonly path: string;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  /** JSON text; `undefined` for no body. */
  readonly body: string | undefined;
  /**
   * Stands for the call that this is an attempt of: the same object in all of its attempts, and in no others. A transport
   * with several places to send to takes another one for each. Default: an attempt by itself.
   */
  readonly call?: object;
}

/** An answer, whatever its status. */
export interface TransportResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/**
 * How calls leave a service: sockets, memory, or the simulated network.
 */
export interface Transport {
  /**
   * Sends and waits for the whole answer. Rejects with `UNAVAILABLE` when the service can't be reached
   * (`details.processed` is `'no'` when it provably has not seen the call, else `'maybe'`), and with the signal's
   * reason when the Context ends first.
   */
  send(ctx: Context, request: TransportRequest): Promise<TransportResponse>;
}
