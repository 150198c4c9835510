/**
 * Why nobody was picked.
 *
 * - `no-endpoints`: the cluster is empty: nothing was configured, or discovery knows nobody
 * - `no-healthy-endpoints`: none may be asked, and the cluster doesn't panic
 * - `max-requests`, `max-pending`, `max-retries`: a circuit limit is reached
 * - `closed`: the cluster was closed
 */
export type ClusterRefusal =
  | 'no-endpoints'
  | 'no-healthy-endpoints'
  | 'max-requests'
  | 'max-pending'
  | 'max-retries'
  | 'closed';

/** What a cluster may have under way, all endpoints together unless it says otherwise. */
export interface CircuitLimits {
  /** Connections to one endpoint. Default 1 024; at least 1. */
  readonly maxConnections: number;
  /** Requests that wait for a connection. Default 1 024; 0 lets none wait. */
  readonly maxPending: number;
  /** Requests under way. One is on a connection at a time, so that this bounds the busy ones of all endpoints, too. Default 1 024; at least 1. */
  readonly maxRequests: number;
  /** Repeats under way. Default 1 024 (Envoy's is 3; here it is the policy's budget that bounds them). 0 allows none. */
  readonly maxRetries: number;
}
