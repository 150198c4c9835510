import { thrower, type ErrorTable } from '@fairlead/core';

/** The codes that this package throws or answers with. */
export const CONTROL_ERRORS = {
  /** Another process runs a platform on this data directory. */
  DATA_DIR_LOCKED: 'conflict',
  /** The data directory can't be made or written: its rights, a full or read-only disk, a file in its place. */
  DATA_DIR_UNUSABLE: 'unavailable',
  /** A file of the platform's own secrets is there but can't be read, or holds something else. */
  SECRET_UNREADABLE: 'unavailable',
  /** A port that was asked for is taken. */
  PORT_IN_USE: 'unavailable',
  /** The paths of the platform's sockets would be longer than the system allows. */
  SOCKET_PATH_TOO_LONG: 'invalid',
  /** An instance kept ending, or ended for good, before the platform was ready for the first time. */
  INSTANCE_FAILED: 'unavailable',
  /** The request bears no valid credential. */
  UNAUTHENTICATED: 'unauthenticated',
  /** The request names a host that is not this admin API: a rebound name, or a proxy. */
  FORBIDDEN_HOST: 'forbidden',
  /** The request comes from a page of another origin. */
  FORBIDDEN_ORIGIN: 'forbidden',
  /** The request is not what the operation takes. */
  INVALID_INPUT: 'invalid',
  /** The body is larger than the operation takes. */
  BODY_TOO_LARGE: 'too-large',
  /** No such path here. */
  ROUTE_NOT_FOUND: 'not-found',
  /** The platform has no service or external of this name. */
  UNKNOWN_SERVICE: 'not-found',
  /** A service did not answer. */
  UNAVAILABLE: 'unavailable',
  /** No trace with this id is kept; it may have been dropped for newer ones. */
  TRACE_NOT_FOUND: 'not-found',
  /** The blueprint has no such tenant. */
  UNKNOWN_TENANT: 'unprocessable',
  /** The platform has no database of this name. */
  UNKNOWN_DATABASE: 'not-found',
  /** What was asked for needs a platform that is stopped. */
  PLATFORM_RUNS: 'conflict',
} as const satisfies ErrorTable;

export const fail = thrower(CONTROL_ERRORS);
