import { createContext, isError, realTurn, seededRandom, type Context } from '@fairlead/core';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { busyClock } from './busy-clock.fixture.ts';
import { policy } from './policy.ts';
import { IDEMPOTENT, unavailable } from './policy-world.fixture.ts';
import type { PolicySpec } from './spec.ts';
import { STANDARD } from './standard.ts';

/** A policy on a clock that goes on while the process is busy. */
function busyWorld(spec: PolicySpec) {
  const busy = busyClock();
  const random = seededRandom('busy');
  const guarded = policy('stock', spec, { clock: busy.clock, random });
  const ctx = createContext({ clock: busy.clock, random });
  /** From now on, until the turn ends, calls begin and end by a stamp. */
  const stamp = async (): Promise<void> => {
    for (let call = 0; call < 2; call++) await guarded.run(ctx, async () => 1, IDEMPOTENT);
  };
  const { clock, virtual, busyFor } = busy;
  return { busy, clock, virtual, busyFor, guarded, ctx, stamp };
}

const never = (): Promise<never> => new Promise(() => {});

test('calls that follow each other within a turn share looks at the clock; one by itself has its own', async () => {
  const { guarded, ctx, busy } = busyWorld(STANDARD);
  const looksOf = async (work: () => Promise<unknown>): Promise<number> => {
    const before = busy.looks;
    await work();
    return busy.looks - before;
  };
  const alone = await looksOf(() => guarded.run(ctx, async () => 1, IDEMPOTENT));
  await realTurn();
  const hundred = await looksOf(async () => {
    for (let call = 0; call < 100; call++) await guarded.run(ctx, async () => 1, IDEMPOTENT);
  });
  await realTurn();
  const waiting = await looksOf(() => guarded.run(ctx, realTurn, IDEMPOTENT));
  // At its beginning, when its turn ends, and at its end.
  expect({ alone, hundred, waiting }).toEqual({ alone: 2, hundred: 8, waiting: 3 });
});

describe('time that has passed in the turn before a call begins', () => {
  test.for([
    ['an attempt', { timeout: { attempt: '1s' } }],
    ['a call', { timeout: { total: '1s' } }],
  ] as const)('shortens the time of %s by nothing', async ([, spec]) => {
    const { guarded, ctx, stamp, busyFor, virtual } = busyWorld(spec);
    await stamp();
    busyFor(600);
    const leftMs: number[] = [];
    let ended = false;
    const done = guarded.attempt(ctx, (inner) => {
      leftMs.push(inner.remainingMs());
      return never();
    });
    void done.then(() => (ended = true));
    await virtual.advance(999);
    expect([leftMs, ended]).toEqual([[1_000], false]);
    await virtual.advance(1);
    expect(await done).toMatchObject({ kind: 'failed', error: { code: 'DEADLINE_EXCEEDED' } });
  });

  test('does not end it when its work asks, in whatever way', async () => {
    const { guarded, ctx, stamp, busyFor } = busyWorld({ timeout: { attempt: '1s' } });
    await stamp();
    busyFor(1_500);
    const asks: ((inner: Context) => unknown)[] = [
      (inner) => inner.throwIfAborted(),
      (inner) => inner.signal.throwIfAborted(),
      (inner) => inner.onEnd((reason) => expect.fail(reason.message)),
      (inner) => expect(inner.deadline).toBe(ctx.clock.now() + 1_000),
    ];
    for (const ask of asks)
      expect(await guarded.attempt(ctx, async (inner) => void ask(inner))).toMatchObject({ kind: 'ok' });
  });

  test('is not what the call’s retries have less', async () => {
    const { guarded, ctx, stamp, busyFor, virtual } = busyWorld({
      timeout: { total: '1s' },
      retry: { attempts: 2, backoff: { base: '0ms' } },
    });
    await stamp();
    busyFor(900);
    const leftMs: number[] = [];
    const done = guarded.attempt(
      ctx,
      (inner, attempt) => {
        if (attempt === 1) throw unavailable();
        leftMs.push(inner.remainingMs());
        return never();
      },
      IDEMPOTENT,
    );
    await virtual.advance(1_000);
    expect(leftMs).toEqual([1_000]);
    expect(await done).toMatchObject({ kind: 'failed', error: { code: 'DEADLINE_EXCEEDED' } });
  });

  test('is not what a queue is waited in', async () => {
    const { guarded, ctx, stamp, busyFor, virtual } = busyWorld({
      timeout: { total: '1s' },
      concurrency: { limit: 1, queue: 1, wait: '100ms' },
    });
    await stamp();
    let free: (value: number) => void = () => undefined;
    const first = guarded.attempt(ctx, () => new Promise<number>((resolve) => (free = resolve)));
    busyFor(950);
    const leftMs: number[] = [];
    const second = guarded.attempt(ctx, (inner) => void leftMs.push(inner.remainingMs()));
    await virtual.advance(99);
    free(1);
    expect([await first, await second]).toMatchObject([{ kind: 'ok' }, { kind: 'ok' }]);
    expect(leftMs).toEqual([901]);
  });
});

test('whatever keeps the process busy, no attempt and no call ends before its time, and each ends when its timer can', async () => {
  const call = fc.record({
    busyBeforeMs: fc.nat(400),
    busyInsideMs: fc.nat(400),
    settles: fc.constantFrom('never', 'at once', 'fails once'),
    asks: fc.boolean(),
    newTurn: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(call, { minLength: 1, maxLength: 12 }), async (calls) => {
      const { guarded, ctx, clock, virtual, busyFor } = busyWorld({
        timeout: { attempt: '300ms', total: '500ms' },
        retry: { attempts: 2, backoff: { base: '10ms' } },
        budget: 'off',
        concurrency: { limit: 4, queue: 10, wait: '200ms' },
      });
      const ends: Promise<unknown>[] = [];
      const early: number[] = [];
      for (const { busyBeforeMs, busyInsideMs, settles, asks, newTurn } of calls) {
        if (newTurn) await realTurn();
        busyFor(busyBeforeMs);
        const calledAtMs = clock.monotonic();
        let beganAtMs = 0;
        const done = guarded.attempt(
          ctx,
          async (inner, attempt) => {
            beganAtMs = clock.monotonic();
            if (asks) inner.throwIfAborted();
            busyFor(busyInsideMs);
            if (settles === 'fails once' && attempt === 1) throw unavailable();
            if (settles !== 'at once') await never();
          },
          IDEMPOTENT,
        );
        ends.push(
          done.then((decision) => {
            if (decision.kind !== 'failed' || !isError(decision.error, 'DEADLINE_EXCEEDED')) return;
            const isOfAttempt = decision.error.details['limit'] === 'attempt';
            early.push(isOfAttempt ? beganAtMs + 300 - clock.monotonic() : calledAtMs + 500 - clock.monotonic());
          }),
        );
        // What can settle has, and the turn goes on.
        for (let step = 0; step < 10; step++) await Promise.resolve();
      }
      await virtual.advance(1_200);
      await Promise.all(ends);
      expect(Math.max(0, ...early)).toBeLessThan(1e-6);
      expect(virtual.pending).toBe(0);
    }),
    { numRuns: 300 },
  );
});

describe('a signal of work that keeps the process busy beyond its time', () => {
  const spec: PolicySpec = { timeout: { attempt: '1s' } };

  test('has aborted when it is asked for in a turn of its own', async () => {
    const { guarded, ctx, busyFor } = busyWorld(spec);
    const seen: boolean[] = [];
    const done = guarded.attempt(ctx, (inner) => {
      busyFor(1_000);
      seen.push(inner.signal.aborted);
      return never();
    });
    expect(await done).toMatchObject({ kind: 'failed', error: { code: 'DEADLINE_EXCEEDED' } });
    expect(seen).toEqual([true]);
  });

  test('has aborted when it is asked for again in a turn that others share', async () => {
    const { guarded, ctx, busyFor, stamp } = busyWorld(spec);
    const seen: boolean[] = [];
    const done = guarded.attempt(ctx, async (inner) => {
      await stamp();
      busyFor(1_000);
      seen.push(inner.signal.aborted, inner.signal.aborted);
      return never();
    });
    expect(await done).toMatchObject({ kind: 'failed', error: { code: 'DEADLINE_EXCEEDED' } });
    expect(seen).toEqual([false, true]);
  });
});

describe('what took long', () => {
  const SLOW: PolicySpec = { breaker: { window: 100, minCalls: 100, slowAfter: '100ms', slowRatio: '50%' } };
  const slowOf = ({ guarded }: Pick<ReturnType<typeof busyWorld>, 'guarded'>): number | undefined =>
    guarded.inspect().breaker?.measured.slow;

  test('is exact for a call that is alone in its turn', async () => {
    const world = busyWorld(SLOW);
    await world.guarded.run(world.ctx, async () => world.busyFor(101));
    expect(slowOf(world)).toBe(1);
  });

  test('may be missed of what is over within its turn, by as much as the process was busy', async () => {
    const world = busyWorld(SLOW);
    await world.stamp();
    await world.guarded.run(world.ctx, async () => world.busyFor(101));
    expect(slowOf(world)).toBe(0);
  });

  test('is told from when the turn ended that a call began in, and never includes what was done before the call', async () => {
    const world = busyWorld(SLOW);
    await world.stamp();
    world.busyFor(1_000);
    const quick = world.guarded.run(world.ctx, () => world.clock.sleep(100));
    world.busyFor(1_000);
    await world.virtual.advance(100);
    await quick;
    expect(slowOf(world)).toBe(0);
    await world.stamp();
    const slow = world.guarded.run(world.ctx, () => world.clock.sleep(101));
    await world.virtual.advance(101);
    await slow;
    expect(slowOf(world)).toBe(1);
  });

  test('holds for slots too, whose limit learns from it', async () => {
    const world = busyWorld({ concurrency: { limit: 4, adaptive: { algorithm: 'gradient2' } } });
    await world.stamp();
    world.busyFor(1_000);
    const quick = world.guarded.run(world.ctx, () => world.clock.sleep(30));
    await world.virtual.advance(30);
    await quick;
    expect(world.guarded.inspect().concurrency?.meanHoldMs).toBe(10);
  });
});

test('however busy the process is, a rate limit lets no more through than burst + rate × time', async () => {
  const call = fc.record({ busyMs: fc.nat(300), newTurn: fc.boolean() });
  await fc.assert(
    fc.asyncProperty(fc.array(call, { maxLength: 60 }), async (calls) => {
      const { guarded, ctx, clock, busyFor } = busyWorld({ ...STANDARD, rateLimit: { rate: '10/s', burst: 3 } });
      const admittedAtMs: number[] = [];
      for (const { busyMs, newTurn } of calls) {
        busyFor(busyMs);
        if (newTurn) await realTurn();
        await guarded.attempt(ctx, async () => void admittedAtMs.push(clock.monotonic()), IDEMPOTENT);
      }
      admittedAtMs.forEach((firstMs, from) => {
        admittedAtMs.slice(from).forEach((lastMs, further) => {
          expect(further + 1).toBeLessThanOrEqual(3 + (lastMs - firstMs) / 100 + 1e-5);
        });
      });
    }),
    { numRuns: 100 },
  );
});
