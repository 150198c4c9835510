import { expect, test } from 'vitest';
import { FairleadError, isError, type ErrorKind } from './errors.ts';
import { errorFromProblem, kindOfStatus, statusOf, toProblem } from './problem.ts';

const KINDS: readonly (readonly [ErrorKind, number])[] = [
  ['invalid', 400],
  ['unauthenticated', 401],
  ['forbidden', 403],
  ['not-found', 404],
  ['conflict', 409],
  ['too-large', 413],
  ['unprocessable', 422],
  ['exhausted', 429],
  ['cancelled', 499],
  ['internal', 500],
  ['unimplemented', 501],
  ['bad-gateway', 502],
  ['unavailable', 503],
  ['deadline', 504],
];

test.each(KINDS)('%s is %i and back', (kind, status) => {
  expect(statusOf(kind)).toBe(status);
  expect(kindOfStatus(status)).toBe(kind);
});

test.each([
  [408, 'deadline'],
  [410, 'not-found'],
  [418, 'invalid'],
  [505, 'internal'],
  [302, 'bad-gateway'],
  [200, 'bad-gateway'],
])('%i, which no kind has, means %s', (status, kind) => {
  expect(kindOfStatus(status)).toBe(kind);
});

test('a failure becomes a problem document with its details as members', () => {
  const error = new FairleadError('unprocessable', 'CARD_DECLINED', 'The card was declined.', {
    details: { reason: 'funds', status: 1, code: 'spoofed' },
    cause: new Error('secret cause'),
    retryAfterMs: 500,
  });
  expect(toProblem(error, { instance: '/orders', traceId: 't1' })).toEqual({
    type: 'urn:fairlead:problem:card-declined',
    title: 'Card declined',
    status: 422,
    code: 'CARD_DECLINED',
    detail: 'The card was declined.',
    instance: '/orders',
    traceId: 't1',
    retryAfterMs: 500,
    reason: 'funds',
  });
});

test.each([
  ['an Error', new TypeError('reading /etc/secret')],
  ['text', 'secret text'],
  ['nothing', undefined],
])('%s that is no FairleadError tells nothing of itself', (_, error) => {
  const problem = toProblem(error);
  expect(problem).toMatchObject({ status: 500, code: 'INTERNAL', type: 'urn:fairlead:problem:internal' });
  expect(JSON.stringify(problem)).not.toContain('secret');
});

test('an internal failure keeps its code and tells neither message nor details', () => {
  const error = new FairleadError('internal', 'MIGRATION_DRIFT', 'secret', { details: { file: 'secret.sql' } });
  const problem = toProblem(error);
  expect(problem.code).toBe('MIGRATION_DRIFT');
  expect(JSON.stringify(problem)).not.toContain('secret');
});

test('a problem document comes back as the failure that it tells of', () => {
  const error = new FairleadError('conflict', 'OUT_OF_STOCK', 'None left.', { details: { sku: 'a' }, retryAfterMs: 0 });
  const back = errorFromProblem(JSON.parse(JSON.stringify(toProblem(error))), 409);
  expect(back).toMatchObject({
    kind: 'conflict',
    code: 'OUT_OF_STOCK',
    message: 'None left.',
    details: { sku: 'a' },
    retryAfterMs: 0,
  });
});

test.each([
  [undefined, 404, 'NOT_FOUND'],
  ['<html>', 503, 'UNAVAILABLE'],
  [null, 504, 'DEADLINE_EXCEEDED'],
  [[1], 500, 'INTERNAL'],
  [{ code: 'not a code' }, 401, 'UNAUTHENTICATED'],
  [{ code: 7, retryAfterMs: 'soon', detail: 5 }, 429, 'EXHAUSTED'],
  [{ type: 'urn:fairlead:problem:card-declined' }, 422, 'CARD_DECLINED'],
])('%j with status %i becomes %s', (body, status, code) => {
  const error = errorFromProblem(body, status);
  expect(error.code).toBe(code);
  expect(error.kind).toBe(kindOfStatus(status));
  expect(error.retryAfterMs).toBeUndefined();
});

test('isError tells codes apart', () => {
  const error = new FairleadError('conflict', 'A', 'a');
  expect([isError(error, 'A'), isError(error, 'B'), isError(new Error('A'), 'A')]).toEqual([true, false, false]);
});
