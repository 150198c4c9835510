import { CORE_ERRORS, FairleadError, type ErrorKind } from '@fairlead/core';
import { POLICY_ERRORS } from './errors.ts';
import { explain } from './explain.ts';
import type { Rejection, RejectionCause } from './rejection.ts';

type Code = 'REJECTED' | 'RATE_LIMITED' | 'DEADLINE_EXCEEDED' | 'CANCELLED';

const CODES: Readonly<Record<RejectionCause, Code>> = {
  deadline: 'DEADLINE_EXCEEDED',
  cancelled: 'CANCELLED',
  'rate-limited': 'RATE_LIMITED',
  quota: 'RATE_LIMITED',
  'limit-unknown': 'REJECTED',
  shed: 'REJECTED',
  budget: 'REJECTED',
  open: 'REJECTED',
  full: 'REJECTED',
  'queue-timeout': 'REJECTED',
};

/**
 * A policy of this process did not let a call through, and the work was not begun. Its class tells it from the errors of
 * others: an answer from elsewhere with the same code is no instance of it.
 */
export class RejectedError extends FairleadError {
  readonly rejection: Rejection;

  constructor(kind: ErrorKind, code: Code, rejection: Rejection) {
    super(kind, code, explain(rejection), {
      details: {
        policy: rejection.policy,
        rule: rejection.rule,
        cause: rejection.cause,
        measured: rejection.measured,
        // Not `processed: 'no'`: details go to remote callers, for whom a handler that was rejected elsewhere may well have
        // done half of its work. Whoever is in this process sees by the class that nothing was begun.
      },
      ...(rejection.retryAfterMs === undefined ? {} : { retryAfterMs: rejection.retryAfterMs }),
    });
    this.rejection = rejection;
  }
}

/** The error that `run` throws for a rejection. */
export function rejectionError(rejection: Rejection): RejectedError {
  const code = CODES[rejection.cause];
  const kind = code === 'REJECTED' || code === 'RATE_LIMITED' ? POLICY_ERRORS[code] : CORE_ERRORS[code];
  return new RejectedError(kind, code, rejection);
}
