import type { Closeable } from '@fairlead/core';
import type { Endpoint } from '../client/options.ts';
import type { Pool } from '../client/pool.ts';
import type { ClusterRefusal } from './circuit-limits.ts';
import type { ClusterReport } from './cluster-report.ts';

/** Who can answer for a cluster, as configuration or discovery says it. */
export interface ClusterEndpoint {
  readonly endpoint: Endpoint;
  /** How much it takes, compared with the others. Default 1; from 1 to 65 535. */
  readonly weight?: number;
  /** Where it runs, for clusters that prefer what is near. Default: nowhere in particular. */
  readonly zone?: string;
  /** What requests say in `Host`. Default: the cluster's `pool.host`, else the endpoint's own. */
  readonly host?: string;
}

/**
 * How an attempt ended, as far as its endpoint is concerned.
 *
 * - `ok`: it was answered, also with a 4xx that is the client's fault
 * - `turned-away`: for load: 429, or 503 with `Retry-After` (ADR 23). No fault, but no proof of speed either
 * - `server-error`: 500, 501, 505 and beyond
 * - `gateway-error`: 502, 503, 504
 * - `connect-failed`: no connection, or none in time
 * - `reset`: the connection ended, or was no proper HTTP, before the answer's end
 * - `timeout`: the answer did not come in the attempt's time
 * - `cancelled`: nobody waits for it any more; says nothing but how long it took at least
 */
export type AttemptOutcome =
  | 'ok'
  | 'turned-away'
  | 'server-error'
  | 'gateway-error'
  | 'connect-failed'
  | 'reset'
  | 'timeout'
  | 'cancelled';

/** An endpoint with its pool and what is known of it. */
export interface Picked {
  readonly pool: Pool;
  /** As in reports, such as `http://10.0.0.7:8080` or `unix:/run/orders.sock`. */
  readonly address: string;
  /** An attempt goes there. Once for each, in the turn in which it was picked. */
  began(): void;
  /**
   * That attempt is over: once for each `began`. `latencyMs` is the time until the answer's head, or until it was given
   * up. Frees what `began` took.
   */
  ended(outcome: AttemptOutcome, latencyMs: number): void;
}

/** Those who answer for one destination, and what is known of them. Not for several threads. */
export interface Cluster extends Closeable {
  readonly name: string;
  /** Why the last `pick` or `beginRetry` said no; only meaningful right after it did. */
  readonly refusal: ClusterRefusal;
  /**
   * Who takes the next attempt; `undefined` when nobody may, then `refusal` says why. Synchronous, allocates nothing.
   *
   * @param hash of what should stay together, for `ring-hash` and `maglev` (see `hashOf`). Without it, they pick at random
   * @param avoid who failed before; picked again only if there is nobody else
   */
  pick(hash?: number, avoid?: Picked): Picked | undefined;
  /** Takes one of the places that repeats have, before `pick`; false when `limits.maxRetries` are taken. */
  beginRetry(): boolean;
  /** Gives the place of a repeat back: once for each `beginRetry` that was true. */
  endRetry(): void;
  /** From now on, these. Who stays keeps what is known of it; who leaves ends what it has under way, and takes nothing new. */
  update(endpoints: readonly ClusterEndpoint[]): void;
  /**
   * Leaves an endpoint out for `forMs`, whatever is known of it, also in a panic. What it has under way goes on. `last`, and nothing has
   * happened, when nobody would be left to ask and `evenLast` is not set. An endpoint that leaves the cluster and comes back is new.
   */
  eject(
    address: string,
    options: { readonly forMs: number; readonly evenLast?: boolean },
  ): 'ejected' | 'last' | 'unknown';
  /** Has an endpoint asked again that was ejected, by whatever. `not-ejected` when it wasn't: what fails its active check stays out. */
  restore(address: string): 'restored' | 'not-ejected' | 'unknown';
  /** Who is there, and why somebody isn't picked. */
  inspect(): ClusterReport;
}
