import { thrower, type ErrorTable } from '@fairlead/core';

/** The codes that this package throws or answers. */
export const SERVICE_ERRORS = {
  /** A definition, configuration value or port is wrong; thrown at construction. */
  MISCONFIGURED: 'internal',
  /** There is no such operation, or none that this caller may know of. */
  NOT_FOUND: 'not-found',
  /** Several tenants have a run of a saga by this name, and nothing says whose is meant. */
  SAGA_AMBIGUOUS: 'conflict',
  /** The caller has none of the roles that the operation asks for. */
  FORBIDDEN: 'forbidden',
  /** The operation asks for an `Idempotency-Key`, and there is none. */
  IDEMPOTENCY_KEY_REQUIRED: 'invalid',
  /** The `Idempotency-Key` is not 1 to 255 visible ASCII characters, or came more than once. */
  IDEMPOTENCY_KEY_INVALID: 'invalid',
  /** A request with this key is being worked on. Repeat it after `Retry-After`. */
  IDEMPOTENCY_IN_FLIGHT: 'conflict',
  /** This key was used for another request. */
  IDEMPOTENCY_MISMATCH: 'unprocessable',
  /** A handler called `kit.commit` a second time. */
  COMMIT_TWICE: 'internal',
  /** A service that the operation depends on answered something that it should not. */
  BAD_GATEWAY: 'bad-gateway',
  /** A dependency can't be reached, or this instance is shutting down. */
  UNAVAILABLE: 'unavailable',
  /** The deadline passed. */
  DEADLINE_EXCEEDED: 'deadline',
  /** The caller went away or the work was stopped. */
  CANCELLED: 'cancelled',
  /** A bug of the service. */
  INTERNAL: 'internal',
} as const satisfies ErrorTable;

/** Makes one of this package's errors. */
export const fail = thrower(SERVICE_ERRORS);
