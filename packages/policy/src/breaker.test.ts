import { seededRandom } from '@fairlead/core';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { resolveBreaker, type BreakerSpec } from './breaker-options.ts';
import type { BreakerMode, BreakerTransition } from './breaker-state.ts';
import { Breaker } from './breaker.ts';
import { FAILURE, IGNORED, SUCCESS, type Outcome } from './outcome.ts';
import { Problems } from './problems.ts';

const SLOW_MS = 5_000;
/** The breaker that most tests of resilience4j use. Its open time neither grows nor varies. */
const RESILIENCE4J: BreakerSpec = {
  window: '20s',
  buckets: 20,
  minCalls: 5,
  failureRatio: '50%',
  slowRatio: '50%',
  slowAfter: '4s',
  openFor: '5s',
  openGrowth: 1,
  openJitter: '0%',
  probes: 4,
  probeLease: '1s',
};

/** A breaker with a time of its own, and what it told. */
class Driven {
  nowMs = 0;
  readonly told: BreakerTransition[] = [];
  readonly breaker: Breaker;

  constructor(spec: BreakerSpec = RESILIENCE4J, random = { next: () => 0.5 }) {
    const problems = new Problems();
    const resolved = resolveBreaker(spec, problems, Infinity);
    expect(problems.found).toEqual([]);
    this.breaker = new Breaker(resolved!, { random, onTransition: (transition) => this.told.push(transition) });
  }

  acquire(): number {
    return this.breaker.acquire(this.nowMs);
  }

  record(permit: number, outcome: Outcome, durationMs = 0): void {
    this.breaker.record(permit, outcome, durationMs, this.nowMs);
  }

  /** A call that ends at once; whether it was let through. */
  call(outcome: Outcome, durationMs = 0): boolean {
    const permit = this.acquire();
    if (permit >= 0) this.record(permit, outcome, durationMs);
    return permit >= 0;
  }

  calls(times: number, outcome: Outcome, durationMs = 0): void {
    for (let call = 0; call < times; call++) expect(this.call(outcome, durationMs)).toBe(true);
  }

  force(mode: BreakerMode): void {
    this.breaker.force(mode, this.nowMs);
  }

  get state() {
    return this.breaker.inspect(this.nowMs);
  }

  /** Half-open, with nothing tried yet. */
  toHalfOpen(): this {
    this.force('open');
    this.force('auto');
    expect(this.state.state).toBe('half-open');
    return this;
  }

  /** Open by its own rule. */
  toOpen(): this {
    while (this.state.state === 'closed') this.call(FAILURE);
    expect(this.state.state).toBe('open');
    return this;
  }

  get moves(): string[] {
    return this.told.map(({ from, to, cause }) => `${from} → ${to} (${cause})`);
  }
}

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

  test('every change of state is one that resilience4j allows, whatever happens', () => {
    const allowed = new Set(
      Object.entries({
        closed: 'open disabled metrics-only forced-open',
        'half-open': 'closed open disabled metrics-only forced-open',
        open: 'closed half-open disabled metrics-only forced-open',
        'forced-open': 'closed open disabled metrics-only half-open',
        disabled: 'closed open forced-open half-open metrics-only',
        'metrics-only': 'closed forced-open disabled metrics-only',
      }).flatMap(([from, all]) => all.split(' ').map((to) => `${from} → ${to}`)),
    );
    // What lets everything pass and is measured: they have one such state.
    const theirs = (state: string) => (state === 'forced-closed' ? 'metrics-only' : state);
    fc.assert(
      fc.property(steps, (plan) => {
        const driven = play(plan);
        for (const { from, to } of driven.told) expect(allowed).toContain(`${theirs(from)} → ${theirs(to)}`);
      }),
    );
  });
});

describe('as the tests of gobreaker have it', () => {
  test('consecutive failures: a window of six calls that must all have failed', () => {
    const driven = new Driven({ window: 6, failureRatio: '100%', openFor: '60s', openJitter: '0%', probes: 1 });
    driven.calls(5, FAILURE);
    driven.calls(1, SUCCESS);
    driven.calls(5, FAILURE);
    expect(driven.state.state).toBe('closed');
    driven.calls(1, FAILURE);
    expect(driven.state.state).toBe('open');
    driven.nowMs = 59_999;
    expect(driven.acquire()).toBe(-1);
    driven.nowMs = 60_000;
    driven.calls(1, FAILURE);
    expect(driven.state.state).toBe('open');
    driven.nowMs = 200_000;
    driven.calls(1, SUCCESS);
    expect(driven.state.state).toBe('closed');
  });

  test('the result of a call that began in an older generation is dropped, and its success closes nothing', () => {
    const driven = new Driven({ ...RESILIENCE4J, probes: 3 });
    const old = driven.acquire();
    driven.toOpen();
    driven.nowMs = 5_000;
    const { generation } = driven.state;
    driven.calls(1, SUCCESS);
    driven.record(old, SUCCESS);
    expect(driven.state).toMatchObject({ state: 'half-open', generation, measured: { calls: 1 }, counts: { late: 1 } });
    driven.calls(1, SUCCESS);
    expect(driven.state).toMatchObject({ state: 'closed', generation: generation + 1 });
  });
});

describe('faults of others', () => {
  test('a failure that began while it was closed does not reopen it half-open, nor is a good probe ignored then', () => {
    const driven = new Driven({ ...RESILIENCE4J, probes: 1 });
    const old = driven.acquire();
    driven.toOpen();
    driven.nowMs = 5_000;
    const probe = driven.acquire();
    driven.record(old, FAILURE);
    expect(driven.state.state).toBe('half-open');
    driven.record(probe, SUCCESS);
    expect(driven.state.state).toBe('closed');
  });

  test('a success that began while it was closed does not close it, open or half-open', () => {
    const driven = new Driven({ ...RESILIENCE4J, probes: 1 });
    const old = [driven.acquire(), driven.acquire()];
    driven.toOpen();
    driven.record(old[0]!, SUCCESS);
    expect(driven.state.state).toBe('open');
    driven.nowMs = 5_000;
    const probe = driven.acquire();
    driven.record(old[1]!, SUCCESS);
    expect(driven.state).toMatchObject({ state: 'half-open', probes: { out: 1, free: 0 } });
    driven.record(probe, FAILURE);
    expect(driven.state.state).toBe('open');
  });

  test('late results, however many, leave it able to end half-open', () => {
    const driven = new Driven({ ...RESILIENCE4J, probes: 2 });
    const old = Array.from({ length: 10 }, () => driven.acquire());
    driven.toOpen();
    driven.nowMs = 5_000;
    for (const permit of old) driven.record(permit, SUCCESS);
    driven.calls(2, SUCCESS);
    expect(driven.state.state).toBe('closed');
  });

  test('a probe of an earlier half-open time is late in the next one', () => {
    const driven = new Driven({ ...RESILIENCE4J, probes: 2 }).toOpen();
    driven.nowMs = 5_000;
    const [first, second] = [driven.acquire(), driven.acquire()];
    driven.record(first, FAILURE);
    driven.nowMs = 10_000;
    const [third] = [driven.acquire(), driven.acquire()];
    driven.record(second, FAILURE);
    expect(driven.state.state).toBe('half-open');
    driven.record(third, SUCCESS);
    expect(driven.state).toMatchObject({ state: 'half-open', measured: { calls: 1 }, counts: { late: 1 } });
  });

  test('one hung probe of five does not keep it half-open: the others decide, and the lease if they can not', () => {
    const driven = new Driven({ ...RESILIENCE4J, probes: 5, failureRatio: '40%' }).toHalfOpen();
    const hung = driven.acquire();
    driven.calls(3, SUCCESS);
    driven.calls(1, FAILURE);
    // Four settled, and the fifth decides between one and two of five.
    expect(driven.state.state).toBe('half-open');
    expect(driven.acquire()).toBe(-1);
    expect(driven.breaker.retryAfterMs(400)).toBe(600);
    driven.nowMs = 1_000;
    expect(driven.acquire()).toBe(-1);
    expect(driven.state).toMatchObject({ state: 'open', cause: 'lease', counts: { leasesEnded: 1 } });
    driven.record(hung, SUCCESS);
    expect(driven.state).toMatchObject({ state: 'open', counts: { late: 1 } });
  });

  test('a probe reported after its lease counts once, as failed', () => {
    const driven = new Driven({ ...RESILIENCE4J, probes: 3 }).toHalfOpen();
    const slow = driven.acquire();
    driven.nowMs = 1_500;
    driven.record(slow, SUCCESS);
    expect(driven.state).toMatchObject({
      state: 'half-open',
      measured: { calls: 1, failures: 1 },
      counts: { late: 1 },
    });
  });

  test('a permit recorded twice counts once', () => {
    const driven = new Driven().toHalfOpen();
    const permit = driven.acquire();
    driven.record(permit, FAILURE);
    driven.record(permit, FAILURE);
    expect(driven.state).toMatchObject({ state: 'half-open', measured: { calls: 1 }, counts: { late: 1 } });
  });

  test('each probe has a lease of its own, and one that ended was slow too', () => {
    const driven = new Driven({ ...RESILIENCE4J, probes: 3, failureRatio: 'off' }).toHalfOpen();
    driven.acquire();
    driven.nowMs = 500;
    driven.acquire();
    driven.nowMs = 1_400;
    expect(driven.state).toMatchObject({ state: 'half-open', probes: { out: 1, free: 1 }, counts: { leasesEnded: 1 } });
    driven.nowMs = 1_500;
    expect(driven.state).toMatchObject({ state: 'open', cause: 'lease', counts: { leasesEnded: 2 } });
  });

  test('leases that ended while nobody asked count from when they ended: the first call after is a probe again', () => {
    const driven = new Driven({ ...RESILIENCE4J, probes: 1 }).toHalfOpen();
    driven.acquire();
    driven.nowMs = 1_000_000;
    expect(driven.acquire()).toBeGreaterThanOrEqual(0);
    expect(driven.told.map(({ to, atMs }) => [to, atMs]).slice(-2)).toEqual([
      ['open', 1_000],
      ['half-open', 6_000],
    ]);
  });

  test('nine failures a minute ago open nothing', () => {
    const driven = new Driven({ window: '5s', minCalls: 10, failureRatio: '50%' });
    driven.calls(9, FAILURE);
    driven.nowMs = 60_000;
    driven.calls(1, FAILURE);
    expect(driven.state).toMatchObject({ state: 'closed', measured: { calls: 1 } });
  });

  test('the first failure alone opens nothing, and refused calls are no calls', () => {
    const driven = new Driven({ minCalls: 10, failureRatio: '50%' });
    driven.calls(9, FAILURE);
    expect(driven.state.state).toBe('closed');
    driven.force('open');
    for (let call = 0; call < 100; call++) driven.call(SUCCESS);
    expect(driven.state.measured.calls).toBe(0);
  });
});

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

describe('whatever happens', () => {
  test('asking what it is doing changes nothing that comes later', () => {
    fc.assert(
      fc.property(steps, fc.array(fc.nat(3_000), { maxLength: 10 }), (plan, looks) => {
        const plain = play(plan);
        const watched = play(plan, (driven, untilMs) => {
          for (const each of looks) if (driven.nowMs + each <= untilMs) driven.breaker.inspect(driven.nowMs + each);
        });
        expect(watched.told).toEqual(plain.told);
        expect(watched.state).toEqual(plain.state);
      }),
    );
  });

  test('late results change nothing but their count', () => {
    fc.assert(
      fc.property(steps, (plan) => {
        const plain = play(plan);
        // The same calls, and every permit of an older generation is recorded again, as all three outcomes.
        const pestered = play(plan, (driven, _, permits) => {
          for (const { permit, generation } of permits) {
            if (generation === driven.state.generation) continue;
            for (const outcome of [SUCCESS, FAILURE, IGNORED] as const) driven.record(permit, outcome);
          }
        });
        const { counts, ...state } = pestered.state;
        const { counts: plainCounts, ...plainState } = plain.state;
        expect(pestered.told).toEqual(plain.told);
        expect(state).toEqual(plainState);
        expect({ ...counts, late: 0 }).toEqual({ ...plainCounts, late: 0 });
      }),
    );
  });

  test('by itself it never refuses for longer than its longest open time and a lease, though no call is ever heard of', () => {
    fc.assert(
      fc.property(steps, (plan) => {
        const driven = play(plan);
        driven.force('open');
        driven.force('auto');
        while (driven.acquire() >= 0);
        driven.nowMs += 1_000 + 72_000;
        expect(driven.acquire()).toBeGreaterThanOrEqual(0);
      }),
    );
  });

  test('it opens only with enough calls and a rule met, and never has more probes out than allowed', () => {
    fc.assert(
      fc.property(steps, (plan) => {
        const driven = play(plan, ({ state: { probes: now } }) => {
          if (now !== undefined) expect(now.out + now.free).toBeLessThanOrEqual(4);
        });
        for (const { from, to, measured } of driven.told) {
          if (from !== 'closed' || to !== 'open') continue;
          expect(measured.calls).toBeGreaterThanOrEqual(5);
          expect(Math.max(measured.failureRatio, measured.slowRatio)).toBeGreaterThanOrEqual(0.5);
        }
      }),
    );
  });
});

type Step =
  | { readonly kind: 'begin' }
  | { readonly kind: 'end'; readonly which: number; readonly outcome: Outcome; readonly durationMs: number }
  | { readonly kind: 'wait'; readonly ms: number }
  | { readonly kind: 'force'; readonly mode: BreakerMode };

const end = fc.record({
  kind: fc.constant('end' as const),
  which: fc.nat(),
  outcome: fc.constantFrom<Outcome>(SUCCESS, FAILURE, FAILURE, FAILURE, IGNORED),
  durationMs: fc.constantFrom(0, 0, 0, SLOW_MS),
});
const begin = fc.record({ kind: fc.constant('begin' as const) });
const wait = fc.record({
  kind: fc.constant('wait' as const),
  ms: fc.oneof(fc.nat(200), fc.nat(2_000), fc.nat(30_000)),
});
const force = fc.record({
  kind: fc.constant('force' as const),
  mode: fc.constantFrom<BreakerMode>('auto', 'auto', 'open', 'closed', 'disabled', 'metrics-only'),
});
const steps = fc.array(
  fc.oneof(
    { weight: 8, arbitrary: begin },
    { weight: 8, arbitrary: end },
    { weight: 3, arbitrary: wait },
    { weight: 1, arbitrary: force },
  ),
  { maxLength: 120 },
);

interface Issued {
  readonly permit: number;
  readonly generation: number;
}

/** Plays a plan on a breaker with random open times; `meanwhile` is told before each wait, with when it ends. */
function play(
  plan: readonly Step[],
  meanwhile: (driven: Driven, untilMs: number, issued: readonly Issued[]) => void = () => {},
): Driven {
  const driven = new Driven(
    { ...RESILIENCE4J, openGrowth: 2, openMax: '60s', openJitter: '20%' },
    seededRandom('breaker'),
  );
  const running: Issued[] = [];
  const issued: Issued[] = [];
  for (const step of plan) {
    if (step.kind === 'begin') {
      const permit = driven.acquire();
      if (permit < 0) continue;
      const one = { permit, generation: driven.state.generation };
      running.push(one);
      issued.push(one);
    } else if (step.kind === 'end') {
      const [one] = running.splice(step.which % Math.max(1, running.length), 1);
      if (one !== undefined) driven.record(one.permit, step.outcome, step.durationMs);
    } else if (step.kind === 'force') driven.force(step.mode);
    else {
      meanwhile(driven, driven.nowMs + step.ms, issued);
      driven.nowMs += step.ms;
    }
  }
  return driven;
}
