import { createContext, FairleadError, seededRandom, virtualClock } from '@fairlead/core';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { policy } from './policy.ts';
import type { PolicySpec } from './spec.ts';

/** What an attempt does after a while, and whether it ends when it is told to. */
const attempt = fc.record({
  afterMs: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 400 })),
  outcome: fc.constantFrom('ok', 'ok', 'away', 'away', 'wrong', 'never again', 'in 30 ms', 'later', 'throws'),
  heeds: fc.boolean(),
});
const call = fc.record({
  startMs: fc.nat(1_500),
  timeoutMs: fc.oneof(fc.constant(Infinity), fc.integer({ min: 1, max: 900 })),
  abortAfterMs: fc.oneof(fc.constant(Infinity), fc.nat(600)),
  idempotent: fc.boolean(),
  attempts: fc.array(attempt, { minLength: 5, maxLength: 5 }),
});
const timeout = fc.constantFrom<PolicySpec['timeout']>({}, { attempt: '100ms' }, { total: '500ms', attempt: '200ms' });
const repeats = fc.oneof(
  fc.record({ retry: fc.constantFrom<PolicySpec['retry']>({}, { attempts: 5, backoff: { base: '0ms' } }) }),
  fc.record({ hedge: fc.constantFrom<PolicySpec['hedge']>({ delay: '0ms' }, { attempts: 4, delay: '60ms' }) }),
);
const concurrency = fc.constantFrom<PolicySpec['concurrency']>({ limit: 2 }, { limit: 1, queue: 0 }, { limit: 50 });
const budget = fc.constantFrom<PolicySpec['budget']>('off', {}, { ratio: '50%', floorPerSecond: 0 });

const FAILURES: Readonly<Record<string, () => Error>> = {
  away: () => new FairleadError('unavailable', 'UNAVAILABLE', ''),
  wrong: () => new FairleadError('invalid', 'WRONG', ''),
  'never again': () => new FairleadError('unavailable', 'UNAVAILABLE', '', { details: { pushbackMs: -1 } }),
  'in 30 ms': () => new FairleadError('unavailable', 'UNAVAILABLE', '', { details: { pushbackMs: 30 } }),
  later: () => new FairleadError('exhausted', 'QUOTA', '', { retryAfterMs: 90 }),
  throws: () => new TypeError('a bug'),
};

test('whatever attempts do, calls end in time and once, within their attempts, slots and budget, and leave nothing behind', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(call, { minLength: 1, maxLength: 12 }),
      fc.tuple(timeout, repeats, concurrency, budget),
      async (plan, [time, repeat, slots, pay]) => {
        const clock = virtualClock();
        const random = seededRandom('course');
        const most = 'hedge' in repeat ? (repeat.hedge?.attempts ?? 2) : (repeat.retry?.attempts ?? 3);
        const spec = { timeout: time, ...repeat, concurrency: slots, budget: pay } as PolicySpec;
        const under = policy('all', spec, { clock, random });
        let underWay = 0;
        let mostUnderWay = 0;
        const ended: { atMs: number; dueMs: number; attempts: number; begun: number }[] = [];
        const run = async (each: (typeof plan)[number]): Promise<void> => {
          await clock.sleep(each.startMs);
          const stop = new AbortController();
          using ctx = createContext({ clock, random, timeoutMs: each.timeoutMs, signal: stop.signal });
          const abort =
            each.abortAfterMs === Infinity ? undefined : clock.setTimer(each.abortAfterMs, () => stop.abort());
          const beganMs = clock.monotonic();
          let begun = 0;
          const decision = await under.attempt(
            ctx,
            async (inner, number) => {
              begun++;
              expect(number).toBe(begun);
              mostUnderWay = Math.max(mostUnderWay, ++underWay);
              const play = each.attempts[number - 1];
              try {
                if (play === undefined) throw new Error('one attempt too many');
                if (play.afterMs > 0) await clock.sleep(play.afterMs, play.heeds ? inner.signal : undefined);
                const failure = FAILURES[play.outcome];
                if (failure !== undefined) throw failure();
                return number;
              } finally {
                underWay--;
              }
            },
            { idempotent: each.idempotent },
          );
          abort?.cancel();
          const attempts = decision.kind === 'rejected' ? 0 : decision.attempts;
          const dueMs =
            beganMs + Math.min(each.timeoutMs, each.abortAfterMs, time?.total === undefined ? Infinity : 500);
          ended.push({ atMs: clock.monotonic(), dueMs, attempts, begun });
          if (decision.kind === 'ok') expect(decision.value).toBeLessThanOrEqual(most);
        };
        const all = Promise.all(plan.map(run));
        await clock.runAll();
        await all;
        expect(ended).toHaveLength(plan.length);
        for (const { atMs, dueMs, attempts, begun } of ended) {
          expect(atMs).toBeLessThanOrEqual(dueMs + 1e-6);
          expect(begun).toBe(attempts);
          expect(attempts).toBeLessThanOrEqual(most);
        }
        const { counts, late, budget: paid, concurrency: gate } = under.inspect();
        expect(mostUnderWay).toBeLessThanOrEqual(slots?.limit ?? Infinity);
        expect([clock.pending, underWay, late.unsettled, gate?.inUse, gate?.waiting]).toEqual([0, 0, 0, 0, 0]);
        expect(gate?.strayTickets).toBe(0);
        expect(counts.calls).toBe(plan.length);
        expect(counts.succeeded + counts.failed + sum(counts.rejected)).toBe(plan.length);
        expect(counts.attempts).toBe(sum(ended.map(({ begun }) => begun)));
        const firsts = ended.filter(({ begun }) => begun > 0).length;
        // A retry that was paid may still find no slot.
        expect(counts.attempts - firsts).toBeLessThanOrEqual(counts.retries + counts.hedges);
        // All within 10 s: nothing has been forgotten.
        if (paid !== undefined) {
          expect(paid).toMatchObject({ deposits: firsts, withdrawals: counts.retries + counts.hedges });
          expect(paid.withdrawals).toBeLessThanOrEqual(
            pay === 'off' || pay?.ratio === '50%' ? firsts / 2 : 10 + firsts / 10,
          );
        }
      },
    ),
    { numRuns: 300 },
  );
});

function sum(numbers: Readonly<Record<string, number>> | readonly number[]): number {
  return Object.values(numbers).reduce((total: number, each: number) => total + each, 0);
}
