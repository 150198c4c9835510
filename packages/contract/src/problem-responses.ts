import { PROBLEM_CONTENT_TYPE, statusOf, type ErrorKind } from '@fairlead/core';
import type { JsonObject } from './document.ts';
import type { Operation } from './operation.ts';

/** RFC 9457 problem documents, as every operation answers them. */
export const PROBLEM_SCHEMA: JsonObject = {
  type: 'object',
  description: 'A problem document (RFC 9457). Match `code`; the text is for people.',
  properties: {
    type: { type: 'string', description: 'urn:fairlead:problem:<code in kebab-case>' },
    title: { type: 'string' },
    status: { type: 'integer' },
    code: { type: 'string' },
    detail: { type: 'string' },
    instance: { type: 'string' },
    traceId: { type: 'string' },
    retryAfterMs: { type: 'number', description: 'When a repeat may succeed, in milliseconds from now' },
    issues: {
      type: 'array',
      description: 'With INVALID_INPUT: where the input does not fit',
      items: {
        type: 'object',
        properties: { path: { type: 'string' }, message: { type: 'string' } },
        required: ['path', 'message'],
      },
    },
  },
  required: ['type', 'title', 'status', 'code'],
};

/** What a caller of this operation may be told besides its own codes, by the runtime and the edge. */
function platformErrors(operation: Operation): readonly (readonly [string, ErrorKind])[] {
  return [
    ['INVALID_INPUT', 'invalid'],
    ...(operation.idempotencyKey === 'required' ? ([['IDEMPOTENCY_KEY_REQUIRED', 'invalid']] as const) : []),
    ...(operation.idempotencyKey
      ? ([
          ['IDEMPOTENCY_KEY_INVALID', 'invalid'],
          ['IDEMPOTENCY_IN_FLIGHT', 'conflict'],
          ['IDEMPOTENCY_MISMATCH', 'unprocessable'],
        ] as const)
      : []),
    ...(operation.visibility === 'public'
      ? ([
          ['TOKEN_MISSING', 'unauthenticated'],
          ['TOKEN_INVALID', 'unauthenticated'],
          ['TOKEN_EXPIRED', 'unauthenticated'],
        ] as const)
      : []),
    ...(operation.roles.length > 0 ? ([['FORBIDDEN', 'forbidden']] as const) : []),
  ];
}

/**
 * The answers that are not success, by status: what the operation declares and what the platform adds, each with its
 * codes. Anything else is a `default` problem.
 *
 * @param problem reference to the shared problem schema
 */
export function problemResponses(operation: Operation, problem: JsonObject): JsonObject {
  const codes = new Map<number, string[]>();
  for (const [code, kind] of [...platformErrors(operation), ...Object.entries(operation.errors)]) {
    const status = statusOf(kind);
    const known = codes.get(status);
    if (!known) codes.set(status, [code]);
    else if (!known.includes(code)) known.push(code);
  }
  const specific = [...codes]
    .toSorted(([a], [b]) => a - b)
    .map(([status, known]) => [
      String(status),
      response(known.join(', '), {
        allOf: [problem, { type: 'object', properties: { code: { type: 'string', enum: known } } }],
      }),
    ]);
  return { ...Object.fromEntries(specific), default: response('Any other problem', problem) };
}

function response(description: string, schema: JsonObject): JsonObject {
  return { description, content: { [PROBLEM_CONTENT_TYPE]: { schema } } };
}
