import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Driven, playSteps, RESILIENCE4J, SLOW_MS, steps } from './driven-breaker.fixture.ts';
import { FAILURE, IGNORED, SUCCESS, type Outcome } from './outcome.ts';

describe('whatever happens', () => {
  test('asking what it is doing changes nothing that comes later', () => {
    fc.assert(
      fc.property(steps, fc.array(fc.nat(3_000), { maxLength: 10 }), (plan, looks) => {
        const plain = playSteps(plan);
        const watched = playSteps(plan, (driven, untilMs) => {
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
        const plain = playSteps(plan);
        // The same calls, and every permit of an older generation is recorded again, as all three outcomes.
        const pestered = playSteps(plan, (driven, _, permits) => {
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
        const driven = playSteps(plan);
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
        const driven = playSteps(plan, ({ state: { probes: now } }) => {
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

  test('however soon half-open ends, it ends as all its probes together would have it', () => {
    const probe = fc.tuple(fc.constantFrom<Outcome>(SUCCESS, FAILURE), fc.constantFrom(0, SLOW_MS));
    fc.assert(
      fc.property(
        fc.array(probe, { minLength: 1, maxLength: 12 }),
        fc.integer({ min: 1, max: 100 }),
        fc.integer({ min: 1, max: 100 }),
        (probes, failurePercent, slowPercent) => {
          const driven = new Driven({
            ...RESILIENCE4J,
            probes: probes.length,
            failureRatio: `${failurePercent}%`,
            slowRatio: `${slowPercent}%`,
          }).toHalfOpen();
          for (const [outcome, durationMs] of probes) {
            if (driven.state.state === 'half-open') driven.call(outcome, durationMs);
          }
          const failures = probes.filter(([outcome]) => outcome === FAILURE).length;
          const slow = probes.filter(([, durationMs]) => durationMs > 0).length;
          const isBad = 100 * failures >= failurePercent * probes.length || 100 * slow >= slowPercent * probes.length;
          expect(driven.state.state).toBe(isBad ? 'open' : 'closed');
        },
      ),
    );
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
        const driven = playSteps(plan);
        for (const { from, to } of driven.told) expect(allowed).toContain(`${theirs(from)} → ${theirs(to)}`);
      }),
    );
  });
});
