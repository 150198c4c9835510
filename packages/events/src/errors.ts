import { thrower, type ErrorTable } from '@fairlead/core';

/** The codes that this package throws. */
export const EVENTS_ERRORS = {
  /** An option is wrong; thrown at construction. */
  MISCONFIGURED: 'internal',
} as const satisfies ErrorTable;

/** Makes one of this package's errors. */
export const fail = thrower(EVENTS_ERRORS);
