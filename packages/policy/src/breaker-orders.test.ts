import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { BreakerMode } from './breaker-state.ts';
import { Driven, RESILIENCE4J, SLOW_MS } from './driven-breaker.fixture.ts';
import { FAILURE } from './outcome.ts';

describe('orders', () => {
  const modes: readonly BreakerMode[] = ['open', 'closed', 'disabled', 'metrics-only'];

  test.each([
    ['open', 'forced-open', 'half-open'],
    ['closed', 'forced-closed', 'closed'],
    ['disabled', 'disabled', 'closed'],
    ['metrics-only', 'metrics-only', 'closed'],
  ] as const)('%s is %s whatever happens, and auto then begins %s', (mode, state, after) => {
    for (const begin of [new Driven(), new Driven().toOpen(), new Driven().toHalfOpen()]) {
      begin.force(mode);
      for (let call = 0; call < 30; call++) begin.call(FAILURE, SLOW_MS);
      begin.nowMs += 1e9;
      expect(begin.state.state).toBe(state);
      begin.force('auto');
      expect(begin.state).toMatchObject({ state: after, cause: 'forced', measured: { calls: 0 } });
    }
  });

  test('the same order again does nothing', () => {
    for (const mode of modes) {
      const driven = new Driven();
      driven.force(mode);
      driven.force(mode);
      expect(driven.told).toHaveLength(1);
    }
    const auto = new Driven().toOpen();
    auto.force('auto');
    expect(auto.state.state).toBe('open');
  });

  test('closed and then auto begins anew, with the first open time', () => {
    const driven = new Driven({ ...RESILIENCE4J, openGrowth: 2, probes: 1 }).toOpen();
    driven.nowMs = 5_000;
    driven.call(FAILURE);
    expect(driven.state).toMatchObject({ retryAfterMs: 10_000, openings: 2 });
    driven.force('closed');
    driven.force('auto');
    driven.toOpen();
    expect(driven.state).toMatchObject({ retryAfterMs: 5_000, openings: 1 });
  });

  test('forced closed it has no opinion, and metrics-only has a new one each time', () => {
    const driven = new Driven({ ...RESILIENCE4J, minCalls: 1 });
    driven.force('closed');
    driven.calls(10, FAILURE);
    expect(driven.state).toMatchObject({ measured: { failures: 10 }, counts: { wouldHaveOpened: 0 } });
    for (let round = 0; round < 2; round++) {
      driven.force('metrics-only');
      driven.calls(10, FAILURE);
      driven.force('auto');
    }
    expect(driven.state.counts.wouldHaveOpened).toBe(2);
  });

  test('results of calls that were let through under an order are late after it', () => {
    for (const mode of ['closed', 'disabled', 'metrics-only'] as const) {
      const driven = new Driven();
      driven.force(mode);
      const permit = driven.acquire();
      driven.force('auto');
      driven.record(permit, FAILURE);
      expect(driven.state).toMatchObject({ measured: { calls: 0 }, counts: { late: 1 } });
    }
  });

  test.each(modes)('it can begin as %s', (mode) => {
    const driven = new Driven({ ...RESILIENCE4J, mode });
    expect(driven.acquire() >= 0).toBe(mode !== 'open');
    expect(driven.state).toMatchObject({ cause: undefined, forMs: undefined });
    driven.force('auto');
    expect(driven.told).toHaveLength(1);
  });
});

describe('the open time', () => {
  test('doubles to a minute, varies by a fifth, and is never beyond', () => {
    for (const [draw, factor] of [
      [0, 0.8],
      [0.5, 1],
      [1 - 2 ** -53, 1.2],
    ] as const) {
      const driven = new Driven({ probes: 1, minCalls: 1 }, { next: () => draw });
      driven.calls(1, FAILURE);
      for (const seconds of [5, 10, 20, 40, 60, 60, 60]) {
        const { retryAfterMs } = driven.state;
        expect(retryAfterMs).toBeCloseTo(seconds * 1_000 * factor, 6);
        driven.nowMs += retryAfterMs!;
        driven.calls(1, FAILURE);
      }
    }
  });

  test('a call that comes back when it was told to is let through', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 40 }), fc.double({ min: 0, max: 0.999, noNaN: true }), (at, draw) => {
        const driven = new Driven({ minCalls: 1 }, { next: () => draw });
        driven.nowMs = at;
        driven.calls(1, FAILURE);
        driven.nowMs += Math.ceil(driven.breaker.retryAfterMs(driven.nowMs));
        expect(driven.breaker.retryAfterMs(driven.nowMs)).toBe(0);
        expect(driven.acquire()).toBeGreaterThanOrEqual(0);
      }),
    );
  });
});
