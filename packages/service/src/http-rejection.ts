import { STATUS_CODES } from 'node:http';
import { toProblem } from '@fairlead/core';
import { findOperation, type Contract } from '@fairlead/contract';
import { fail } from './errors.ts';
import { GATEWAY } from './layers/admission.ts';

/** Codes of Fastify and Node, as ours. */
const KNOWN: Readonly<Record<string, { readonly code: string; readonly status: number; readonly detail: string }>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: {
    code: 'BODY_TOO_LARGE',
    status: 413,
    detail: 'The request body is larger than this service takes.',
  },
  FST_ERR_CTP_INVALID_MEDIA_TYPE: {
    code: 'UNSUPPORTED_MEDIA_TYPE',
    status: 415,
    detail: 'Send the body as application/json.',
  },
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: {
    code: 'INVALID_REQUEST',
    status: 400,
    detail: 'The body is not as long as Content-Length says.',
  },
  FST_ERR_BAD_URL: { code: 'INVALID_REQUEST', status: 400, detail: 'The path is not properly percent-encoded.' },
  HPE_HEADER_OVERFLOW: {
    code: 'HEADERS_TOO_LARGE',
    status: 431,
    detail: 'The request headers are larger than this service takes.',
  },
  ERR_HTTP_REQUEST_TIMEOUT: { code: 'REQUEST_TIMEOUT', status: 408, detail: 'The request took too long to arrive.' },
};
const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'] as const;

/** A request that HTTP itself refuses, as a problem document. Statuses such as 405 and 415 have no kind of ours. */
export function rejection(
  source: string,
  status = 400,
  detail = 'The request is not proper HTTP.',
): { readonly status: number; readonly phrase: string; readonly body: string } {
  const known = KNOWN[source] ?? {
    code: /^[A-Z_]+$/.test(source) && !/^(FST|HPE|ERR)_/.test(source) ? source : 'INVALID_REQUEST',
    status,
    detail,
  };
  const like = toProblem(fail('NOT_FOUND', known.detail));
  const title = known.code.slice(0, 1) + known.code.slice(1).toLowerCase().replaceAll('_', ' ');
  const type = `urn:fairlead:problem:${known.code.toLowerCase().replaceAll('_', '-')}`;
  return {
    status: known.status,
    phrase: STATUS_CODES[known.status] ?? 'Error',
    body: JSON.stringify({ ...like, type, title, status: known.status, code: known.code }),
  };
}

/** The methods that a path answers for this caller; none when the path is not known, or hidden from the edge. */
export function allowedMethods(contract: Contract, url: string, caller: string | undefined): readonly string[] {
  const path = url.split('?', 1)[0] ?? '';
  const methods = METHODS.filter((method) => {
    const match = findOperation(contract, method, path);
    return match.kind === 'operation' && !(caller === GATEWAY && match.operation.visibility === 'internal');
  });
  if (methods.length === 0) return [];
  return ['OPTIONS', ...(methods.includes('GET') ? ['HEAD'] : []), ...methods];
}
