import {
  createContext,
  FairleadError,
  isError,
  seededRandom,
  virtualClock,
  type Clock,
  type Context,
} from '@fairlead/core';
import { describe, expect, test } from 'vitest';
import type { Decision } from './decision.ts';
import type { PolicyEvent } from './observe.ts';
import { policy } from './policy.ts';
import { RejectedError } from './rejected-error.ts';
import type { PolicyCode, PolicySpec } from './spec.ts';

function world(spec: PolicySpec, code: PolicyCode = {}) {
  const clock = virtualClock();
  const random = seededRandom('policy');
  const events: PolicyEvent[] = [];
  const guarded = policy('stock', spec, { clock, random, observe: (event) => events.push(event) }, code);
  const ctx = createContext({ clock, random });
  return { clock, random, events, guarded, ctx };
}

/** Work that settles when it is told to, and remembers the Contexts it was given. */
function manual() {
  const begun: { ctx: Context; attempt: number; resolve: (value: string) => void; reject: (error: unknown) => void }[] =
    [];
  const work = (ctx: Context, attempt: number) =>
    new Promise<string>((resolve, reject) => begun.push({ ctx, attempt, resolve, reject }));
  return { begun, work };
}

const unavailable = () => new FairleadError('unavailable', 'UNAVAILABLE', 'away');
const NO_JITTER = { backoff: { base: '100ms', jitter: 'none' } } as const;
const IDEMPOTENT = { idempotent: true };

describe('work that ends by itself', () => {
  test('a value comes through, whether the work is synchronous, a promise or a thenable', async () => {
    const { guarded, ctx, clock } = world({ timeout: { total: '5s', attempt: '1s' } });
    expect(await guarded.run(ctx, () => 1)).toBe(1);
    expect(await guarded.run(ctx, async () => 2)).toBe(2);
    const thenable = { then: (resolve: (value: number) => void) => resolve(3) };
    expect(await guarded.run(ctx, () => thenable as unknown as Promise<number>)).toBe(3);
    expect(clock.pending).toBe(0);
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
    expect([clock.pending, listeners]).toEqual([0, 0]);
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

describe('the Context of an attempt', () => {
  test('has the facts of its caller, and derived ones share its life', async () => {
    const { guarded, clock, random } = world({ timeout: { attempt: '1s' } });
    const ctx = createContext({
      clock,
      random,
      tenant: 'acme',
      idempotencyKey: 'k',
      criticality: 'critical',
      baggage: { a: 'b' },
    });
    let inner: Context | undefined;
    let derived: Context | undefined;
    const done = guarded.attempt(ctx, (given) => {
      inner = given;
      derived = given.derive({ tenant: 'globex' });
      return new Promise(() => {});
    });
    for (const key of [
      'tenant',
      'caller',
      'trace',
      'requestId',
      'idempotencyKey',
      'criticality',
      'correlationId',
      'causationId',
      'baggage',
      'clock',
      'random',
    ] as const) {
      expect(inner![key]).toBe(ctx[key]);
    }
    expect(derived!.tenant).toBe('globex');
    const { signal } = derived!;
    using scope = inner!.withTimeout(5_000);
    using shorter = derived!.withTimeout(10);
    expect(scope.remainingMs()).toBe(1_000);
    expect(shorter.tenant).toBe('globex');
    await clock.advance(10);
    expect(isError(shorter.signal.reason, 'DEADLINE_EXCEEDED')).toBe(true);
    expect(scope.signal.aborted).toBe(false);
    await clock.advance(990);
    await done;
    expect(scope.signal.reason).toBe(signal.reason);
    expect(() => inner!.throwIfAborted()).toThrow('did not end within 1s');
    expect(clock.pending).toBe(0);
  });

  test('tells its end to listeners, once, unless they have left', async () => {
    const { guarded, ctx, clock } = world({ timeout: { attempt: '1s' } });
    const heard: string[] = [];
    const done = guarded.attempt(ctx, (inner) => {
      inner.onEnd((reason) => heard.push(`a ${reason.code}`));
      const leave = inner.onEnd(() => heard.push('b'));
      leave();
      return new Promise(() => {});
    });
    await clock.advance(1_000);
    await done;
    expect(heard).toEqual(['a DEADLINE_EXCEEDED']);
  });

  test('stays whole after a success, so that an answer can still be read', async () => {
    const { guarded, ctx, clock } = world({ timeout: { attempt: '1s' } });
    let signal: AbortSignal | undefined;
    await guarded.run(ctx, (inner) => {
      signal = inner.signal;
      return 1;
    });
    await clock.advance(5_000);
    expect(signal!.aborted).toBe(false);
    expect(clock.pending).toBe(0);
  });

  test('ends with a failure, so that what the work left running stops', async () => {
    const { guarded, ctx } = world({});
    let signal: AbortSignal | undefined;
    await guarded.attempt(ctx, (inner) => {
      signal = inner.signal;
      throw new Error('half of it');
    });
    expect(signal!.reason).toMatchObject({ code: 'CANCELLED' });
  });
});

describe('retries', () => {
  test('go on after the pause until one succeeds; each attempt has its number and a Context of its own', async () => {
    const { guarded, ctx, clock, events } = world({ retry: NO_JITTER });
    const { begun, work } = manual();
    const done = guarded.attempt(ctx, work, IDEMPOTENT);
    begun[0]!.reject(unavailable());
    await clock.advance(99);
    expect(begun).toHaveLength(1);
    await clock.advance(1);
    expect(begun.map((each) => each.attempt)).toEqual([1, 2]);
    begun[1]!.resolve('late but good');
    expect(await done).toEqual({ kind: 'ok', value: 'late but good', attempts: 2, from: 'call' });
    expect(begun[0]!.ctx).not.toBe(begun[1]!.ctx);
    expect(events.map((event) => event.kind)).toEqual(['attempt-failed', 'finished']);
  });

  test('stop at the most attempts and give the last error', async () => {
    const { guarded, ctx, clock } = world({ retry: NO_JITTER });
    let calls = 0;
    const done = guarded.attempt(
      ctx,
      () => Promise.reject(new FairleadError('unavailable', `A${++calls}`, 'away')),
      IDEMPOTENT,
    );
    await clock.advance(10_000);
    expect(await done).toMatchObject({ kind: 'failed', error: { code: 'A3' }, attempts: 3 });
  });

  test('are not made when the pause would outlast the time, and the decision says so at once', async () => {
    const { guarded, ctx, clock } = world({ timeout: { total: '1s' }, retry: NO_JITTER });
    const done = guarded.attempt(
      ctx,
      () => Promise.reject(new FairleadError('unavailable', 'UNAVAILABLE', 'later', { retryAfterMs: 1_500 })),
      IDEMPOTENT,
    );
    expect(await done).toMatchObject({
      kind: 'failed',
      attempts: 1,
      stopped: { cause: 'deadline', rule: 'timeout.total' },
    });
    expect(clock.monotonic()).toBe(0);
  });

  test('are bounded by the budget, and the decision says that', async () => {
    const { guarded, ctx, clock } = world({ retry: NO_JITTER, budget: { ratio: '0%', floorPerSecond: 0 } });
    const done = guarded.attempt(ctx, () => Promise.reject(unavailable()), IDEMPOTENT);
    await clock.advance(1_000);
    expect(await done).toMatchObject({ kind: 'failed', attempts: 1, stopped: { cause: 'budget', rule: 'budget' } });
    expect(guarded.inspect().counts.stopped.budget).toBe(1);
  });

  test('a value that counts as a failure is retried, and returned when attempts run out', async () => {
    const { guarded, ctx, clock } = world({ retry: NO_JITTER }, { isFailure: (value) => value === 'bad' });
    let calls = 0;
    const done = guarded.run(ctx, () => `${++calls < 4 ? 'bad' : 'good'}`, IDEMPOTENT);
    await clock.advance(10_000);
    expect(await done).toBe('bad');
    expect(calls).toBe(3);
  });

  test('predicates that throw make the call fail with what they threw', async () => {
    const error = new Error('predicate');
    const thrower = () => {
      throw error;
    };
    const one = world({ retry: NO_JITTER }, { isFailure: thrower });
    await expect(one.guarded.run(one.ctx, () => 1)).rejects.toBe(error);
    const two = world({ retry: NO_JITTER }, { repeat: { shouldRepeat: thrower } });
    await expect(two.guarded.run(two.ctx, () => Promise.reject(unavailable()))).rejects.toBe(error);
  });

  test('without saying that the call is idempotent there is none', async () => {
    const { guarded, ctx } = world({ retry: NO_JITTER });
    expect(await guarded.attempt(ctx, () => Promise.reject(unavailable()))).toMatchObject({
      kind: 'failed',
      attempts: 1,
    });
  });
});

describe('hedging', () => {
  const HEDGED = { hedge: { delay: '100ms' } } as const;

  test('the faster answer counts, the loser is cancelled and told that it lost', async () => {
    const { guarded, ctx, clock } = world(HEDGED);
    const { begun, work } = manual();
    const done = guarded.attempt(ctx, work, IDEMPOTENT);
    const loser = begun[0]!.ctx.signal;
    await clock.advance(100);
    expect(begun).toHaveLength(2);
    begun[1]!.resolve('second');
    expect(await done).toEqual({ kind: 'ok', value: 'second', attempts: 2, from: 'call' });
    expect(loser.reason).toMatchObject({ code: 'CANCELLED', details: { limit: 'race' } });
    expect(guarded.inspect()).toMatchObject({ counts: { hedges: 1, hedgeWins: 1 }, late: { unsettled: 1 } });
    begun[0]!.resolve('first');
    await clock.advance(0);
    expect(guarded.inspect().late.unsettled).toBe(0);
    expect(clock.pending).toBe(0);
  });

  test('the first answer ends the hedge too', async () => {
    const { guarded, ctx, clock } = world(HEDGED);
    const { begun, work } = manual();
    const done = guarded.attempt(ctx, work, IDEMPOTENT);
    await clock.advance(100);
    begun[0]!.resolve('first');
    expect(await done).toMatchObject({ value: 'first' });
    expect(() => begun[1]!.ctx.throwIfAborted()).toThrow('attempt 1 answered first');
    expect(guarded.inspect().counts.hedgeWins).toBe(0);
  });

  test('a failure brings the hedge forward; one failure of two does not fail the call', async () => {
    const { guarded, ctx, clock } = world(HEDGED);
    const { begun, work } = manual();
    const done = guarded.attempt(ctx, work, IDEMPOTENT);
    begun[0]!.reject(unavailable());
    await clock.advance(0);
    expect(begun).toHaveLength(2);
    begun[1]!.resolve('second');
    expect(await done).toMatchObject({ kind: 'ok', value: 'second' });
  });

  test('when all fail, the last failure is the call’s', async () => {
    const { guarded, ctx, clock } = world(HEDGED);
    const { begun, work } = manual();
    const done = guarded.attempt(ctx, work, IDEMPOTENT);
    await clock.advance(100);
    begun[0]!.reject(unavailable());
    await clock.advance(1);
    const last = unavailable();
    begun[1]!.reject(last);
    expect(await done).toMatchObject({ kind: 'failed', error: last, attempts: 2 });
    expect(clock.pending).toBe(0);
  });

  test('a hedge that still waits for a slot when the first answers leaves the queue at once', async () => {
    const { guarded, ctx, clock } = world({ ...HEDGED, concurrency: { limit: 1, queue: 5, wait: '10s' } });
    const { begun, work } = manual();
    const done = guarded.attempt(ctx, work, IDEMPOTENT);
    await clock.advance(50);
    const next = guarded.attempt(ctx, work);
    await clock.advance(50);
    expect(guarded.inspect().concurrency?.waiting).toBe(2);
    begun[0]!.resolve('first');
    expect(await done).toMatchObject({ value: 'first', attempts: 1 });
    expect(guarded.inspect().concurrency).toMatchObject({ waiting: 0, inUse: 1 });
    await clock.advance(0);
    begun[1]!.resolve('next');
    expect(await next).toMatchObject({ value: 'next' });
    expect(clock.pending).toBe(0);
  });

  test('what is done at once plans no hedge', async () => {
    const { guarded, ctx, clock } = world(HEDGED);
    expect(await guarded.run(ctx, () => 1, IDEMPOTENT)).toBe(1);
    expect(clock.pending).toBe(0);
  });

  test('only what may be repeated is hedged', async () => {
    const { guarded, ctx, clock } = world(HEDGED);
    const { begun, work } = manual();
    void guarded.attempt(ctx, work);
    await clock.advance(1_000);
    expect(begun).toHaveLength(1);
  });
});

describe('slots', () => {
  test('a slot is free when the work has settled, not when it timed out', async () => {
    const { guarded, ctx, clock } = world({ timeout: { attempt: '1s' }, concurrency: { limit: 1, queue: 0 } });
    const { begun, work } = manual();
    const first = guarded.attempt(ctx, work);
    await clock.advance(1_000);
    expect((await first).kind).toBe('failed');
    expect(await guarded.attempt(ctx, work)).toMatchObject({
      kind: 'rejected',
      rejection: { cause: 'full', rule: 'concurrency' },
    });
    begun[0]!.resolve('at last');
    await clock.advance(0);
    const second = guarded.attempt(ctx, work);
    begun[1]!.resolve('b');
    expect(await second).toMatchObject({ kind: 'ok', value: 'b' });
  });

  test('work that has not settled long after its end is stuck: counted, and shown until it settles', async () => {
    const { guarded, ctx, clock } = world({ timeout: { attempt: '1s' }, concurrency: { limit: 2 } });
    const { begun, work } = manual();
    const first = guarded.attempt(ctx, work);
    await clock.advance(1_000);
    await first;
    await clock.advance(9_999);
    expect(guarded.inspect().late).toEqual({ unsettled: 1, stuck: 0, stuckTotal: 0, oldestMs: 9_999 });
    await clock.advance(1);
    expect(guarded.inspect().late).toEqual({ unsettled: 1, stuck: 1, stuckTotal: 1, oldestMs: 10_000 });
    begun[0]!.reject(new Error('at last'));
    await clock.advance(0);
    expect(guarded.inspect().late).toEqual({ unsettled: 0, stuck: 0, stuckTotal: 1, oldestMs: 0 });
  });

  test('who waits is let in in order, and who gives up leaves at once', async () => {
    const { guarded, ctx, clock } = world({ concurrency: { limit: 1, queue: 5, wait: '1s' } });
    const { begun, work } = manual();
    const first = guarded.attempt(ctx, work);
    const leaving = ctx.withCancel();
    const second = guarded.attempt(leaving, work);
    const third = guarded.attempt(ctx, work);
    leaving.cancel();
    expect(await second).toMatchObject({ kind: 'rejected', rejection: { cause: 'cancelled' } });
    begun[0]!.resolve('a');
    await first;
    await clock.advance(0);
    begun[1]!.resolve('c');
    expect(await third).toMatchObject({ kind: 'ok', value: 'c' });
    expect(clock.pending).toBe(0);
  });

  test('a pause between attempts holds no slot', async () => {
    const { guarded, ctx, clock } = world({ retry: NO_JITTER, concurrency: { limit: 1, queue: 0 } });
    const { begun, work } = manual();
    void guarded.attempt(ctx, work, IDEMPOTENT);
    begun[0]!.reject(unavailable());
    await clock.advance(10);
    const other = guarded.attempt(ctx, work);
    begun[1]!.resolve('other');
    expect(await other).toMatchObject({ kind: 'ok' });
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
