import { FairleadError, PROBLEM_CONTENT_TYPE, toProblem } from '@fairlead/core';
import type { Answer } from './exchange.ts';
import { fail } from './errors.ts';

interface Rejection {
  readonly code: string;
  readonly status: number;
  /** Default: what the fault itself says. */
  readonly detail?: string;
}

/** Codes of `@fairlead/net`, as ours. Statuses such as 405 and 415 have no kind of ours. */
const KNOWN: Readonly<Record<string, Rejection>> = {
  HTTP_MALFORMED: { code: 'INVALID_REQUEST', status: 400 },
  HTTP_INCOMPLETE: { code: 'INVALID_REQUEST', status: 400 },
  HTTP_VERSION_UNSUPPORTED: { code: 'HTTP_VERSION_NOT_SUPPORTED', status: 505 },
  HTTP_UNSUPPORTED: { code: 'NOT_IMPLEMENTED', status: 501 },
  HTTP_EXPECTATION_FAILED: { code: 'EXPECTATION_FAILED', status: 417 },
  HTTP_TARGET_TOO_LONG: { code: 'URI_TOO_LONG', status: 414 },
  HTTP_FIELDS_TOO_LARGE: {
    code: 'HEADERS_TOO_LARGE',
    status: 431,
    detail: 'The request headers are larger than this service takes.',
  },
  HTTP_BODY_TOO_LARGE: {
    code: 'BODY_TOO_LARGE',
    status: 413,
    detail: 'The request body is larger than this service takes.',
  },
  HTTP_TIMEOUT: { code: 'REQUEST_TIMEOUT', status: 408 },
};

/** The answer to a fault of HTTP itself; `undefined` for any other error. */
export function rejectionOf(error: unknown): Answer | undefined {
  const known = error instanceof FairleadError ? KNOWN[error.code] : undefined;
  if (known === undefined || !(error instanceof FairleadError)) return undefined;
  return rejection(known.status, known.code, known.detail ?? error.message);
}

/** A request that HTTP itself refuses, as a problem document. */
export function rejection(status: number, code: string, detail: string): Answer {
  const like = toProblem(fail('NOT_FOUND', detail));
  const title = code.slice(0, 1) + code.slice(1).toLowerCase().replaceAll('_', ' ');
  const type = `urn:fairlead:problem:${code.toLowerCase().replaceAll('_', '-')}`;
  return {
    status,
    headers: { 'content-type': PROBLEM_CONTENT_TYPE },
    body: JSON.stringify({ ...like, type, title, status, code }),
    code,
  };
}
