import { describe, expect, test } from 'vitest';
import { Driven, RESILIENCE4J, SLOW_MS } from './driven-breaker.fixture.ts';
import { FAILURE, IGNORED, SUCCESS, type Outcome } from './outcome.ts';

describe('as the tests of resilience4j have it', () => {
  type Row = readonly [outcome: Outcome, durationMs: number, state: string, failures: number, slow: number];
  const tables: Readonly<Record<string, readonly Row[]>> = {
    'it opens when half of five calls have failed, whatever the fifth is': [
      [FAILURE, 0, 'closed', 1, 0],
      [FAILURE, 0, 'closed', 2, 0],
      [FAILURE, 0, 'closed', 3, 0],
      [SUCCESS, 0, 'closed', 3, 0],
      [SUCCESS, 0, 'open', 3, 0],
    ],
    'it opens when half of five calls were slow, failed or not': [
      [FAILURE, SLOW_MS, 'closed', 1, 1],
      [SUCCESS, SLOW_MS, 'closed', 1, 2],
      [FAILURE, 100, 'closed', 2, 2],
      [SUCCESS, 100, 'closed', 2, 2],
      [SUCCESS, SLOW_MS, 'open', 2, 3],
    ],
    'exactly the slow duration is not slow': [
      [SUCCESS, 4_000, 'closed', 0, 0],
      [SUCCESS, 4_000.001, 'closed', 0, 1],
    ],
    'what is ignored is no call': [
      [FAILURE, 0, 'closed', 1, 0],
      [FAILURE, 0, 'closed', 2, 0],
      [IGNORED, SLOW_MS, 'closed', 2, 0],
      [IGNORED, 0, 'closed', 2, 0],
      [IGNORED, 0, 'closed', 2, 0],
      [FAILURE, 0, 'closed', 3, 0],
    ],
  };
  test.each(Object.entries(tables))('%s', (_, rows) => {
    const driven = new Driven();
    for (const [outcome, durationMs, state, failures, slow] of rows) {
      driven.call(outcome, durationMs);
      expect(driven.state).toMatchObject({ state, measured: { failures, slow } });
    }
  });

  test('a failure a second: it opens at the third of six calls of its window', () => {
    const driven = new Driven();
    for (const outcome of [SUCCESS, SUCCESS, SUCCESS, FAILURE, FAILURE] as const) {
      driven.call(outcome);
      driven.nowMs += 1_000;
      expect(driven.state.state).toBe('closed');
    }
    driven.call(FAILURE);
    expect(driven.state).toMatchObject({ state: 'open', measured: { calls: 6, failures: 3, failureRatio: 0.5 } });
  });

  test('open, it refuses and counts until its time is over, and then lets probes through', () => {
    const driven = new Driven().toOpen();
    expect(driven.acquire()).toBe(-1);
    driven.nowMs = 3_000;
    expect(driven.acquire()).toBe(-1);
    expect(driven.state).toMatchObject({ state: 'open', retryAfterMs: 2_000, counts: { refused: 2 } });
    driven.nowMs = 6_000;
    expect(driven.acquire()).toBeGreaterThanOrEqual(0);
    expect(driven.state).toMatchObject({ state: 'half-open', measured: { calls: 0 }, probes: { out: 1, free: 3 } });
  });

  test('half-open, it lets four calls through and no fifth, and again four the next time', () => {
    const driven = new Driven();
    for (let round = 0; round < 2; round++) {
      driven.toHalfOpen();
      for (let probe = 0; probe < 4; probe++) expect(driven.acquire()).toBeGreaterThanOrEqual(0);
      expect(driven.acquire()).toBe(-1);
      expect(driven.acquire()).toBe(-1);
    }
  });

  test('a probe that is ignored gives its place back', () => {
    const driven = new Driven().toHalfOpen();
    const permits = [1, 2, 3, 4].map(() => driven.acquire());
    expect(driven.acquire()).toBe(-1);
    driven.record(permits[2]!, IGNORED);
    expect(driven.acquire()).toBeGreaterThanOrEqual(0);
    expect(driven.acquire()).toBe(-1);
  });

  type ProbeRow = readonly [probes: readonly (readonly [Outcome, number?])[], state: string, cause: string];
  const probes: Readonly<Record<string, ProbeRow>> = {
    'three of four fail': [[[FAILURE], [SUCCESS], [SUCCESS], [FAILURE]], 'open', 'failure-ratio'],
    'one of four fails': [[[FAILURE], [SUCCESS], [SUCCESS], [SUCCESS]], 'closed', 'recovered'],
    'three of four are slow': [
      [
        [SUCCESS, SLOW_MS],
        [SUCCESS, 1_000],
        [SUCCESS, SLOW_MS],
      ],
      'open',
      'slow-ratio',
    ],
    'one fails and two are slow': [[[FAILURE], [SUCCESS, SLOW_MS], [SUCCESS, SLOW_MS]], 'open', 'slow-ratio'],
    'two are slow, the last one among them': [
      [[SUCCESS, SLOW_MS], [SUCCESS], [SUCCESS], [SUCCESS, SLOW_MS]],
      'open',
      'slow-ratio',
    ],
    'some are ignored and the others succeed': [
      [[IGNORED], [IGNORED], [IGNORED], [IGNORED], [IGNORED], [SUCCESS], [SUCCESS], [SUCCESS]],
      'closed',
      'recovered',
    ],
    'three succeed, one is ignored and one fails': [
      [[SUCCESS], [SUCCESS], [IGNORED], [FAILURE], [SUCCESS]],
      'closed',
      'recovered',
    ],
  };
  test.each(Object.entries(probes))(
    'half-open ends as soon as nothing can change it: %s',
    (_, [calls, state, cause]) => {
      const driven = new Driven().toHalfOpen();
      for (const [index, [outcome, durationMs]] of calls.entries()) {
        expect(driven.state.state, `before probe ${index + 1}`).toBe('half-open');
        expect(driven.call(outcome, durationMs)).toBe(true);
      }
      expect(driven.state).toMatchObject({ state, cause });
    },
  );

  test('disabled, everything passes and nothing is measured', () => {
    const driven = new Driven();
    driven.force('disabled');
    driven.calls(20, FAILURE);
    expect(driven.state).toMatchObject({ state: 'disabled', measured: { calls: 0 }, counts: { opened: 0, late: 0 } });
  });

  test('forced open, nothing passes however long it lasts', () => {
    const driven = new Driven();
    driven.force('open');
    expect(driven.acquire()).toBe(-1);
    driven.nowMs = 6_000_000;
    expect(driven.acquire()).toBe(-1);
    expect(driven.state).toMatchObject({ state: 'forced-open', retryAfterMs: undefined, counts: { refused: 2 } });
  });

  test('metrics-only, everything passes and is measured; that it would have opened is told once', () => {
    const driven = new Driven();
    driven.calls(2, SUCCESS);
    driven.force('metrics-only');
    expect(driven.state.measured.calls).toBe(0);
    for (const outcome of [FAILURE, FAILURE, FAILURE, SUCCESS, SUCCESS, FAILURE] as const) driven.call(outcome);
    expect(driven.state).toMatchObject({ state: 'metrics-only', measured: { calls: 6, failures: 4 } });
    expect(driven.moves).toEqual(['closed → metrics-only (forced)', 'metrics-only → metrics-only (failure-ratio)']);
    driven.calls(10, SUCCESS);
    driven.calls(20, FAILURE);
    expect(driven.state.counts).toMatchObject({ opened: 0, wouldHaveOpened: 2 });
  });

  test('the open time grows with each opening that no closing came between: 5 s, 7.5 s, 11.25 s', () => {
    const driven = new Driven({ ...RESILIENCE4J, openGrowth: 1.5, probes: 1 }).toOpen();
    for (const openMs of [5_000, 7_500, 11_250]) {
      driven.nowMs += openMs - 1;
      expect(driven.acquire()).toBe(-1);
      driven.nowMs += 1;
      expect(driven.call(FAILURE)).toBe(true);
    }
    driven.nowMs += 60_000;
    driven.calls(1, SUCCESS);
    expect(driven.state).toMatchObject({ state: 'closed', openings: 0 });
    driven.toOpen();
    expect(driven.state.retryAfterMs).toBe(5_000);
  });

  test('a half-open breaker whose probes are never heard of opens again when their lease ends', () => {
    const driven = new Driven().toHalfOpen();
    for (let probe = 0; probe < 4; probe++) driven.acquire();
    driven.nowMs = 999;
    expect(driven.state.state).toBe('half-open');
    driven.nowMs = 1_000;
    expect(driven.state).toMatchObject({ state: 'open', cause: 'lease', retryAfterMs: 5_000 });
  });
});

test('a ratio is met by exactly so many calls, whatever its product is in binary', () => {
  for (let percent = 1; percent <= 100; percent++) {
    const driven = new Driven({ window: 100, minCalls: 100, failureRatio: `${percent}%`, slowRatio: 'off' });
    driven.calls(percent - 1, FAILURE);
    driven.calls(101 - percent, SUCCESS);
    expect(driven.state.state, `${percent - 1} of 100 at ${percent} %`).toBe('closed');
    driven.calls(percent - 1, FAILURE);
    expect(driven.state.state).toBe('closed');
    driven.call(FAILURE);
    expect(driven.state.state, `${percent} of 100`).toBe('open');
  }
});

test('a rule that is off never opens it', () => {
  const slowOnly = new Driven({ minCalls: 1, failureRatio: 'off', slowAfter: '1s' });
  slowOnly.calls(100, FAILURE);
  slowOnly.calls(100, SUCCESS, 2_000);
  expect(slowOnly.state).toMatchObject({ state: 'closed', measured: { slowRatio: 0.5 } });
  const failingOnly = new Driven({ minCalls: 1, slowRatio: 'off' });
  failingOnly.calls(100, SUCCESS, 1e9);
  expect(failingOnly.state).toMatchObject({ state: 'closed', measured: { slow: 0 } });
});

test('what it was opened by is shown until it closes, and what the probes showed when it opens again', () => {
  const driven = new Driven({ ...RESILIENCE4J, probes: 2 });
  driven.calls(2, SUCCESS);
  driven.calls(2, FAILURE);
  driven.calls(1, SUCCESS, SLOW_MS);
  driven.calls(1, FAILURE);
  expect(driven.told.at(-1)).toEqual({
    from: 'closed',
    to: 'open',
    cause: 'failure-ratio',
    atMs: 0,
    measured: { calls: 6, failures: 3, slow: 1, failureRatio: 0.5, slowRatio: 1 / 6 },
    openForMs: 5_000,
  });
  expect(driven.breaker.why()).toEqual({
    state: 'open',
    because: 'failure-ratio',
    calls: 6,
    failureRatio: 0.5,
    slowRatio: 1 / 6,
  });
  driven.nowMs = 4_000;
  expect(driven.state).toMatchObject({ forMs: 4_000, measured: { calls: 6 } });
  driven.nowMs = 5_000;
  expect(driven.acquire()).toBeGreaterThanOrEqual(0);
  expect(driven.breaker.why()).toMatchObject({ state: 'half-open', because: 'waited', calls: 0 });
  driven.calls(1, FAILURE);
  expect(driven.breaker.why()).toMatchObject({ state: 'open', calls: 1, failureRatio: 1 });
});
