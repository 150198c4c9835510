import { FairleadError } from '@fairlead/core';
import { expect, test } from 'vitest';
import { resolveBreaker, type BreakerCode, type BreakerSpec } from './breaker-options.ts';
import { outcomeByRules } from './failure-outcome.ts';
import { FAILURE, IGNORED, SUCCESS } from './outcome.ts';
import { Problems } from './problems.ts';

function outcome(failed: unknown, spec: BreakerSpec = {}, code: BreakerCode = {}): number {
  const problems = new Problems();
  const breaker = resolveBreaker(spec, problems, 1_000, code);
  expect(problems.found).toEqual([]);
  return outcomeByRules(breaker!.failures, failed, false);
}

const retryLater = { status: 503, headers: { 'retry-after': '1' } };

test.each<[string, unknown, number]>([
  ['an unreachable service', new FairleadError('unavailable', 'UNAVAILABLE', ''), FAILURE],
  ['a timeout', new FairleadError('deadline', 'DEADLINE_EXCEEDED', ''), FAILURE],
  ['an error of nobody', new Error('boom'), FAILURE],
  ['500', { status: 500 }, FAILURE],
  ['503', { status: 503 }, FAILURE],
  ['404', { status: 404 }, SUCCESS],
  ['a cancelled call', new FairleadError('cancelled', 'CANCELLED', ''), IGNORED],
  ['429', { status: 429 }, IGNORED],
  ['503 that says when to come back', retryLater, IGNORED],
  ['what a policy there rejected', new FairleadError('unavailable', 'REJECTED', ''), IGNORED],
])('%s', (_, failed, expected) => {
  expect(outcome(failed)).toBe(expected);
});

test('whoever lists statuses decides about overload too', () => {
  expect(outcome({ status: 429 }, { statuses: [429] })).toBe(FAILURE);
  expect(outcome(retryLater, { statuses: ['5xx'] })).toBe(FAILURE);
  expect(outcome(retryLater, { statuses: [500] })).toBe(SUCCESS);
});

test('so does whoever lists codes or judges', () => {
  const rejected = new FairleadError('unavailable', 'REJECTED', '');
  expect(outcome(rejected, { codes: ['REJECTED'] })).toBe(FAILURE);
  expect(outcome(rejected, {}, { judge: () => 'failure' })).toBe(FAILURE);
});
