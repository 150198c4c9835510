import { isError } from '@fairlead/core';
import { expect, test } from 'vitest';
import { resolveSpec } from './spec.ts';

/** The faults of a specification. */
function faultsOf(spec: unknown): readonly unknown[] {
  try {
    resolveSpec('stock', spec);
    return [];
  } catch (error) {
    if (!isError(error, 'POLICY_INVALID')) throw error;
    return error.details['problems'] as readonly unknown[];
  }
}

test('nothing written is nothing on, and nothing ends but by the caller', () => {
  const { timeout, isFailure, ...sections } = resolveSpec('stock', {});
  expect(timeout).toEqual({ totalMs: Infinity, attemptMs: Infinity, stuckAfterMs: 600_000, stuckLimit: 0 });
  expect(isFailure).toBeUndefined();
  for (const [name, section] of Object.entries(sections)) expect([name, section]).toEqual([name, undefined]);
});

test.each([
  [{}, 600_000],
  [{ total: '5s' }, 50_000],
  [{ total: '5s', attempt: '1s' }, 10_000],
  [{ attempt: '1s', stuckAfter: '3s' }, 3_000],
  [{ stuckAfter: '0ms' }, 0],
])('with timeout %j, work is stuck after %d ms', (timeout, stuckAfterMs) => {
  expect(resolveSpec('stock', { timeout }).timeout.stuckAfterMs).toBe(stuckAfterMs);
});

test.each([
  ['an unknown section', { braeker: {} }, 'braeker: no policy has this; did you mean breaker?'],
  ['an unknown key', { timeout: { totl: '1s' } }, 'timeout.totl: no policy has this; did you mean total?'],
  [
    'an attempt longer than the total',
    { timeout: { total: '1s', attempt: '1500ms' } },
    'timeout.attempt: 1.5s is longer than timeout.total, 1s; no attempt can take that long: give at most 1s, or a longer total',
  ],
  ['no time at all', { timeout: { total: '0ms' } }, "timeout.total: '0ms' is out of range; give at least 1ms"],
  [
    'retry and hedge',
    { retry: {}, hedge: {} },
    'hedge: a call is either retried or hedged, and retry is there too; take one of the two out',
  ],
  [
    'a budget for nothing',
    { budget: {} },
    'budget: there is nothing to pay for without retry or hedge; add one of them, or leave budget out',
  ],
  ['no probes', { breaker: { probes: 0 } }, 'breaker.probes: 0 is out of range; give from 1 to 1000'],
  [
    'a ratio without %, as a number',
    { breaker: { failureRatio: 50 } },
    "breaker.failureRatio: 50 is no ratio; write a text with %, such as '50%'",
  ],
  [
    'a ratio without %, as a text',
    { breaker: { failureRatio: '50' } },
    "breaker.failureRatio: '50' is no ratio; write a text with %, such as '50%'",
  ],
  [
    'a section that is a flag',
    { retry: true },
    'retry: true is no object; write { } for the defaults, or leave it out',
  ],
  [
    'a hedge that begins when the attempt has ended',
    { timeout: { attempt: '100ms' }, hedge: { delay: '100ms' } },
    'hedge.delay: 100ms is not shorter than an attempt may take, 100ms; nothing would ever be hedged: give less',
  ],
])('%s is refused, with the fix', (_, spec, fault) => {
  expect(faultsOf(spec)).toEqual([fault]);
});

test('all faults of all sections are told at once, under the name of the policy', () => {
  const spec = {
    timeout: { total: 5 },
    retry: { attempts: 0 },
    breaker: { probes: 0 },
    concurrency: { limit: 'many' },
  };
  expect(faultsOf(spec)).toHaveLength(4);
  expect(() => resolveSpec('stock', spec)).toThrow(/^The policy "stock" can't be used:\n(.+\n){3}.+$/);
});

test.each([[null], [[]], ['fast'], [undefined]])('a specification that is %j is refused', (spec) => {
  expect(faultsOf(spec)).toHaveLength(1);
});
