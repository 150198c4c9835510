import { FairleadError } from '@fairlead/core';
import { describe, expect, test } from 'vitest';
import { Problems } from './problems.ts';
import { markRetried } from './pushback.ts';
import type { RepeatCode } from './repeat-options.ts';
import { resolveRetry, type ResolvedRetry, type RetrySpec } from './retry-options.ts';
import { verdictOf, type Failure, type RetryVerdict } from './retry-rules.ts';

function rules(spec: RetrySpec = {}, code: RepeatCode = {}): ResolvedRetry {
  const problems = new Problems();
  const resolved = resolveRetry(spec, problems, code);
  expect(problems.found).toEqual([]);
  return resolved!;
}

function failure(failed: unknown, more: Partial<Failure> = {}): Failure {
  return { failed, returned: false, beganMs: 0, attempts: 1, repeatable: true, remainingMs: 5_000, wallMs: 0, ...more };
}

const stop = (reason: string): object => ({ kind: 'stop', reason });
const retry = (minDelayMs = 0, exact = false): RetryVerdict => ({ kind: 'retry', minDelayMs, exact });
const http = (status: number, headers: Record<string, string> = {}): object => ({ status, headers });
const away = new FairleadError('unavailable', 'UNAVAILABLE', 'away');
const notBegun = new FairleadError('unavailable', 'UNAVAILABLE', 'away', { details: { processed: 'no' } });

describe('the five answers of gRPC A6 (that of success is no failure)', () => {
  test('a fatal status is not retried', () => {
    expect(verdictOf(rules(), failure(http(400)))).toEqual(stop('not-retriable'));
    expect(verdictOf(rules(), failure(http(500)))).toEqual(stop('not-retriable'));
  });

  test('a retriable status without pushback is retried as the policy says', () => {
    expect(verdictOf(rules(), failure(http(503)))).toEqual(retry());
  });

  test.each(['-1', 'nonsense'])('pushback %j means not to retry, also what is retriable', (pushback) => {
    expect(verdictOf(rules(), failure(http(503, { 'grpc-retry-pushback-ms': pushback })))).toEqual(stop('pushback'));
  });

  test('pushback makes no fatal status less fatal: hedges on the way would have to be cancelled', () => {
    expect(verdictOf(rules(), failure(http(400, { 'grpc-retry-pushback-ms': '-1' })))).toEqual(stop('not-retriable'));
  });

  test('pushback of n ms means exactly then, also for what else were not retriable', () => {
    expect(verdictOf(rules(), failure(http(503, { 'grpc-retry-pushback-ms': '70' })))).toEqual(retry(70, true));
    expect(verdictOf(rules(), failure(http(500, { 'grpc-retry-pushback-ms': '0' })))).toEqual(retry(0, true));
  });

  test('when the attempts are used up, pushback to retry changes nothing', () => {
    const last = failure(http(503, { 'grpc-retry-pushback-ms': '70' }), { attempts: 3 });
    expect(verdictOf(rules(), last)).toEqual(stop('attempts'));
  });
});

describe('which failures', () => {
  test.each([408, 425, 429, 502, 503, 504])('status %i is retried', (status) => {
    expect(verdictOf(rules(), failure(http(status)))).toEqual(retry());
  });

  test.each([400, 401, 404, 409, 422, 499, 500, 501])('status %i is not', (status) => {
    expect(verdictOf(rules(), failure(http(status)))).toEqual(stop('not-retriable'));
  });

  test.each([
    ['unavailable', 'UNAVAILABLE', true],
    ['exhausted', 'RATE_LIMITED', true],
    ['deadline', 'ATTEMPT_TIMEOUT', true],
    ['bad-gateway', 'BAD_ANSWER', true],
    ['cancelled', 'CANCELLED', false],
    ['internal', 'INTERNAL', false],
    ['conflict', 'ORDER_EXISTS', false],
  ] as const)('an error of kind %s is retried by its status', (kind, code, retried) => {
    const verdict = verdictOf(rules(), failure(new FairleadError(kind, code, '')));
    expect(verdict).toEqual(retried ? retry() : stop('not-retriable'));
  });

  test('a listed code is retried whatever its status, an excepted one never', () => {
    const only = rules({ codes: ['ORDER_LOCKED'], exceptCodes: ['UNAVAILABLE'] });
    expect(verdictOf(only, failure(new FairleadError('conflict', 'ORDER_LOCKED', '')))).toEqual(retry());
    expect(verdictOf(only, failure(away))).toEqual(stop('not-retriable'));
  });

  test('an error of nobody is a bug and not retried, unless told', () => {
    expect(verdictOf(rules(), failure(new Error('boom')))).toEqual(stop('not-retriable'));
    expect(verdictOf(rules({ unknown: true }), failure(new Error('boom')))).toEqual(retry());
    expect(verdictOf(rules({ unknown: true }), failure(http(400)))).toEqual(stop('not-retriable'));
  });

  test('the predicate decides before the lists, or leaves it to them', () => {
    const own = rules({}, { shouldRepeat: (failed) => (failed instanceof RangeError ? true : undefined) });
    expect(verdictOf(own, failure(new RangeError('mine')))).toEqual(retry());
    expect(verdictOf(own, failure(new Error('not mine')))).toEqual(stop('not-retriable'));
    expect(verdictOf(own, failure(away))).toEqual(retry());
    expect(verdictOf(rules({}, { shouldRepeat: () => false }), failure(away))).toEqual(stop('not-retriable'));
  });

  test('a value that the predicate called a failure is retried, unless its status is not', () => {
    expect(verdictOf(rules(), failure({ pending: true }, { returned: true }))).toEqual(retry());
    expect(verdictOf(rules(), failure(http(503), { returned: true }))).toEqual(retry());
    expect(verdictOf(rules(), failure(http(404), { returned: true }))).toEqual(stop('not-retriable'));
  });
});

describe('which calls', () => {
  const once = { repeatable: false };

  test('what may have been processed is not done again, unless it is repeatable or told', () => {
    expect(verdictOf(rules(), failure(away, once))).toEqual(stop('not-repeatable'));
    expect(verdictOf(rules(), failure(http(503), once))).toEqual(stop('not-repeatable'));
    expect(verdictOf(rules({ calls: 'all' }), failure(away, once))).toEqual(retry());
  });

  test('what provably was not begun may be made again whatever it is', () => {
    expect(verdictOf(rules(), failure(notBegun, once))).toEqual(retry());
    const refused = Object.assign(new Error('refused'), { code: 'ECONNREFUSED' });
    expect(verdictOf(rules(), failure(refused, once))).toEqual(retry());
  });

  test('neither a predicate nor pushback makes a call repeatable', () => {
    const own = rules({}, { shouldRepeat: () => true });
    expect(verdictOf(own, failure(away, once))).toEqual(stop('not-repeatable'));
    const pushed = http(503, { 'grpc-retry-pushback-ms': '5' });
    expect(verdictOf(rules(), failure(pushed, once))).toEqual(stop('not-repeatable'));
  });
});

describe('in time', () => {
  test('Retry-After is the least delay', () => {
    expect(verdictOf(rules(), failure(http(429, { 'retry-after': '2' })))).toEqual(retry(2_000));
    const ours = new FairleadError('exhausted', 'QUOTA', '', { retryAfterMs: 30 });
    expect(verdictOf(rules(), failure(ours))).toEqual(retry(30));
  });

  test.each<[Record<string, string>]>([[{ 'retry-after': '5' }], [{ 'grpc-retry-pushback-ms': '5000' }]])(
    'what lies beyond the deadline fails at once: %j',
    (headers) => {
      expect(verdictOf(rules(), failure(http(503, headers)))).toEqual(stop('deadline'));
      expect(verdictOf(rules(), failure(http(503, headers), { remainingMs: Infinity })).kind).toBe('retry');
    },
  );

  test('pushback goes before Retry-After', () => {
    const both = http(503, { 'retry-after': '60', 'grpc-retry-pushback-ms': '10' });
    expect(verdictOf(rules(), failure(both))).toEqual(retry(10, true));
  });

  test('without time left nothing is asked any more', () => {
    const own = rules({}, { shouldRepeat: () => expect.unreachable() });
    expect(verdictOf(own, failure(away, { remainingMs: 0 }))).toEqual(stop('deadline'));
  });
});

describe('only one layer retries', () => {
  test('what a policy below has retried is not retried again', () => {
    const error = new FairleadError('unavailable', 'UNAVAILABLE', 'away');
    markRetried(error, rules(), 10);
    expect(verdictOf(rules(), failure(error, { beganMs: 5 }))).toEqual(stop('pushback'));
  });

  test('an error object that is thrown again and again is retried again and again', () => {
    const own = rules();
    const same = new FairleadError('unavailable', 'UNAVAILABLE', 'away');
    markRetried(same, own, 10);
    expect(verdictOf(own, failure(same, { beganMs: 5 }))).toEqual(retry());
    expect(verdictOf(rules(), failure(same, { beganMs: 11 }))).toEqual(retry());
  });
});

test.each([
  [1, 'stop'],
  [2, 'retry'],
  [3, 'retry'],
])('of %i attempts in all the first is one', (attempts, kind) => {
  expect(verdictOf(rules({ attempts }), failure(away)).kind).toBe(kind);
});
