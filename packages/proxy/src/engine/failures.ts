import { FairleadError, isError, statusOf } from '@fairlead/core';
import type { ClusterRefusal } from '@fairlead/net';
import { RejectedError } from '@fairlead/policy';
import { fail, STATUS_OVERRIDES } from '../errors.ts';
import type { Decision } from '../match/decision.ts';
import type { CompiledRoute } from './compiled-route.ts';
import type { LocalAnswer } from './filter.ts';

/** No route answers. */
export function noRouteAnswer(path: string, decision: Decision<CompiledRoute> | undefined): LocalAnswer {
  if (decision?.kind !== 'method-not-allowed') {
    return { status: 404, cause: 'NO_ROUTE', detail: `There is no route for ${path}.` };
  }
  const { allow } = decision;
  return {
    status: 405,
    cause: 'METHOD_NOT_ALLOWED',
    detail: `${path} answers ${allow}.`,
    fields: { allow },
    members: { allow: allow.split(', ') },
  };
}

/** The request's body can't be had: `fault` is what net says; without one it is announced too large. */
export function brokenUpload(fault: unknown, maxBodyBytes: number): LocalAnswer {
  const code = fault instanceof FairleadError ? fault.code : 'HTTP_BODY_TOO_LARGE';
  switch (code) {
    case 'HTTP_BODY_TOO_LARGE':
      return {
        status: 413,
        cause: 'BODY_TOO_LARGE',
        detail: `The body may have at most ${maxBodyBytes} bytes here.`,
        members: { maxBodyBytes },
      };
    case 'HTTP_TIMEOUT':
      return { status: 408, cause: 'BODY_TIMEOUT', detail: 'The body of the request did not arrive in time.' };
    default:
      return { status: 400, cause: 'BAD_REQUEST', detail: 'The body of the request is malformed.' };
  }
}

/** What a filter that reads the body is told: thrown on, it is the same answer. */
export function bodyFailure(fault: unknown, maxBytes: number): FairleadError {
  const { cause, detail, members = {} } = brokenUpload(fault, maxBytes);
  if (cause === 'BODY_TIMEOUT' || cause === 'BAD_REQUEST') return fail(cause, detail);
  return fail('BODY_TOO_LARGE', detail, { details: members });
}

/** The body is announced, or was read, with more than these bytes. */
export function tooLarge(maxBytes: number): FairleadError {
  return bodyFailure(undefined, maxBytes);
}

/** An attempt brought no answer, or not all of one. */
function upstreamFailure(cluster: string, error: FairleadError): LocalAnswer {
  if (error.details['processed'] === 'no') {
    return {
      status: 503,
      cause: 'UPSTREAM_UNAVAILABLE',
      detail: `${cluster} can't be reached.`,
      retryAfterMs: 1_000,
      members: { processed: 'no' },
      because: error,
    };
  }
  const members = { processed: 'maybe' };
  if (error.code === 'HTTP_BODY_TOO_LARGE') {
    const said = `${cluster} answered with more than is taken.`;
    return { status: 502, cause: 'UPSTREAM_INVALID', detail: said, members, because: error };
  }
  if (error.code.startsWith('HTTP_') && error.code !== 'HTTP_INCOMPLETE') {
    return {
      status: 502,
      cause: 'UPSTREAM_INVALID',
      detail: `What ${cluster} answered is not HTTP.`,
      members,
      because: error,
    };
  }
  const detail = `The connection to ${cluster} broke before its answer.`;
  return { status: 502, cause: 'UPSTREAM_RESET', detail, members, because: error };
}

/** The time is over: that of the request, or how long the upstream of its route may say nothing. */
export function overdueAnswer(cluster: string, isSilent: boolean, because?: unknown): LocalAnswer {
  return {
    status: 504,
    cause: isSilent ? 'UPSTREAM_SILENT' : 'UPSTREAM_TIMEOUT',
    detail: `${cluster} ${isSilent ? 'said nothing for too long' : 'did not answer in time'}.`,
    members: { processed: 'maybe' },
    because,
  };
}

/** The engine ends. */
export const DRAINING: LocalAnswer = {
  status: 503,
  cause: 'DRAINING',
  detail: 'The gateway is shutting down; try again.',
  retryAfterMs: 1_000,
};

/** Nobody of the cluster can be asked, for this reason. */
export function unpickable(cluster: string, refusal: ClusterRefusal | undefined): FairleadError {
  if (refusal === undefined) return fail('INTERNAL', `There is no cluster ${cluster} for this route.`);
  return fail('UPSTREAM_UNAVAILABLE', `${cluster} has nobody who may be asked now.`, {
    details: { processed: 'no' },
    retryAfterMs: 1_000,
    cause: new Error(`${cluster}: ${refusal}`),
  });
}

/** What a filter or a policy has thrown, as somebody outside may know it: not what was measured. */
export function failureAnswer(cluster: string, error: unknown): LocalAnswer {
  if (error instanceof RejectedError && error.kind !== 'cancelled') return rejectedAnswer(cluster, error);
  if (error instanceof FairleadError && (error.code === 'CONNECTION_FAILED' || error.code.startsWith('HTTP_'))) {
    return upstreamFailure(cluster, error);
  }
  if (isError(error, 'DEADLINE_EXCEEDED')) return overdueAnswer(cluster, false, error);
  if (error instanceof FairleadError && error.kind !== 'internal' && error.kind !== 'cancelled') {
    return {
      status: STATUS_OVERRIDES[error.code] ?? statusOf(error.kind),
      cause: error.code,
      detail: error.message,
      members: error.details,
      ...(error.retryAfterMs === undefined ? {} : { retryAfterMs: error.retryAfterMs }),
      because: error.cause,
    };
  }
  return bugAnswer(error);
}

/** Why an answer breaks off: a stage or source has said so, for the reason that it has thrown. */
export function brokenCause(error: unknown): string {
  if (error === undefined) return 'UPSTREAM_RESET';
  return error instanceof FairleadError ? error.code : 'INTERNAL';
}

/** What an answer that was cut off is counted as: whoever gave its head had not failed yet. */
export function cutStatus(status: number, cause: string): number {
  if (status >= 500) return status;
  return cause === 'INTERNAL' ? 500 : 502;
}

/** What nobody outside has to know. */
export function bugAnswer(because: unknown): LocalAnswer {
  const detail = 'Something went wrong on our side; the trace has the details.';
  return { status: 500, cause: 'INTERNAL', detail, because };
}

function rejectedAnswer(cluster: string, error: RejectedError): LocalAnswer {
  const { retryAfterMs } = error;
  const rest = {
    members: { processed: 'no' },
    because: error,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  };
  if (error.kind === 'deadline') {
    return { status: 504, cause: 'UPSTREAM_TIMEOUT', detail: `${cluster} had no time left for this.`, ...rest };
  }
  return error.kind === 'exhausted'
    ? {
        status: 429,
        cause: 'RATE_LIMITED',
        detail: `There are too many requests to ${cluster}; come back later.`,
        ...rest,
      }
    : {
        status: 503,
        cause: 'OVERLOADED',
        detail: `${cluster} takes no further requests now; come back later.`,
        ...rest,
      };
}
