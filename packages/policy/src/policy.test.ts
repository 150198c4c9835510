import { createContext, isError, seededRandom, virtualClock, type Clock, type Context } from '@fairlead/core';
import { describe, expect, test } from 'vitest';
import type { Decision } from './decision.ts';
import { IDEMPOTENT, manual, NO_JITTER, unavailable, world } from './policy-world.fixture.ts';
import { policy } from './policy.ts';
import { RejectedError } from './rejected-error.ts';

describe('work that ends by itself', () => {
  test('a value comes through, whether the work is synchronous, a promise or a thenable', async () => {
    const { guarded, ctx, clock } = world({ timeout: { total: '5s', attempt: '1s' } });
    expect(await guarded.run(ctx, () => 1)).toBe(1);
    expect(await guarded.run(ctx, async () => 2)).toBe(2);
    const thenable = { then: (resolve: (value: number) => void) => resolve(3) };
    expect(await guarded.run(ctx, () => thenable as unknown as Promise<number>)).toBe(3);
    expect(clock.pending).toBe(0);
  });

  test('a promise that tells its end twice settles its own call only', async () => {
    class Repeating extends Promise<string> {
      override then<A = string, B = never>(...[onValue, onError]: Parameters<Promise<string>['then']>): Promise<A | B> {
        void super.then(onValue, onError);
        // What its callers are owed, told once more.
        return super.then(onValue, onError) as Promise<A | B>;
      }
    }
    const { guarded, ctx } = world({});
    const { begun, work } = manual();
    expect(await guarded.run(ctx, () => new Repeating((resolve) => resolve('first')))).toBe('first');
    const [second, third] = [guarded.run(ctx, work), guarded.run(ctx, work)];
    begun[1]!.resolve('third');
    begun[0]!.resolve('second');
    expect(await Promise.all([second, third])).toEqual(['second', 'third']);
  });

  test('an error comes through as the same object, whether thrown or rejected', async () => {
    const { guarded, ctx } = world({});
    const error = new TypeError('bug');
    await expect(
      guarded.run(ctx, () => {
        throw error;
      }),
    ).rejects.toBe(error);
    await expect(guarded.run(ctx, () => Promise.reject(error))).rejects.toBe(error);
  });

  test('attempt gives the same as values and never throws', async () => {
    const { guarded, ctx } = world({});
    expect(await guarded.attempt(ctx, () => 'x')).toEqual({ kind: 'ok', value: 'x', attempts: 1, from: 'call' });
    const error = new Error('no');
    expect(await guarded.attempt(ctx, () => Promise.reject(error))).toEqual({
      kind: 'failed',
      error,
      attempts: 1,
      stopped: undefined,
    });
  });

  test('neither a timer nor a listener stays behind', async () => {
    const { guarded, ctx, clock } = world({ timeout: { total: '5s', attempt: '1s' }, retry: NO_JITTER });
    const { begun, work } = manual();
    let listeners = 0;
    const counted = Object.create(ctx, {
      throwIfAborted: { value: () => ctx.throwIfAborted() },
      remainingMs: { value: () => ctx.remainingMs() },
      onEnd: {
        value: (listener: () => void) => {
          listeners++;
          const leave = ctx.onEnd(listener);
          return () => {
            listeners--;
            leave();
          };
        },
      },
    }) as Context;
    const done = guarded.run(counted, work);
    await clock.advance(10);
    expect([clock.pending, listeners]).toEqual([1, 1]);
    begun[0]!.resolve('done');
    expect(await done).toBe('done');
    expect(listeners).toBe(0);
    await clock.advance(0);
    expect(clock.pending).toBe(0);
  });
});

describe('time', () => {
  test('an attempt that takes too long fails, its signal says why, and it is told at once', async () => {
    const { guarded, ctx, clock } = world({ timeout: { attempt: '1s' } });
    const { begun, work } = manual();
    const done = guarded.attempt(ctx, work);
    const { signal } = begun[0]!.ctx;
    await clock.advance(999);
    expect(signal.aborted).toBe(false);
    await clock.advance(1);
    expect(signal.reason).toMatchObject({ code: 'DEADLINE_EXCEEDED', details: { limit: 'attempt', timeoutMs: 1_000 } });
    expect(await done).toMatchObject({ kind: 'failed', error: signal.reason, attempts: 1 });
    expect(guarded.inspect().counts).toMatchObject({ timeouts: 1, cancelled: 0 });
  });

  test('work that never reads its signal is given up all the same', async () => {
    const { guarded, ctx, clock } = world({ timeout: { attempt: '1s' } });
    const done = guarded.attempt(ctx, () => new Promise(() => {}));
    await clock.advance(1_000);
    expect(await done).toMatchObject({ kind: 'failed', error: { details: { limit: 'attempt' } } });
    expect(clock.pending).toBe(0);
  });

  test('the total ends everything, the attempt under way too', async () => {
    const { guarded, ctx, clock } = world({
      timeout: { total: '2500ms', attempt: '1s' },
      retry: { attempts: 10, ...NO_JITTER },
    });
    const { begun, work } = manual();
    const done = guarded.attempt(ctx, work, IDEMPOTENT);
    await clock.advance(2_500);
    // 0 to 1 000, 1 100 to 2 100, and 2 200 to the end.
    expect(begun.map((each) => each.ctx.remainingMs())).toEqual([0, 0, 0]);
    expect(await done).toMatchObject({
      kind: 'failed',
      error: { details: { limit: 'total', timeoutMs: 2_500, attempt: 3 } },
      stopped: { cause: 'deadline' },
    });
    expect(clock.pending).toBe(0);
  });

  test('an attempt never has more than its caller has left, and says so', async () => {
    const { guarded, clock, random } = world({ timeout: { total: '5s', attempt: '1s' } });
    const ctx = createContext({ clock, random, timeoutMs: 300 });
    const { begun, work } = manual();
    const done = guarded.attempt(ctx, work);
    expect(begun[0]!.ctx.remainingMs()).toBe(300);
    expect(begun[0]!.ctx.deadline).toBe(ctx.deadline);
    await clock.advance(300);
    expect(await done).toMatchObject({ kind: 'failed', error: { code: 'DEADLINE_EXCEEDED', details: {} } });
    expect(clock.pending).toBe(0);
  });

  test('a caller whose time is up is rejected before anything begins', async () => {
    const { guarded, clock, random } = world({});
    const ctx = createContext({ clock, random, timeoutMs: 0 });
    const { begun, work } = manual();
    expect(await guarded.attempt(ctx, work)).toMatchObject({
      kind: 'rejected',
      rejection: { cause: 'deadline', rule: 'caller' },
    });
    await expect(guarded.run(ctx, work)).rejects.toSatisfy((error) => isError(error, 'DEADLINE_EXCEEDED'));
    expect(begun).toHaveLength(0);
  });

  test('time that is up is seen by work that blocks the event loop', async () => {
    let elapsedMs = 0;
    const random = seededRandom('busy');
    const busy: Clock = {
      now: () => elapsedMs,
      monotonic: () => elapsedMs,
      setTimer: () => ({ cancel() {} }),
      sleep: () => new Promise<void>(() => {}),
    };
    const guarded = policy('stock', { timeout: { attempt: '1s' } }, { clock: busy, random });
    const ctx = createContext({ clock: virtualClock(), random });
    const done = guarded.attempt(ctx, (inner) => {
      elapsedMs = 1_000;
      inner.throwIfAborted();
    });
    expect(await done).toMatchObject({ kind: 'failed', error: { details: { limit: 'attempt' } } });
  });
});

describe('a caller who gives up', () => {
  test('ends the attempt at once; it is no timeout', async () => {
    const { guarded, ctx, clock } = world({ timeout: { attempt: '1s' } });
    const { begun, work } = manual();
    const done = guarded.attempt(ctx, work);
    const { signal } = begun[0]!.ctx;
    ctx.cancel(new Error('gone'));
    expect(signal.aborted).toBe(true);
    expect(await done).toMatchObject({ kind: 'failed', error: { code: 'CANCELLED' }, attempts: 1 });
    expect(guarded.inspect().counts).toMatchObject({ timeouts: 0, cancelled: 1 });
    expect(clock.pending).toBe(0);
  });

  test('is noticed when it happens in the same turn and nobody reads the signal', async () => {
    const { guarded, ctx } = world({});
    const done = guarded.attempt(ctx, () => new Promise(() => {}));
    ctx.cancel();
    expect(await done).toMatchObject({ kind: 'failed', error: { code: 'CANCELLED' } });
  });

  test('interrupts the backoff at once, without another attempt', async () => {
    const { guarded, ctx, clock } = world({ retry: NO_JITTER });
    let calls = 0;
    const done = guarded.attempt(
      ctx,
      () => {
        calls++;
        return Promise.reject(unavailable());
      },
      IDEMPOTENT,
    );
    await clock.advance(20);
    expect(clock.pending).toBe(1);
    ctx.cancel();
    expect(await done).toMatchObject({ kind: 'failed', error: { code: 'CANCELLED' }, attempts: 1 });
    await clock.advance(0);
    expect(clock.pending).toBe(0);
    await clock.advance(1_000);
    expect(calls).toBe(1);
  });

  test('while its work fails gets no pause and no further attempt', async () => {
    const { guarded, ctx, clock } = world({ retry: NO_JITTER });
    const done = guarded.attempt(
      ctx,
      () => {
        ctx.cancel();
        throw unavailable();
      },
      IDEMPOTENT,
    );
    expect(await done).toMatchObject({ kind: 'failed', error: { code: 'CANCELLED' }, attempts: 1 });
    expect(clock.pending).toBe(0);
  });

  test('is not held against the destination by running out of time early', async () => {
    const { guarded, clock, random } = world({ timeout: { attempt: '1s' }, breaker: {} });
    for (const timeoutMs of [300, 600, 5_000]) {
      const done = guarded.attempt(createContext({ clock, random, timeoutMs }), () => new Promise(() => {}));
      await clock.advance(5_000);
      expect(await done).toMatchObject({ kind: 'failed', error: { code: 'DEADLINE_EXCEEDED' } });
    }
    expect(guarded.inspect()).toMatchObject({ counts: { timeouts: 3 }, breaker: { counts: { ignored: 1 } } });
  });

  test('before the beginning is a rejection', async () => {
    const { guarded, ctx } = world({});
    ctx.cancel();
    expect(await guarded.attempt(ctx, () => 1)).toMatchObject({ kind: 'rejected', rejection: { cause: 'cancelled' } });
    await expect(guarded.run(ctx, () => 1)).rejects.toMatchObject({ code: 'CANCELLED' });
  });
});

test('while the event loop is late, sheddable calls are turned away first, and are told why', async () => {
  const clock = virtualClock();
  const random = seededRandom('shed');
  let loopDelayMs = 0;
  const ports = { clock, random, loopDelayMs: () => loopDelayMs };
  const guarded = policy('stock', { shed: { step: '90%' } }, ports);
  const ask = (criticality: 'critical' | 'sheddable') =>
    guarded.attempt(createContext({ clock, random, criticality }), () => 1);
  loopDelayMs = 200;
  const kinds = { critical: new Set<string>(), sheddable: new Set<string>() };
  for (let round = 0; round < 3; round++) {
    for (const criticality of ['critical', 'sheddable', 'sheddable', 'sheddable'] as const) {
      const decision = await ask(criticality);
      if (round === 2) kinds[criticality].add(decision.kind === 'rejected' ? decision.rejection.cause : decision.kind);
    }
    await clock.advance(100);
  }
  expect([...kinds.sheddable]).toEqual(['shed']);
  expect(guarded.inspect().shed).toMatchObject({ overloaded: true, loopDelayMs: 200 });
});

test('a rejection is thrown as an error that carries it, and explains itself', async () => {
  const { guarded, ctx } = world({ concurrency: { limit: 1, queue: 0 } });
  void guarded.attempt(ctx, () => new Promise(() => {}));
  const error: unknown = await guarded.run(ctx, () => 1).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(RejectedError);
  expect(error).toMatchObject({ code: 'REJECTED', kind: 'unavailable', rejection: { policy: 'stock', cause: 'full' } });
  expect(String(error)).toContain('stock: all slots are taken and the queue is full, by concurrency (');
});

test('an observer that throws disturbs nobody', async () => {
  const clock = virtualClock();
  const random = seededRandom('observer');
  const guarded = policy(
    'stock',
    {},
    {
      clock,
      random,
      observe: () => {
        throw new Error('observer');
      },
    },
  );
  expect(await guarded.run(createContext({ clock, random }), () => 1)).toBe(1);
  expect(guarded.inspect().counts.observerErrors).toBe(1);
});

test('a specification is neither kept nor changed', async () => {
  const spec = Object.freeze({
    retry: Object.freeze({ attempts: 2 }),
    timeout: Object.freeze({ total: '1s' } as const),
  });
  const text = JSON.stringify(spec);
  policy('stock', spec, { clock: virtualClock(), random: seededRandom('frozen') });
  expect(JSON.stringify(spec)).toBe(text);
});

test('decisions of many concurrent calls don’t mix', async () => {
  const { guarded, ctx, clock } = world({ timeout: { attempt: '1s' }, retry: NO_JITTER, concurrency: { limit: 100 } });
  const all: Promise<Decision<number>>[] = [];
  for (let n = 0; n < 100; n++) {
    all.push(
      guarded.attempt(ctx, async (inner) => {
        await clock.sleep(n % 7, inner.signal);
        return n;
      }),
    );
  }
  await clock.advance(10);
  expect((await Promise.all(all)).map((each) => (each.kind === 'ok' ? each.value : -1))).toEqual([...all.keys()]);
  expect(clock.pending).toBe(0);
});
