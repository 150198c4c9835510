import { seededRandom, type Random } from '@fairlead/core';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { resolveBackoff, type BackoffSpec, type ResolvedBackoff } from './backoff-options.ts';
import { Problems } from './problems.ts';
import { retryDelay } from './retry-delay.ts';

/** A chance that always falls the same way, 0 to just below 1. */
const always = (value: number): Random => ({ next: () => value, bytes: (length) => new Uint8Array(length) });
const LEAST = always(0);
const MOST = always(1 - 2 ** -53);

function options(spec: BackoffSpec): ResolvedBackoff {
  const problems = new Problems();
  const resolved = resolveBackoff(spec, problems);
  expect(problems.found).toEqual([]);
  return resolved;
}

/** The delays after the failures of attempts 1, 2, 3 …, each told what was waited before it. */
function delays(spec: BackoffSpec, random: Random, count: number): number[] {
  const resolved = options(spec);
  const waited: number[] = [];
  for (let attempt = 1; attempt <= count; attempt++) {
    waited.push(retryDelay(resolved, attempt, waited.at(-1) ?? 0, random));
  }
  return waited;
}

describe('without jitter', () => {
  test.each<[BackoffSpec, number[]]>([
    [{ growth: 'constant', base: '100ms' }, [100, 100, 100, 100, 100]],
    [{ growth: 'linear', base: '100ms' }, [100, 200, 300, 400, 500]],
    [{ growth: 'linear', base: '100ms', cap: '250ms' }, [100, 200, 250, 250, 250]],
    [{ base: '100ms', cap: '1h' }, [100, 200, 400, 800, 1_600]],
    [{}, [50, 100, 200, 400, 800]],
    [{ base: '400ms' }, [400, 800, 1_000, 1_000, 1_000]],
    [{ base: '3s' }, [3_000, 3_000, 3_000, 3_000, 3_000]],
    [{ base: '0ms' }, [0, 0, 0, 0, 0]],
  ])('%j waits %j', (spec, expected) => {
    expect(delays({ ...spec, jitter: 'none' }, LEAST, 5)).toEqual(expected);
  });

  test('exponential growth by 1.5 is the interval function of resilience4j', () => {
    expect(delays({ base: '500ms', factor: 1.5, cap: '1h', jitter: 'none' }, LEAST, 4)).toEqual([
      500, 750, 1_125, 1_687.5,
    ]);
    const capped = delays({ base: '100ms', cap: '100s', jitter: 'none' }, LEAST, 13);
    expect(capped.slice(0, 11)).toEqual(capped.slice(0, 11).toSorted((a, b) => a - b));
    expect(capped.slice(9)).toEqual([51_200, 100_000, 100_000, 100_000]);
  });

  test('growth beyond all numbers ends at the cap, and no wait stays no wait', () => {
    expect(retryDelay(options({ jitter: 'none' }), 5_000, 0, LEAST)).toBe(1_000);
    expect(retryDelay(options({ base: '0ms', jitter: 'none' }), 5_000, 0, LEAST)).toBe(0);
  });
});

describe('jitter', () => {
  test.each<[BackoffSpec, number[], number[]]>([
    [{ jitter: 'full', base: '100ms' }, [0, 0, 0], [100, 200, 400]],
    [{ jitter: 'equal', base: '100ms' }, [50, 100, 200], [100, 200, 400]],
    [{ jitter: 'decorrelated', base: '100ms', cap: '1h' }, [100, 100, 100], [300, 900, 2_700]],
    [{ jitter: 'decorrelated', base: '100ms', cap: '500ms' }, [100, 100, 100], [300, 500, 500]],
    // gRPC A6: initialBackoff × random(0.8, 1.2), later ones capped before the spread.
    [{ jitter: '20%', base: '100ms', cap: '300ms' }, [80, 160, 240], [120, 240, 360]],
    // resilience4j: a randomization factor of 0.5 around 100 ms gives 50 to 150 ms.
    [{ jitter: '50%', growth: 'constant', base: '100ms' }, [50, 50, 50], [150, 150, 150]],
  ])('%j waits from %j to %j', (spec, least, most) => {
    expect(delays(spec, LEAST, 3).map(Math.round)).toEqual(least);
    expect(delays(spec, MOST, 3).map(Math.round)).toEqual(most);
  });

  test('full jitter is spread evenly: no part of the wait is empty', () => {
    const random = seededRandom('jitter');
    const resolved = options({ base: '100ms', jitter: 'full' });
    const tenths = Array.from({ length: 10 }, () => 0);
    for (let draw = 0; draw < 10_000; draw++) {
      const at = Math.floor(retryDelay(resolved, 1, 0, random) / 10);
      tenths[at] = (tenths[at] ?? 0) + 1;
    }
    for (const count of tenths) expect(Math.abs(count - 1_000)).toBeLessThan(150);
  });

  test('no wait is negative, none is longer than the cap and its spread, and the attempt alone decides it', () => {
    const specs = fc.record({
      growth: fc.constantFrom('constant', 'linear', 'exponential'),
      baseMs: fc.nat(5_000),
      factor: fc.double({ min: 1, max: 10, noNaN: true }),
      moreMs: fc.nat(60_000),
      jitter: fc.constantFrom('none', 'full', 'equal', 'decorrelated', 'spread'),
      spreadRatio: fc.double({ min: 0, max: 1, noNaN: true }),
    });
    fc.assert(
      fc.property(
        specs,
        fc.integer({ min: 1, max: 2_000 }),
        fc.nat(120_000),
        fc.nat(),
        (spec, attempt, before, seed) => {
          const resolved = { ...spec, capMs: spec.baseMs + spec.moreMs };
          const mostMs = resolved.capMs * (spec.jitter === 'spread' ? 1 + spec.spreadRatio : 1);
          const delayMs = retryDelay(resolved, attempt, before, seededRandom(seed));
          expect(delayMs).toBeGreaterThanOrEqual(0);
          expect(delayMs).toBeLessThanOrEqual(mostMs + 1e-6);
          expect(retryDelay(resolved, attempt, before, seededRandom(seed))).toBe(delayMs);
        },
      ),
    );
  });
});
