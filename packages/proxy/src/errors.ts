import { thrower } from '@fairlead/core';
import type { ErrorTable } from '@fairlead/core';

/** The codes that the gateway answers with. They are stable; `STATUS_OVERRIDES` has the statuses that no kind has. */
export const GATEWAY_ERRORS = {
  /** The request's target, framing or headers can be read in more than one way. */
  BAD_REQUEST: 'invalid',
  /** More headers than the gateway takes. */
  HEADERS_TOO_LARGE: 'invalid',
  /** An `Expect` other than `100-continue`. */
  EXPECTATION_FAILED: 'invalid',
  /** The request's head did not arrive in time. */
  REQUEST_TIMEOUT: 'invalid',
  /** The request's body did not arrive in time. */
  BODY_TIMEOUT: 'invalid',
  /** The request's target is longer than the listener takes. */
  TARGET_TOO_LONG: 'invalid',
  /** The request's version is neither HTTP/1.1 nor HTTP/1.0. */
  VERSION_UNSUPPORTED: 'unimplemented',
  /** No route has this path. */
  NO_ROUTE: 'not-found',
  /** The route answers other methods; `Allow` names them. */
  METHOD_NOT_ALLOWED: 'invalid',
  /** There is no bearer token. */
  TOKEN_MISSING: 'unauthenticated',
  /** The token is not one of ours; `reason` says in which respect. */
  TOKEN_INVALID: 'unauthenticated',
  /** The token was one of ours; its time is over. */
  TOKEN_EXPIRED: 'unauthenticated',
  /** None of the token's roles may pass this route. */
  FORBIDDEN: 'forbidden',
  /** The body is larger than the route takes. */
  BODY_TOO_LARGE: 'too-large',
  /** The gateway has not got the platform's public keys yet. */
  KEYS_UNAVAILABLE: 'unavailable',
  /** The client took nothing of its answer for too long and was cut. Nobody is told; it stands in lines and metrics. */
  CLIENT_STALLED: 'cancelled',
  /** The gateway is shutting down. */
  DRAINING: 'unavailable',
  /** The service is not part of what was started: its name is left out of `only`. Nothing was done. */
  NOT_STARTED: 'unavailable',
  /** The policy over requests to the service lets through no more at this rate. Nothing was done. */
  RATE_LIMITED: 'exhausted',
  /** The service fails, or has as much to do as its policy allows; requests are held back. Nothing was done. */
  OVERLOADED: 'unavailable',
  /** No connection to the service: it has not seen the request (`processed` is `no`). */
  UPSTREAM_UNAVAILABLE: 'unavailable',
  /** The service said nothing for the time of a route that bounds silence; it may have done the work (`processed` is `maybe`). */
  UPSTREAM_SILENT: 'deadline',
  /** The service did not answer within the route's time; it may have done the work (`processed` is `maybe`). */
  UPSTREAM_TIMEOUT: 'deadline',
  /** The connection broke before an answer; the service may have done the work (`processed` is `maybe`). */
  UPSTREAM_RESET: 'bad-gateway',
  /** What the service answered is not HTTP, or not an answer that can be passed on. */
  UPSTREAM_INVALID: 'bad-gateway',
  /** The service's answer is larger than the route passes on. */
  ANSWER_TOO_LARGE: 'bad-gateway',
  /** A configuration is wrong. `details.problems` has every place: `[{ path, message, line, column }]`. */
  SNAPSHOT_INVALID: 'invalid',
  /** The file of a configuration can't be read. */
  SNAPSHOT_UNREADABLE: 'not-found',
  /** The admin server has no credential, so that nothing can be changed there. */
  CHANGES_OFF: 'forbidden',
  /** A change came without the admin credential, or with another. */
  CREDENTIAL_WRONG: 'unauthenticated',
  /** A page of another origin, or under another name, asks the admin server. */
  FOREIGN_PAGE: 'forbidden',
  /** A change could not be written down, so that it was not made. */
  AUDIT_UNWRITABLE: 'unavailable',
  /** A change that is not possible as things are; `outcome` says why in a word. */
  CHANGE_REFUSED: 'conflict',
  /** A process that shares the gateway's addresses did not get ready. */
  WORKER_FAILED: 'internal',
  /** An authority of certificates says no to what was asked of it; `retryAfterMs` when it says until when. */
  ACME_REFUSED: 'bad-gateway',
  /** An authority of certificates doesn't answer. */
  ACME_UNREACHABLE: 'unavailable',
  /** A bug of ours; the trace has the details. */
  INTERNAL: 'internal',
} as const satisfies ErrorTable;

/** HTTP statuses that no kind has. */
export const STATUS_OVERRIDES: Readonly<Record<string, number>> = {
  METHOD_NOT_ALLOWED: 405,
  REQUEST_TIMEOUT: 408,
  BODY_TIMEOUT: 408,
  TARGET_TOO_LONG: 414,
  EXPECTATION_FAILED: 417,
  HEADERS_TOO_LARGE: 431,
};

/** Makes this package's errors. */
export const fail = thrower(GATEWAY_ERRORS);
