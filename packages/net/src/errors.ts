import { thrower, type ErrorTable } from '@fairlead/core';

/** The codes that this package throws. Those that begin with `HTTP_` say what is wrong with a message of the peer's. */
export const NET_ERRORS = {
  /** An option is wrong; thrown at construction. */
  MISCONFIGURED: 'internal',
  /** Somebody listens at the address already, or it can't be listened at. */
  UNAVAILABLE: 'unavailable',
  /** A message of ours can't be written: a header that would break out of its line, a status that is none. */
  UNSENDABLE: 'internal',
  /**
   * A request brought no answer: its endpoint can't be reached, or the connection broke. `details.processed` is `no` when
   * it provably was not sent, else `maybe`.
   */
  CONNECTION_FAILED: 'unavailable',
  /** The body of a request was asked for a second time. */
  BODY_TAKEN: 'internal',
  /** The bytes are no proper HTTP/1.1 message. */
  HTTP_MALFORMED: 'invalid',
  /** The connection ended within a message. */
  HTTP_INCOMPLETE: 'invalid',
  /** The version is neither HTTP/1.1 nor HTTP/1.0. */
  HTTP_VERSION_UNSUPPORTED: 'unimplemented',
  /** A `Transfer-Encoding` other than `chunked`, or the method CONNECT. */
  HTTP_UNSUPPORTED: 'unimplemented',
  /** An `Expect` other than `100-continue`. */
  HTTP_EXPECTATION_FAILED: 'invalid',
  /** The request's target is longer than the limit. */
  HTTP_TARGET_TOO_LONG: 'too-large',
  /** Fields or trailers are more, or larger, than the limit. */
  HTTP_FIELDS_TOO_LARGE: 'too-large',
  /** The body is larger than the limit. */
  HTTP_BODY_TOO_LARGE: 'too-large',
  /** The request did not arrive in time. */
  HTTP_TIMEOUT: 'deadline',
} as const satisfies ErrorTable;

/** Makes one of this package's errors. */
export const fail = thrower(NET_ERRORS);
