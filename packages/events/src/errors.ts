import { thrower, type ErrorTable } from '@fairlead/core';

/** The codes that this package throws. */
export const EVENTS_ERRORS = {
  /** An option is wrong; thrown at construction. */
  MISCONFIGURED: 'internal',
  /** A saga can't be started, signalled or recorded so: not JSON, a bad name, an input that does not fit. */
  SAGA_INVALID: 'invalid',
  /** An input, result or signal of a saga is larger than its `maxPayloadBytes`. */
  SAGA_TOO_LARGE: 'too-large',
  /** There is no such run of a saga, or no more. */
  SAGA_UNKNOWN: 'not-found',
  /** The run was cancelled: what its function waits for fails with this. */
  SAGA_CANCELLED: 'cancelled',
} as const satisfies ErrorTable;

/** Makes one of this package's errors. */
export const fail = thrower(EVENTS_ERRORS);
