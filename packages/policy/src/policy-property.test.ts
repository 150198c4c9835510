import { createContext, FairleadError, isError, realTurn, seededRandom, virtualClock } from '@fairlead/core';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { policy } from './policy.ts';
import type { PolicySpec } from './spec.ts';

const maybe = <Value>(value: fc.Arbitrary<Value>): fc.Arbitrary<Value | undefined> =>
  fc.option(value, { nil: undefined });
const ms = (min: number, max: number) => fc.integer({ min, max }).map((each) => `${each}ms` as const);

const sections = fc.record({
  timeout: maybe(
    fc.constantFrom({ total: '300ms', attempt: '100ms' }, { attempt: '50ms' }, { total: '80ms' }) as never,
  ),
  repeat: fc.constantFrom(
    {},
    { retry: { attempts: 4, backoff: { base: '20ms' } }, budget: 'off' },
    { retry: { backoff: { base: '0ms' } } },
    { hedge: { attempts: 3, delay: '15ms' }, budget: 'off' },
    { hedge: { delay: '0ms' } },
  ),
  breaker: maybe(fc.constant({ window: 4, minCalls: 2, openFor: '60ms', probes: 1 })),
  concurrency: maybe(
    fc.record({
      limit: fc.integer({ min: 1, max: 3 }),
      queue: fc.integer({ min: 1, max: 4 }),
      wait: ms(1, 120),
      fair: maybe(fc.constant({})),
      adaptive: maybe(fc.constant({ min: 1, max: 10 })),
    }),
  ),
  rateLimit: maybe(fc.constant({ rate: '20/100ms', burst: 5 })),
  cache: maybe(fc.constant({ ttl: '30ms', staleIfError: '100ms' })),
  coalesce: maybe(fc.constant({})),
  fallback: maybe(fc.constant({ value: 'instead', on: ['full', 'open', 'failure'] })),
});

const call = fc.record({
  atMs: fc.nat(400),
  takesMs: fc.nat(350),
  fails: fc.boolean(),
  /** Whether the work stops when it is told to. */
  heeds: fc.boolean(),
  abortAfterMs: maybe(fc.nat(200)),
  timeoutMs: maybe(fc.nat(200)),
  tenant: fc.constantFrom('a', 'b'),
  key: maybe(fc.constantFrom('x', 'y')),
  idempotent: fc.boolean(),
});

/** What was written, without the keys that are undefined. */
function specOf({ repeat, ...written }: { repeat: object }): PolicySpec {
  return JSON.parse(JSON.stringify({ ...written, ...repeat })) as PolicySpec;
}

test('whatever the policy and whatever happens: calls end once and tell the truth, and nothing stays behind', async () => {
  await fc.assert(
    fc.asyncProperty(sections, fc.array(call, { minLength: 1, maxLength: 20 }), async (written, calls) => {
      const clock = virtualClock();
      const random = seededRandom('property');
      const guarded = policy('any', specOf(written), { clock, random });
      let running = 0;

      const begin = async (each: (typeof calls)[number]): Promise<void> => {
        await clock.sleep(each.atMs);
        const { tenant, timeoutMs, key, idempotent } = each;
        using ctx = createContext({ clock, random, tenant, timeoutMs });
        const abort =
          each.abortAfterMs === undefined ? undefined : clock.setTimer(each.abortAfterMs, () => ctx.cancel());
        const numbers: number[] = [];
        const sinceMs = clock.monotonic();
        const decision = await guarded.attempt(
          ctx,
          async (inner, attempt) => {
            numbers.push(attempt);
            running++;
            try {
              await clock.sleep(each.takesMs, each.heeds ? inner.signal : undefined);
              if (each.fails) throw new FairleadError('unavailable', 'UNAVAILABLE', 'away');
              return `for ${tenant}`;
            } finally {
              running--;
            }
          },
          { key, idempotent },
        );
        abort?.cancel();

        const isShared = key !== undefined && (written.cache !== undefined || written.coalesce !== undefined);
        if (!isShared) expect(numbers).toEqual(numbers.map((_, index) => index + 1));
        if (decision.kind === 'rejected' && !isShared) expect(numbers).toEqual([]);
        if (decision.kind === 'ok') expect([`for ${tenant}`, 'instead']).toContain(decision.value);
        if (decision.kind === 'ok' && decision.from === 'call') expect(each.fails).toBe(isShared && each.fails);
        if (decision.kind === 'failed' && isError(decision.error, 'CANCELLED') && !isShared) {
          expect(each.abortAfterMs).toBeDefined();
        }
        // Nobody is kept waiting beyond their own time.
        const totalMs =
          specOf(written).timeout?.total === undefined ? Infinity : parseInt(specOf(written).timeout?.total ?? '', 10);
        const mostMs = Math.min(timeoutMs ?? Infinity, each.abortAfterMs ?? Infinity, totalMs);
        expect(clock.monotonic() - sinceMs).toBeLessThanOrEqual(mostMs);
      };

      let left = calls.length;
      const all = Promise.allSettled(calls.map((each) => begin(each).finally(() => left--)));
      await realTurn();
      while (left > 0 && clock.runNext()) await realTurn();
      const faults = (await all).flatMap((each) => (each.status === 'rejected' ? [each.reason as Error] : []));
      if (faults[0] !== undefined) throw faults[0];
      // What is asked for anew behind a caller's back goes on, and is not a leak.
      const isKept = written.cache !== undefined;
      // Work that doesn't heed its signal sleeps on; nothing else waits.
      if (!isKept) expect(clock.pending).toBe(running);
      await clock.runAll();

      const { counts, late, concurrency, breaker } = guarded.inspect();
      const isFronted = isKept || written.coalesce !== undefined;
      const rejected = Object.values(counts.rejected).reduce((sum, each) => sum + each, 0);
      expect(counts.calls).toBe(calls.length);
      if (!isFronted) expect(counts.succeeded + counts.failed + rejected).toBe(calls.length);
      expect(running).toBe(0);
      expect(late.unsettled).toBe(0);
      expect(concurrency?.inUse ?? 0).toBe(0);
      expect(concurrency?.waiting ?? 0).toBe(0);
      expect(concurrency?.strayTickets ?? 0).toBe(0);
      expect(breaker?.probes?.out ?? 0).toBe(0);
    }),
    { numRuns: 150 },
  );
});
