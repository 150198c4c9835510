import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Gcra } from './gcra.ts';
import { Problems } from './problems.ts';
import { rateText, resolveRateLimit, type ResolvedRate } from './rate-limit-options.ts';

const perSecond = (count: number, burst = count): ResolvedRate => ({ count, perMs: 1_000, burst });

describe('a rate limit', () => {
  test('lets the burst through at once and then one at a time, at the rate', () => {
    const limit = new Gcra(perSecond(10, 3));
    const table = [
      // now, then how long until it would be let through
      [0, 0],
      [0, 0],
      [0, 0],
      [0, 100],
      [99, 1],
      [100, 0],
      [100, 100],
      [150, 50],
      [300, 0],
      [300, 0],
      [300, 100],
      // Pauses save up the burst and no more.
      [99_999, 0],
      [99_999, 0],
      [99_999, 0],
      [99_999, 100],
    ] as const;
    for (const [nowMs, afterMs] of table) expect(limit.admitAfterMs(nowMs), `at ${nowMs}`).toBeCloseTo(afterMs, 6);
    expect(limit.inspect(99_999)).toEqual({ count: 10, perMs: 1_000, burst: 3, available: 0 });
  });

  test('does not let twice as many through at the edge of a second, as a fixed window does', () => {
    const limit = new Gcra(perSecond(100));
    let admitted = 0;
    for (let nowMs = 970; nowMs < 1_031; nowMs += 0.25) if (limit.admitAfterMs(nowMs) === 0) admitted++;
    expect(admitted).toBe(106);
  });

  test('what weighs more takes more, and what weighs more than the burst never gets through', () => {
    const limit = new Gcra(perSecond(10, 5));
    expect(limit.admitAfterMs(0, 4)).toBe(0);
    expect(limit.admitAfterMs(0, 2)).toBeCloseTo(100, 6);
    expect(limit.admitAfterMs(0, 1)).toBe(0);
    expect(limit.admitAfterMs(60_000, 6)).toBe(Infinity);
    expect(limit.admitAfterMs(60_000, 5)).toBe(0);
  });

  test('answers as the limiter of throttled does', () => {
    // Facts of its TestRateLimit: 1/s with 5 at once. Time, cost; still available, until empty again, when to come back.
    const table = [
      [0, 6, 5, 0, Infinity],
      [0, 1, 4, 1_000, 0],
      [0, 1, 3, 2_000, 0],
      [0, 1, 2, 3_000, 0],
      [0, 1, 1, 4_000, 0],
      [0, 1, 0, 5_000, 0],
      [0, 1, 0, 5_000, 1_000],
      [3_000, 1, 2, 3_000, 0],
      [3_100, 1, 1, 3_900, 0],
      [4_000, 1, 1, 4_000, 0],
      [8_000, 1, 4, 1_000, 0],
      [9_500, 1, 4, 1_000, 0],
      [9_500, 2, 2, 3_000, 0],
      [9_500, 5, 2, 3_000, 3_000],
    ] as const;
    const limit = new Gcra(perSecond(1, 5));
    for (const [nowMs, cost, available, emptyMs, afterMs] of table) {
      const row = `at ${nowMs}, cost ${cost}`;
      expect(limit.admitAfterMs(nowMs, cost), row).toBe(afterMs);
      expect(Math.floor(limit.inspect(nowMs).available), row).toBe(available);
      expect(limit.debt(nowMs) * 1_000, row).toBeCloseTo(emptyMs, 6);
    }
  });

  test('time that goes back neither gives nor takes', () => {
    const limit = new Gcra(perSecond(10, 1));
    expect(limit.admitAfterMs(1_000)).toBe(0);
    expect(limit.admitAfterMs(500)).toBeCloseTo(100, 6);
    expect(limit.admitAfterMs(1_100)).toBe(0);
  });

  test('asking changes nothing until it is taken', () => {
    const limit = new Gcra(perSecond(10, 1));
    for (let i = 0; i < 5; i++) expect(limit.afterMs(0)).toBe(0);
    limit.take(0);
    expect(limit.afterMs(0)).toBeCloseTo(100, 6);
  });

  const schedule = fc.record({
    count: fc.double({ min: 0.1, max: 1e6, noNaN: true }),
    perMs: fc.constantFrom(1, 500, 1_000, 60_000, 3_600_000),
    burst: fc.integer({ min: 1, max: 50 }),
    // A process that has been up for a year has large times.
    startMs: fc.constantFrom(0, 1e7, 3e10),
    // In parts of the time that one usual call takes.
    steps: fc.array(
      fc.record({ gap: fc.double({ min: 0, max: 3, noNaN: true }), cost: fc.integer({ min: 1, max: 4 }) }),
      {
        maxLength: 120,
      },
    ),
  });

  test('in any stretch of time it lets through no more than burst + rate × time', () => {
    fc.assert(
      fc.property(schedule, ({ count, perMs, burst, startMs, steps }) => {
        const limit = new Gcra({ count, perMs, burst });
        const admitted: { atMs: number; cost: number }[] = [];
        let nowMs = startMs;
        for (const { gap, cost } of steps) {
          nowMs += (gap * perMs) / count;
          if (limit.admitAfterMs(nowMs, cost) === 0) admitted.push({ atMs: nowMs, cost });
        }
        admitted.forEach((first, from) => {
          let sum = 0;
          for (const last of admitted.slice(from)) {
            sum += last.cost;
            const most = burst + ((last.atMs - first.atMs) * count) / perMs;
            expect(sum).toBeLessThanOrEqual(most + 2e-6);
          }
        });
      }),
      { numRuns: 300 },
    );
  });

  test('who comes when told is let through, and not much earlier', () => {
    fc.assert(
      fc.property(schedule, ({ count, perMs, burst, steps }) => {
        const limit = new Gcra({ count, perMs, burst });
        let nowMs = 0;
        for (const { gap, cost } of steps) {
          nowMs += (gap * perMs) / count;
          const afterMs = limit.afterMs(nowMs, cost);
          if (afterMs === Infinity) expect(cost).toBeGreaterThan(burst);
          else {
            // What is closer than the rounding is let through already.
            if ((afterMs * count) / perMs > 1e-3)
              expect(limit.afterMs(nowMs + afterMs * 0.99, cost)).toBeGreaterThan(0);
            expect(limit.afterMs(nowMs + afterMs, cost)).toBe(0);
          }
          limit.admitAfterMs(nowMs, cost);
        }
      }),
      { numRuns: 300 },
    );
  });
});

describe('the section rateLimit', () => {
  const read = (spec: unknown) => {
    const problems = new Problems();
    const resolved = resolveRateLimit(spec, problems.at('rateLimit'));
    return { resolved, found: problems.found };
  };

  test('has a burst of the rate’s number and counts in this process', () => {
    expect(read({ rate: '100/s' })).toEqual({
      resolved: { rate: { count: 100, perMs: 1_000, burst: 100 }, shared: undefined },
      found: [],
    });
    expect(read({ rate: '0.5/m' }).resolved?.rate).toEqual({ count: 0.5, perMs: 60_000, burst: 1 });
    expect(read({ rate: '5/m', shared: {} }).resolved?.shared).toEqual({
      onFailure: 'local',
      timeoutMs: 50,
      pauseMs: 1_000,
    });
    expect(read(undefined).resolved).toBeUndefined();
  });

  test.each([
    [{}, "rateLimit.rate: nothing says how many; write how many in how much time, such as '100/s'"],
    [{ rate: 100 }, "rateLimit.rate: 100 is no rate; write how many in how much time, such as '100/s'"],
    [{ rate: '100/s', burst: 0 }, 'rateLimit.burst: 0 is out of range; give at least 1'],
    [{ rate: '1/s', bursts: 2 }, 'rateLimit.bursts: no policy has this; did you mean burst?'],
    [
      { rate: '1/s', shared: { onFailure: 'fail' } },
      "rateLimit.shared.onFailure: 'fail' is none of local, open, closed",
    ],
    [{ rate: '1/s', shared: { timeout: '0ms' } }, "rateLimit.shared.timeout: '0ms' is out of range; give at least 1ms"],
  ])('%j is refused with the fix', (spec, message) => {
    expect(read(spec).found).toEqual([message]);
  });

  test.each(['100/s', '5/m', '20/500ms', '3/10s'] as const)('a rate of %s is shown as it was written', (rate) => {
    expect(rateText(read({ rate }).resolved!.rate)).toBe(rate);
  });
});
