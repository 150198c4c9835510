import type { PoolReport } from '../client/pool.ts';
import type { CircuitLimits, ClusterRefusal } from './circuit-limits.ts';

/** Why an endpoint was ejected: which rule, what it measured, and what that was compared with. */
export type EjectionCause =
  | { readonly kind: 'consecutive-5xx'; readonly count: number; readonly threshold: number }
  | { readonly kind: 'consecutive-gateway-errors'; readonly count: number; readonly threshold: number }
  | { readonly kind: 'consecutive-failures'; readonly count: number; readonly threshold: number }
  | {
      readonly kind: 'success-rate';
      /** From 0 to 1, in the last interval. */
      readonly successRatio: number;
      readonly requests: number;
      /** Mean of the cluster less some standard deviations: below this it had to go. */
      readonly thresholdRatio: number;
      readonly meanRatio: number;
      readonly deviation: number;
    }
  | {
      readonly kind: 'failure-percentage';
      /** From 0 to 1, in the last interval. */
      readonly failureRatio: number;
      readonly requests: number;
      readonly thresholdRatio: number;
    }
  /** Somebody has said so: `Cluster.eject`. */
  | { readonly kind: 'operator' };

/** What an endpoint is doing. Times are on the clock's wall time, in milliseconds since the epoch. */
export type EndpointState =
  | { readonly kind: 'serving' }
  /** New or back, and not yet given all that its weight says. `share` is from 0 to 1. */
  | { readonly kind: 'warming'; readonly sinceMs: number; readonly untilMs: number; readonly share: number }
  /** Its active check has not succeeded yet, or fails; `why` says what came instead. */
  | { readonly kind: 'unhealthy'; readonly sinceMs: number; readonly why: string }
  | {
      readonly kind: 'ejected';
      readonly sinceMs: number;
      readonly untilMs: number;
      /** How often in a row, this time included. */
      readonly times: number;
      readonly why: EjectionCause;
    }
  /** Its penalty is over; it is asked once, and what comes of that decides. */
  | { readonly kind: 'probation'; readonly sinceMs: number; readonly times: number; readonly why: EjectionCause };

/** One endpoint, as `inspect` tells it. */
export interface EndpointReport {
  readonly address: string;
  readonly zone: string | undefined;
  readonly weight: number;
  readonly state: EndpointState;
  /** Whether it can be picked now; in a panic that is so whatever its state. */
  readonly isPicked: boolean;
  readonly inFlight: number;
  /** Peak-sensitive moving average of latency, as decayed until now. */
  readonly ewmaMs: number;
  /** Attempts that ended since it is known, and those of them that were the endpoint's failure. */
  readonly attempts: number;
  readonly failures: number;
  /** What those took until the head of their answer, or until they failed, together. */
  readonly spentMs: number;
  readonly pool: PoolReport;
}

/** A cluster, as `inspect` tells it. */
export interface ClusterReport {
  readonly name: string;
  readonly balancer: string;
  /** Too few are healthy to leave the others out: everybody is asked. */
  readonly isPanicking: boolean;
  readonly endpoints: readonly EndpointReport[];
  /** Shares of picks by zone, when the cluster prefers its own: from 0 to 1. */
  readonly zones: Readonly<Record<string, number>> | undefined;
  readonly inFlight: number;
  /** Requests beyond the connections of their endpoints. */
  readonly pending: number;
  readonly retries: number;
  /** How often somebody else was picked after an attempt that failed, ever. */
  readonly repeats: number;
  readonly limits: CircuitLimits;
  /** How often each refusal was given. */
  readonly refused: Readonly<Record<ClusterRefusal, number>>;
}
