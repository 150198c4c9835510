import type { PolicySpec, PolicyState } from '@fairlead/policy';

/**
 * How calls behave under stress, by whom they go to: `billing` for every call to that service or external,
 * `billing.charge` for one operation, `*` for all that have none of their own. The nearest one counts, and whole.
 */
export type PolicyTargets = Readonly<Record<string, PolicySpec>>;

/** A policy over a service's calls, as it is now. JSON can carry it. */
export interface PolicyReport {
  /** `billing`, or `billing.charge` when the operation has a policy of its own. */
  readonly target: string;
  /** Why calls are held back now, in a sentence; `undefined` when they are not. */
  readonly trouble: string | undefined;
  readonly state: PolicyState;
}
