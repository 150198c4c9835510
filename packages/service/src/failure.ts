import { FairleadError, PROBLEM_CONTENT_TYPE, toProblem, type Context } from '@fairlead/core';
import type { Operation } from '@fairlead/contract';
import { POLICY_ERRORS, PUSHBACK_HEADER, wasRetried } from '@fairlead/policy';
import { fail, SERVICE_ERRORS } from './errors.ts';
import type { Answer } from './exchange.ts';

/** Failures that came back from, or on the way to, another service. */
const fromDownstream = new WeakSet<FairleadError>();

/** Remembers that a failure is another service's, so that it is not told as our own. */
export function markDownstream(error: FairleadError): FairleadError {
  fromDownstream.add(error);
  return error;
}

/**
 * What the caller is told when a handler throws:
 * - a code that the operation declares passes, with the kind that it declares;
 * - the end of the call's own Context passes (504, 499);
 * - a dependency or database that is not there, too slow or too busy is 503 or 504, without saying which;
 * - any other failure of a dependency is 502;
 * - everything else is 500 INTERNAL, with no text.
 *
 * A dependency that was asked again and again in vain is told with pushback: who repeats the whole on top of that makes
 * an outage of it (`details.pushbackMs` is -1).
 *
 * The original is the `cause`, for the log.
 */
export function presentable(error: unknown, operation: Pick<Operation, 'errors'>, ctx: Context): FairleadError {
  if (!(error instanceof FairleadError)) return fail('INTERNAL', 'The handler failed.', { cause: error });
  const declared = Object.hasOwn(operation.errors, error.code) ? operation.errors[error.code] : undefined;
  if (declared !== undefined) {
    if (declared === error.kind) return error;
    return new FairleadError(declared, error.code, error.message, {
      details: error.details,
      cause: error,
      ...retryAfter(error),
    });
  }
  if (error.code === 'IDEMPOTENCY_IN_FLIGHT' && !fromDownstream.has(error)) return error;
  if (ctx.signal.aborted && error === ctx.signal.reason) return error;
  switch (error.kind) {
    case 'unavailable':
    case 'exhausted':
      return fail('UNAVAILABLE', 'Something that this operation depends on is not available now. Repeat it later.', {
        cause: error,
        ...retryAfter(error),
        ...pushback(error),
      });
    case 'deadline':
      return fail('DEADLINE_EXCEEDED', 'Something that this operation depends on took too long.', {
        cause: error,
        ...pushback(error),
      });
    case 'cancelled':
      if (ctx.signal.aborted) return fail('CANCELLED', 'The work was stopped.', { cause: error });
      break;
    default:
  }
  if (fromDownstream.has(error)) {
    return fail('BAD_GATEWAY', 'Something that this operation depends on gave an answer that it should not.', {
      cause: error,
    });
  }
  return fail('INTERNAL', 'The handler failed.', { cause: error });
}

/**
 * Whether a failure is an answer to be kept under the call's idempotency key: one that the operation declares, whose
 * kind says that a repeat of the same request would be judged the same. What is temporary, or our own fault, is not.
 */
export function isLastingAnswer(error: FairleadError, operation: Operation): boolean {
  if (!Object.hasOwn(operation.errors, error.code) || error.retryAfterMs !== undefined) return false;
  return ['invalid', 'forbidden', 'not-found', 'conflict', 'too-large', 'unprocessable'].includes(error.kind);
}

/** A failure as a problem document, with `Retry-After` in whole seconds where it says when. */
export function problemAnswer(error: unknown, ctx: Context, path: string): Answer {
  const instance = path.split('?', 1)[0];
  const problem = toProblem(error, { traceId: ctx.trace.traceId, ...(instance === undefined ? {} : { instance }) });
  const failure = error instanceof FairleadError ? error : undefined;
  const retryAfterMs = failure?.retryAfterMs;
  const pushbackMs = failure?.details['pushbackMs'];
  return {
    status: problem.status,
    headers: {
      'content-type': PROBLEM_CONTENT_TYPE,
      ...(retryAfterMs === undefined ? {} : { 'retry-after': String(Math.max(1, Math.ceil(retryAfterMs / 1000))) }),
      ...(typeof pushbackMs === 'number' ? { [PUSHBACK_HEADER]: String(pushbackMs) } : {}),
    },
    body: JSON.stringify(problem),
    code: problem.code,
  };
}

/** Whether a code is ours or core's, so that a metric's label stays within a known set. */
export function knownCode(code: string, operation: Operation | undefined): string {
  const known =
    code in SERVICE_ERRORS ||
    code in POLICY_ERRORS ||
    (operation !== undefined && Object.hasOwn(operation.errors, code));
  return known ? code : 'OTHER';
}

function retryAfter(error: FairleadError): { retryAfterMs?: number } {
  return error.retryAfterMs === undefined ? {} : { retryAfterMs: error.retryAfterMs };
}

/** Only one layer repeats a call: those above it are told not to. */
function pushback(error: FairleadError): { details?: { readonly pushbackMs: number } } {
  return fromDownstream.has(error) && wasRetried(error, -Infinity) ? { details: { pushbackMs: -1 } } : {};
}
