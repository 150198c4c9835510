import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { resolveBudget, type BudgetShare } from './budget-options.ts';
import { Problems } from './problems.ts';
import { RetryBudget } from './retry-budget.ts';

function budget(spec: BudgetShare = {}): RetryBudget {
  const problems = new Problems();
  const resolved = resolveBudget(spec, problems);
  expect(problems.found).toEqual([]);
  if (resolved === undefined) throw new Error('off');
  return new RetryBudget(resolved);
}

/** How many of `calls` calls at one moment, each of which fails, may be made again. */
function retriesOf(under: RetryBudget, calls: number): number {
  let retries = 0;
  for (let call = 0; call < calls; call++) {
    under.deposit(0);
    if (under.tryWithdraw(0)) retries++;
  }
  return retries;
}

/** Takes all there is. */
function drain(from: RetryBudget, nowMs: number): number {
  let taken = 0;
  while (from.tryWithdraw(nowMs)) taken++;
  return taken;
}

describe('as the tests of Finagle have it', () => {
  test('without ratio and floor there is never any retry', () => {
    const empty = budget({ ratio: '0%', floorPerSecond: 0 });
    expect(empty.tryWithdraw(0)).toBe(false);
    empty.deposit(0);
    expect(empty.tryWithdraw(0)).toBe(false);
    expect(empty.inspect(0).balance).toBe(0);
  });

  test.each<[BudgetShare, number]>([
    [{ ratio: '10%' }, 1_000],
    [{ ratio: '50%' }, 5_000],
    [{ ratio: '25%' }, 2_500],
    [{ ratio: '75%' }, 7_500],
    [{ ratio: '99%' }, 9_900],
    [{ ratio: '99.9%' }, 9_990],
    [{ ratio: '1%' }, 100],
    [{ ratio: '0.1%' }, 10],
    [{ ratio: '0%', floorPerSecond: 10, ttl: '1s' }, 10],
    [{ ratio: '0%', floorPerSecond: 5, ttl: '2s' }, 10],
    [{ ratio: '10%', floorPerSecond: 10, ttl: '1s' }, 1_010],
    [{ ratio: '50%', floorPerSecond: 5, ttl: '2s' }, 5_010],
  ])('under %j 10 000 failing calls at once are made again %i times', (spec, expected) => {
    const under = budget({ floorPerSecond: 0, ...spec });
    expect(retriesOf(under, 10_000)).toBe(expected);
    expect(under.tryWithdraw(0)).toBe(false);
  });

  test('a ratio above 1 pays for more than one attempt a call', () => {
    const generous = budget({ ratio: '200%', floorPerSecond: 0 });
    for (let call = 0; call < 10_000; call++) generous.deposit(0);
    expect(generous.inspect(0).balance).toBe(20_000);
  });
});

test('the defaults are one retry for ten calls and one a second, saved up for 10 s', () => {
  const standard = budget();
  expect(drain(standard, 0)).toBe(10);
  for (let call = 0; call < 9; call++) standard.deposit(0);
  expect(standard.tryWithdraw(0)).toBe(false);
  standard.deposit(0);
  expect(standard.tryWithdraw(0)).toBe(true);
  expect(standard.inspect(0)).toEqual({ balance: 0, deposits: 10, withdrawals: 11, refused: 2 });
});

test('ten deposits of a tenth pay for one attempt, three of a third do not (33 % is less)', () => {
  for (const [ratio, calls] of [
    ['10%', 10],
    ['20%', 5],
    ['70%', 10],
    ['30%', 10],
    // 0.29 × 100 is a little less than 29 in binary.
    ['29%', 100],
  ] as const) {
    const under = budget({ ratio, floorPerSecond: 0 });
    for (let call = 0; call < calls; call++) under.deposit(0);
    expect(drain(under, 0)).toBe(Math.round((calls * Number.parseInt(ratio, 10)) / 100));
  }
  expect(retriesOf(budget({ ratio: '33%', floorPerSecond: 0 }), 3)).toBe(0);
});

test('what was deposited is worth nothing after its time, and what was taken is there again', () => {
  const under = budget({ ratio: '100%', floorPerSecond: 1, ttl: '10s' });
  for (let call = 0; call < 50; call++) under.deposit(0);
  expect(under.inspect(8_999).balance).toBe(60);
  expect(under.inspect(10_000).balance).toBe(10);
  expect(drain(under, 10_000)).toBe(10);
  expect(under.inspect(18_999).balance).toBe(0);
  expect(under.inspect(20_000).balance).toBe(10);
});

test('it says when the oldest withdrawal is forgotten, and then it is', () => {
  const under = budget();
  expect(under.retryAfterMs(0)).toBe(0);
  for (let each = 0; each < 4; each++) under.tryWithdraw(2_500);
  drain(under, 4_000);
  const afterMs = under.retryAfterMs(4_100);
  // Those of 2 500 ms stand in the slice that begins at 2 000 ms.
  expect(afterMs).toBe(7_900);
  expect(under.tryWithdraw(4_100 + afterMs - 1)).toBe(false);
  expect(drain(under, 4_100 + afterMs)).toBe(4);
  expect(budget({ floorPerSecond: 0 }).retryAfterMs(0)).toBe(10_000);
});

test('after any silence, however long, there is the reserve and nothing else', () => {
  const under = budget();
  for (let call = 0; call < 1_000; call++) under.deposit(5);
  drain(under, 6);
  for (const nowMs of [10_000, 3_600_000, 2 ** 40]) expect(drain(under, nowMs)).toBe(10);
});

test('a failing destination that gets 1 000 calls a second gets at most 1 101 attempts', () => {
  const under = budget();
  let retries = 0;
  for (let nowMs = 0; nowMs < 60_000; nowMs++) {
    under.deposit(nowMs);
    // Each call would like two more.
    for (let more = 0; more < 2; more++) if (under.tryWithdraw(nowMs)) retries++;
  }
  expect(retries).toBeGreaterThan(6_000 - 100);
  expect(retries).toBeLessThanOrEqual(60 * 101 + 10);
});

test('at every withdrawal those of the last ttl are at most the reserve and the share of the calls of that time', () => {
  const steps = fc.array(fc.record({ afterMs: fc.nat(1_500), deposits: fc.nat(30), withdrawals: fc.nat(10) }), {
    maxLength: 80,
  });
  fc.assert(
    fc.property(
      steps,
      fc.nat(200),
      fc.nat(5),
      fc.integer({ min: 1, max: 20 }),
      (plan, percent, floorPerSecond, ttlS) => {
        const under = budget({ ratio: `${percent}%`, floorPerSecond, ttl: `${ttlS}s` });
        const deposits: number[] = [];
        const withdrawals: number[] = [];
        let nowMs = 0;
        for (const step of plan) {
          nowMs += step.afterMs;
          for (let each = 0; each < step.deposits; each++) {
            under.deposit(nowMs);
            deposits.push(nowMs);
          }
          for (let each = 0; each < step.withdrawals; each++) if (under.tryWithdraw(nowMs)) withdrawals.push(nowMs);
          // Slices are forgotten whole: what is a tenth younger than the ttl may be forgotten already.
          const young = (atMs: number) => atMs > nowMs - ttlS * 900;
          const current = (atMs: number) => atMs > nowMs - ttlS * 1_000;
          const most = floorPerSecond * ttlS + (percent / 100) * deposits.filter(current).length;
          if (withdrawals.at(-1) === nowMs) expect(withdrawals.filter(young).length).toBeLessThanOrEqual(most + 1e-6);
          expect(under.inspect(nowMs).balance).toBeGreaterThanOrEqual(0);
        }
      },
    ),
  );
});
