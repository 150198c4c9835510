import { seededRandom } from '@fairlead/core';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { AdaptiveLimit } from './adaptive-limit.ts';
import type {
  AdaptiveSpec,
  ResolvedAdaptive,
  ResolvedAimd,
  ResolvedGradient2,
  ResolvedVegas,
} from './adaptive-options.ts';
import { resolveAdaptive } from './adaptive-options.ts';
import { Aimd } from './aimd.ts';
import { Gradient2 } from './gradient2.ts';
import { Problems } from './problems.ts';
import { Vegas } from './vegas.ts';

/** What a specification becomes; one with faults fails the test. */
function resolved<Kind extends ResolvedAdaptive>(spec: AdaptiveSpec, initial: number): Kind {
  const problems = new Problems('adaptive');
  const options = resolveAdaptive(spec, problems, initial);
  expect(problems.found).toEqual([]);
  // The algorithm is the test's own.
  return options as Kind;
}

const times = <Item>(count: number, item: Item): Item[] => Array.from({ length: count }, () => item);

describe('Gradient2 gives the limits of the source, step by step', () => {
  // Traces of a transcript of the source's Java, made apart from this code: [duration, in flight] → whole limit.
  test('steady, four times as slow, hardly used, twenty times as slow, steady again', () => {
    const rule = new Gradient2(resolved<ResolvedGradient2>({ algorithm: 'gradient2', longWindow: 600 }, 20));
    const steps = [
      ...times(12, [10, 20] as const),
      ...times(8, [40, 40] as const),
      ...times(3, [10, 4] as const),
      ...times(10, [200, 40] as const),
      ...times(12, [10, 40] as const),
    ];
    expect(steps.map(([durationMs, inFlight]) => Math.floor(rule.update(durationMs, inFlight)))).toEqual([
      20, 21, 22, 23, 24, 24, 25, 26, 27, 28, 28, 29, 27, 25, 23, 22, 20, 19, 18, 17, 17, 17, 17, 16, 15, 14, 14, 13,
      12, 12, 12, 11, 11, 12, 12, 13, 14, 15, 16, 16, 17, 18, 19, 20, 20,
    ]);
    expect(rule.baseMs).toBeCloseTo(16.711, 3);
  });

  test('bounds hold, and the long mean comes down after an overload', () => {
    const rule = new Gradient2(resolved<ResolvedGradient2>({ algorithm: 'gradient2', max: 30, longWindow: 20 }, 20));
    const steps = [...times(15, 10), ...times(10, 1_000), ...times(10, 5)];
    expect(steps.map((durationMs) => Math.floor(rule.update(durationMs, 30)))).toEqual([
      20, 21, 22, 23, 24, 24, 25, 26, 27, 28, 28, 29, 30, 30, 30, 27, 25, 24, 22, 21, 20, 20, 20, 21, 21, 22, 23, 24,
      25, 25, 26, 27, 28, 29, 29,
    ]);
    expect(rule.baseMs).toBeCloseTo(142.505, 3);
  });
});

describe('Vegas gives the limits of VegasLimitTest', () => {
  // alpha 3, beta 6, from 10, at most 20; the random share of the probe is far away.
  const create = () =>
    new Vegas(resolved<ResolvedVegas>({ algorithm: 'vegas', alpha: 3, beta: 6, max: 20 }, 10), seededRandom(1));

  test.each([
    ['grows without a queue', 10, 11, 16],
    ['sinks with a long one', 50, 11, 9],
    ['stays in between', 14, 14, 10],
  ])('%s', (_, durationMs, inFlight, expected) => {
    const rule = create();
    expect(rule.update(10, 10, false)).toBe(10);
    expect(rule.update(durationMs, inFlight, false)).toBe(expected);
  });

  test('a large limit grows by six times its logarithm', () => {
    const rule = new Vegas(resolved<ResolvedVegas>({ algorithm: 'vegas', max: 20_000 }, 10_000), seededRandom(1));
    expect(rule.update(10_000, 5_000, false)).toBe(10_000);
    expect(rule.update(10_000, 6_000, false)).toBe(10_024);
  });

  test('a limit that is hardly used does not grow, and a drop lowers it all the same', () => {
    const rule = create();
    rule.update(10, 10, false);
    expect(rule.update(10, 4, false)).toBe(10);
    expect(rule.update(10, 4, true)).toBe(9);
  });

  test('the shortest duration is forgotten, or what became slower for good would starve', () => {
    const rule = create();
    rule.update(10, 10, false);
    for (let step = 0; step < 400; step++) rule.update(100, 20, false);
    expect(rule.baseMs).toBe(100);
  });
});

describe('AIMD gives the limits of AIMDLimitTest', () => {
  test.each([
    ['grows by one', 20, 200, 1, 10, false, 21],
    ['sinks by a tenth on a drop', 30, 200, 0.1, 0, true, 27],
    ['sinks by a tenth above its timeout', 30, 200, 5_001, 30, false, 27],
    ['stays at the most', 21, 21, 1, 11, false, 21],
    ['stays when less than half is used', 20, 200, 1, 9, false, 20],
  ])('%s', (_, initial, max, durationMs, inFlight, dropped, expected) => {
    const rule = new Aimd(resolved<ResolvedAimd>({ algorithm: 'aimd', max }, initial));
    expect(rule.update(durationMs, inFlight, dropped)).toBe(expected);
  });
});

describe('windows', () => {
  const aimd = (base: Partial<AdaptiveSpec> = {}) =>
    new AdaptiveLimit(
      resolved({ algorithm: 'aimd', window: '100ms', samples: 3, ...base } as AdaptiveSpec, 20),
      seededRandom(1),
    );

  test('a window moves the limit once, whatever it saw', () => {
    const limit = aimd();
    for (let nowMs = 0; nowMs < 100; nowMs += 10) limit.record(5, 20, false, nowMs);
    expect(limit.current).toBe(20);
    limit.record(5, 20, false, 100);
    expect(limit.current).toBe(21);
  });

  test('one that saw too little goes on', () => {
    const limit = aimd();
    limit.record(5, 20, false, 0);
    limit.record(5, 20, false, 500);
    expect(limit.current).toBe(20);
    limit.record(5, 20, false, 501);
    expect(limit.current).toBe(21);
  });

  test('a pause is no window: the first that ends after it begins one', () => {
    const limit = aimd({ samples: 1 });
    limit.record(5, 20, false, 0);
    limit.record(5, 20, false, 100);
    expect(limit.current).toBe(21);
    limit.record(5, 20, false, 90_000);
    expect(limit.current).toBe(21);
  });

  test('the most slots in use and any drop count for the whole window', () => {
    const limit = aimd();
    limit.record(5, 20, true, 0);
    limit.record(5, 1, false, 50);
    limit.record(5, 1, false, 100);
    expect(limit.current).toBe(18);
  });

  test('being turned away quickly is no short answer: it moves Gradient2 nowhere, and lowers the others', () => {
    for (const algorithm of ['gradient2', 'vegas', 'aimd'] as const) {
      const limit = new AdaptiveLimit(resolved({ algorithm, window: '0ms' }, 20), seededRandom(1));
      for (let each = 0; each < 50; each++) limit.record(100, limit.current, false, 0);
      const { current, baseMs } = limit.inspect();
      for (let each = 0; each < 50; each++) limit.record(1, limit.current, true, 0);
      expect(limit.inspect().baseMs).toBe(baseMs);
      if (algorithm === 'gradient2') expect(limit.current).toBe(current);
      else expect(limit.current).toBeLessThan(current);
    }
  });

  test('a window of 0 ms is every attempt', () => {
    const limit = aimd({ window: '0ms' });
    limit.record(5, 20, false, 0);
    limit.record(5, 20, false, 0);
    expect(limit.current).toBe(22);
  });

  test('attempts that take no time at all break nothing', () => {
    for (const algorithm of ['gradient2', 'vegas', 'aimd'] as const) {
      const limit = new AdaptiveLimit(resolved({ algorithm, window: '0ms' }, 20), seededRandom(1));
      for (let step = 0; step < 50; step++) limit.record(0, 20, false, 0);
      expect(limit.current).toBeGreaterThanOrEqual(20);
      expect(limit.inspect()).toMatchObject({ algorithm, min: 4, max: 1_000, current: limit.current });
    }
  });
});

test('whatever happens, the limit is a whole number within its bounds', () => {
  const step = fc.record({
    durationMs: fc.double({ min: 0, max: 1e6, noNaN: true }),
    inFlight: fc.integer({ min: 0, max: 60 }),
    dropped: fc.boolean(),
  });
  fc.assert(
    fc.property(
      fc.constantFrom('gradient2', 'aimd', 'vegas'),
      fc.array(step, { maxLength: 200 }),
      (algorithm, steps) => {
        const spec: AdaptiveSpec = { algorithm, min: 2, max: 40, window: '0ms' };
        const limit = new AdaptiveLimit(resolved(spec, 10), seededRandom(1));
        for (const { durationMs, inFlight, dropped } of steps) {
          limit.record(durationMs, inFlight, dropped, 0);
          expect(Number.isInteger(limit.current)).toBe(true);
          expect(limit.current).toBeGreaterThanOrEqual(2);
          expect(limit.current).toBeLessThanOrEqual(40);
        }
      },
    ),
  );
});

describe('a specification that contradicts itself is told so', () => {
  test.each<[unknown, number, string[]]>([
    [{}, 20, []],
    [{ algorithm: 'gradient' }, 20, ["adaptive.algorithm: 'gradient' is none of gradient2, aimd, vegas"]],
    [{ algorithm: 'gradient2', tolerence: 2 }, 20, ['adaptive.tolerence: no policy has this; did you mean tolerance?']],
    [{ algorithm: 'gradient2', tolerance: 0.5 }, 20, ['adaptive.tolerance: 0.5 is out of range; give at least 1']],
    [
      { algorithm: 'gradient2', smoothing: 0.2 },
      20,
      ["adaptive.smoothing: 0.2 is no ratio; write a text with %, such as '20%'"],
    ],
    [
      { algorithm: 'gradient2', smoothing: '0%' },
      20,
      ["adaptive.smoothing: '0%' would never move the limit; give more, such as '20%'"],
    ],
    [
      { algorithm: 'aimd', tolerance: 2 },
      20,
      ['adaptive.tolerance: no policy has this; known here: algorithm, min, max, window, samples, backoff, timeout'],
    ],
    [
      { algorithm: 'aimd', backoff: '100%' },
      20,
      ["adaptive.backoff: '100%' would never lower the limit; give less, such as '90%'"],
    ],
    [{ algorithm: 'aimd', backoff: '20%' }, 20, ["adaptive.backoff: '20%' is out of range; give from 50% to 100%"]],
    [
      { algorithm: 'vegas', alpha: 7, beta: 6 },
      20,
      ['adaptive.alpha: 7 is more than adaptive.beta, 6; the limit would grow and sink at once'],
    ],
    [{ algorithm: 'vegas', alpha: 3 }, 20, ['adaptive: alpha and beta belong together; give both, or neither']],
    [
      { algorithm: 'aimd', min: 9, max: 8 },
      8,
      ['adaptive.min: 9 is more than adaptive.max, 8; give at most 8, or a higher max'],
    ],
    [
      { algorithm: 'aimd', min: 9, max: 18 },
      20,
      ['adaptive: the limit begins at 20, outside 9 to 18; give a limit in between'],
    ],
    [null, 20, ['adaptive: null is no object; write { } for the defaults, or leave it out']],
  ])('%j', (spec, initial, faults) => {
    const problems = new Problems('adaptive');
    resolveAdaptive(spec, problems, initial);
    expect(problems.found).toEqual(faults);
  });
});
