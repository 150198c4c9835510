import { thrower, type ErrorTable } from '@fairlead/core';

/** The codes that this package throws. */
export const MESSAGING_ERRORS = {
  /** The broker's grants don't let these credentials write, or read, this source. */
  FORBIDDEN_SOURCE: 'forbidden',
  /** Events handed to `publish` are not in the order of their positions, or not of the source that was named. */
  UNORDERED_EVENTS: 'internal',
  /** A newer instance of the consumer has taken over; this one stops and changes nothing more. */
  CONSUMER_FENCED: 'conflict',
  /** The event was handled already (a commit whose answer was lost). Never reaches anyone who does not catch it. */
  ALREADY_HANDLED: 'conflict',
  /** A handler called `commit` a second time. */
  COMMIT_TWICE: 'internal',
  /** A handler called `commit` after it had settled, or after its time limit. */
  COMMIT_LATE: 'cancelled',
  /** A CloudEvent is not one of ours: a member is missing or of the wrong type. */
  INVALID_CLOUD_EVENT: 'invalid',
  /** The broker was used after it was closed. */
  BROKER_CLOSED: 'unavailable',
  /** An option is wrong; thrown at construction. */
  MISCONFIGURED: 'internal',
} as const satisfies ErrorTable;

/** Makes one of this package's errors. */
export const fail = thrower(MESSAGING_ERRORS);
