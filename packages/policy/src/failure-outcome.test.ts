import { FairleadError } from '@fairlead/core';
import { describe, expect, test } from 'vitest';
import { resolveBreaker, type BreakerCode, type BreakerSpec } from './breaker-options.ts';
import { outcomeByRules } from './failure-outcome.ts';
import { FAILURE, IGNORED, SUCCESS } from './outcome.ts';
import { Problems } from './problems.ts';
import { rejectionError } from './rejected-error.ts';

const NAMES = { [SUCCESS]: 'success', [FAILURE]: 'failure', [IGNORED]: 'ignored' } as const;

/** What a failure says under a breaker of this specification. */
function outcome(failed: unknown, spec: BreakerSpec = {}, code: BreakerCode = {}, returned = false): string {
  const problems = new Problems();
  const { failures } = resolveBreaker(spec, problems, Infinity, code)!;
  expect(problems.found).toEqual([]);
  return NAMES[outcomeByRules(failures, failed, returned)];
}

const coded = (code: string) => Object.assign(new Error(code), { code });
const status = (code: number, headers = {}) => Object.assign(new Error(`${code}`), { status: code, headers });
const rejected = rejectionError({
  cause: 'full',
  policy: 'inner',
  rule: 'concurrency',
  measured: {},
  retryAfterMs: undefined,
});
const retryLater = status(503, { 'retry-after': '1' });
const rejectedThere = new FairleadError('unavailable', 'REJECTED', 'A policy over there.');
const cancelled = new FairleadError('cancelled', 'CANCELLED', 'The caller left.');

describe('what a failure says about whom was called', () => {
  test.each<[string, unknown, BreakerSpec, string]>([
    ['an error without code and status', new Error('?'), {}, 'failure'],
    ['something thrown that is no error', 'oops', {}, 'failure'],
    ['a broken connection', coded('ECONNRESET'), {}, 'failure'],
    ['500', status(500), {}, 'failure'],
    ['408', status(408), {}, 'failure'],
    ['a 503 that says nothing', status(503), {}, 'failure'],
    ['404: it answered', status(404), {}, 'success'],
    ['422: it answered', status(422), {}, 'success'],
    ['an error of ours that is an answer', new FairleadError('conflict', 'BOOK_LENT', 'Gone.'), {}, 'success'],
    ['a timeout over there', new FairleadError('deadline', 'DEADLINE_EXCEEDED', 'Too late.'), {}, 'failure'],
    ['an error of ours that is none', new FairleadError('internal', 'INTERNAL', 'Bug.'), {}, 'failure'],
    ['429: only too much to do', status(429), {}, 'ignored'],
    ['503 that says when to come back', retryLater, {}, 'ignored'],
    ['what a policy over there rejected', rejectedThere, {}, 'ignored'],
    ['429 where it is listed', status(429), { statuses: [429, '5xx'] }, 'failure'],
    ['503 that says when to come back, where it is listed', retryLater, { statuses: ['5xx'] }, 'failure'],
    ['503 that says when to come back, where others are listed', retryLater, { statuses: [500] }, 'success'],
    ['what a policy over there rejected, where it is listed', rejectedThere, { codes: ['REJECTED'] }, 'failure'],
    ['500 where it is not listed', status(500), { statuses: [502, 503] }, 'success'],
    ['a listed code', coded('ECONNRESET'), { codes: ['ECONNRESET'] }, 'failure'],
    ['another code: an answer', coded('EINVAL'), { codes: ['ECONNRESET'] }, 'success'],
    ['no code, where codes are listed', new TypeError('bug'), { codes: ['ECONNRESET'] }, 'success'],
    ['500 beside listed codes', status(500), { codes: ['ECONNRESET'] }, 'failure'],
    ['500 where only codes count', status(500), { codes: ['ECONNRESET'], statuses: [] }, 'success'],
    ['a code of ours whose status is none', new FairleadError('conflict', 'C', ''), { codes: ['C'] }, 'failure'],
    ['an ignored code', coded('EINVAL'), { ignoreCodes: ['EINVAL'] }, 'ignored'],
    ['an ignored code that is listed', coded('X'), { codes: ['X'], ignoreCodes: ['X'] }, 'ignored'],
    ['an ignored status', status(404), { ignoreStatuses: ['4xx'] }, 'ignored'],
    ['a rejection of another policy here', rejected, {}, 'ignored'],
    ['a rejection whose code is listed', rejected, { codes: ['REJECTED'] }, 'ignored'],
    ['a cancelled call', cancelled, { codes: ['CANCELLED'] }, 'ignored'],
  ])('%s', (_, failed, spec, expected) => {
    expect(outcome(failed, spec)).toBe(expected);
  });

  test('a predicate decides before the lists, and leaves to them what it does not know', () => {
    const judge: BreakerCode['judge'] = (failed) => (failed instanceof TypeError ? 'ignore' : undefined);
    expect(outcome(new TypeError('bug'), {}, { judge })).toBe('ignored');
    expect(outcome(status(404), {}, { judge })).toBe('success');
    expect(outcome(status(404), {}, { judge: () => 'failure' })).toBe('failure');
    expect(outcome(rejectedThere, {}, { judge: () => 'failure' })).toBe('failure');
    expect(outcome({ status: 200 }, {}, { judge: (_, returned) => (returned ? 'success' : 'failure') }, true)).toBe(
      'success',
    );
  });

  test('a predicate has no say about rejections and cancelled calls, and one that throws has called it a failure', () => {
    expect(outcome(rejected, {}, { judge: () => 'failure' })).toBe('ignored');
    expect(outcome(cancelled, {}, { judge: () => 'failure' })).toBe('ignored');
    const judge = () => {
      throw new Error('bug');
    };
    expect(outcome(status(404), {}, { judge })).toBe('failure');
  });
});
