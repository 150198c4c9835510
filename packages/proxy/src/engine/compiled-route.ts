import type { PolicySpec } from '@fairlead/policy';

/** A filter as it is written down: its type, and what its type makes of the rest. */
export interface FilterSpec {
  readonly type: string;
  readonly [option: string]: unknown;
}

/** Where a share of a route's requests goes. */
export interface Destination {
  readonly cluster: string;
  /** Its share is this of the sum of all. 0 takes none. */
  readonly weight: number;
}

/** A route as the engine reads it: checked, with nothing left open. The route table finds it, the engine never changes it. */
export interface CompiledRoute {
  /** Unique among the routes of a snapshot. */
  readonly name: string;
  /** What requests of this route are counted under, such as `/orders/{id}`: of few values. */
  readonly label: string;
  /** In the order in which a request meets them, those for all routes first. */
  readonly filters: readonly FilterSpec[];
  /** At least one with a weight above 0, unless filters answer everything. */
  readonly destinations: readonly Destination[];
  /** Time for the whole exchange, all attempts included, in milliseconds. 0 means no limit. */
  readonly timeoutMs: number;
  /** Whether that time is how long the upstream may say nothing: it begins anew with whatever goes either way. Default false. */
  readonly timesSilence?: boolean;
  /** Largest request body, in bytes. 0 allows none. */
  readonly maxBodyBytes: number;
  /** How its requests behave under stress; `undefined` leaves it to the cluster. */
  readonly policy: PolicySpec | undefined;
}

/** What stands for a route until one has been found. */
export const UNMATCHED_ROUTE: CompiledRoute = {
  name: '',
  label: '',
  filters: [],
  destinations: [],
  timeoutMs: 0,
  maxBodyBytes: 0,
  policy: undefined,
};
