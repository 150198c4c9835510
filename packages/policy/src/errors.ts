import { CORE_ERRORS, thrower, type ErrorTable } from '@fairlead/core';

/** The codes that a policy may throw, besides what the work itself throws. */
export const POLICY_ERRORS = {
  ...CORE_ERRORS,
  /** A specification contradicts itself or has what no policy knows; thrown at construction. */
  POLICY_INVALID: 'internal',
  /** The policy did not let the call through: `details` holds its explanation. */
  REJECTED: 'unavailable',
  /** A limit on the rate of calls was reached. */
  RATE_LIMITED: 'exhausted',
} as const satisfies ErrorTable;

export const fail = thrower(POLICY_ERRORS);
