import { thrower, type ErrorTable } from '@fairlead/core';

/** The codes that this package throws. */
export const CONTRACT_ERRORS = {
  /** A contract can't be what it says: a schema JSON can't carry, a route given twice, a path without its member. */
  INVALID_CONTRACT: 'internal',
  /** What a caller sent does not fit the operation. `details.issues` says where. */
  INVALID_INPUT: 'invalid',
  /** What code here wants to send does not fit the operation that it calls: a bug of the caller. */
  INVALID_CALL: 'internal',
  /** What a handler answered does not fit its own operation: a bug of the service. */
  INVALID_OUTPUT: 'internal',
  /** What another service answered does not fit its contract, read tolerantly. */
  INVALID_ANSWER: 'bad-gateway',
  /** An event's data does not fit its type. */
  INVALID_EVENT: 'internal',
  /** What a job was given does not fit its input. */
  INVALID_JOB: 'internal',
  /** The contract has no event of this type. */
  UNKNOWN_EVENT: 'internal',
} as const satisfies ErrorTable;

/** Throws this package's errors. */
export const fail = thrower(CONTRACT_ERRORS);
