import { FairleadError } from '@fairlead/core';
import { describe, expect, test } from 'vitest';
import { factsOf } from './failure-facts.ts';

const NOTHING = {
  code: undefined,
  status: undefined,
  unprocessed: false,
  overloaded: false,
  retryAfterMs: undefined,
  pushbackMs: undefined,
};

const withCode = (code: string, more: object = {}): Error => Object.assign(new Error(code), { code, ...more });

test.each<[string, unknown, object]>([
  ['an error of ours', new FairleadError('not-found', 'NO_ORDER', ''), { code: 'NO_ORDER', status: 404 }],
  [
    'one that says when to come back',
    new FairleadError('exhausted', 'QUOTA', '', { retryAfterMs: 70 }),
    { code: 'QUOTA', status: 429, retryAfterMs: 70, overloaded: true },
  ],
  [
    'one that was not begun',
    new FairleadError('unavailable', 'UNAVAILABLE', '', { details: { processed: 'no' } }),
    { code: 'UNAVAILABLE', status: 503, unprocessed: true },
  ],
  [
    'one that may have been begun',
    new FairleadError('unavailable', 'UNAVAILABLE', '', { details: { processed: 'maybe' } }),
    { code: 'UNAVAILABLE', status: 503 },
  ],
  [
    'one with pushback, as a problem document brings it',
    new FairleadError('unavailable', 'UNAVAILABLE', '', { details: { pushbackMs: -1 } }),
    { code: 'UNAVAILABLE', status: 503, pushbackMs: -1 },
  ],
  ['a refused connection', withCode('ECONNREFUSED'), { code: 'ECONNREFUSED', unprocessed: true }],
  ['a name that is not found', withCode('ENOTFOUND'), { code: 'ENOTFOUND', unprocessed: true }],
  ['a connection that broke', withCode('ECONNRESET'), { code: 'ECONNRESET' }],
  [
    'what fetch throws',
    new TypeError('fetch failed', { cause: withCode('ECONNREFUSED') }),
    { code: 'ECONNREFUSED', unprocessed: true },
  ],
  [
    'all addresses refused',
    Object.assign(new AggregateError([withCode('ECONNREFUSED')]), { code: 'ECONNREFUSED' }),
    { code: 'ECONNREFUSED', unprocessed: true },
  ],
  ['an HTTP client with status', { status: 503 }, { status: 503 }],
  ['an HTTP client with statusCode', { statusCode: 429 }, { status: 429, overloaded: true }],
  [
    'an HTTP client with a response',
    withCode('ERR_BAD_RESPONSE', { response: { status: 503, headers: { 'retry-after': '2' } } }),
    { code: 'ERR_BAD_RESPONSE', status: 503, retryAfterMs: 2_000, overloaded: true },
  ],
  [
    'a Response',
    new Response('', { status: 503, headers: { 'Retry-After': '1', 'grpc-retry-pushback-ms': '250' } }),
    { status: 503, retryAfterMs: 1_000, pushbackMs: 250, overloaded: true },
  ],
  [
    'an answer with plain headers',
    { status: 503, headers: { 'grpc-retry-pushback-ms': 'never' }, body: '' },
    { status: 503, pushbackMs: -1 },
  ],
  ['a numeric code, which is another table', { code: 14 }, {}],
  ['an error of nobody', new Error('boom'), {}],
  ['a text', 'boom', {}],
  ['nothing', undefined, {}],
  ['null', null, {}],
])('%s', (_, failed, expected) => {
  expect(factsOf(failed, 0)).toEqual({ ...NOTHING, ...expected });
});

test.each<[string, unknown, boolean]>([
  ['429', { status: 429 }, true],
  ['503 alone, which may be all that is left of it', { status: 503 }, false],
  ['503 that says when to come back', { status: 503, headers: { 'retry-after': '1' } }, true],
  ['503 with pushback', { status: 503, headers: { 'grpc-retry-pushback-ms': '0' } }, true],
  ['503 with pushback for ever', { status: 503, headers: { 'grpc-retry-pushback-ms': '-1' } }, false],
  ['500 that says when to come back', { status: 500, headers: { 'retry-after': '1' } }, false],
  ['what a policy there rejected', new FairleadError('unavailable', 'REJECTED', ''), true],
  ['a service that can not be reached', new FairleadError('unavailable', 'UNAVAILABLE', ''), false],
])('%s means too much load: %s', (_, failed, overloaded) => {
  expect(factsOf(failed, 0).overloaded).toBe(overloaded);
});

describe('causes', () => {
  test('the nearest code counts', () => {
    expect(factsOf(withCode('OUTER', { cause: withCode('INNER') }), 0).code).toBe('OUTER');
  });

  test('a ring of causes is left after a few', () => {
    const ring = new Error('ring');
    ring.cause = ring;
    expect(factsOf(ring, 0)).toEqual(NOTHING);
  });
});

test('the date of Retry-After counts from the given time of day', () => {
  const failed = { status: 503, headers: { 'retry-after': 'Sat, 21 Nov 2026 12:00:30 GMT' } };
  expect(factsOf(failed, Date.UTC(2026, 10, 21, 12)).retryAfterMs).toBe(30_000);
});
