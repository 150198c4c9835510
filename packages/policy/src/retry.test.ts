import { createContext, FairleadError, seededRandom, virtualClock, type Context } from '@fairlead/core';
import { describe, expect, onTestFinished, test } from 'vitest';
import { retryBudget } from './create-budget.ts';
import { policy, type Policy } from './policy.ts';
import type { PolicyCode, PolicySpec } from './spec.ts';

const away = (): FairleadError => new FairleadError('unavailable', 'UNAVAILABLE', 'away');
const again = { idempotent: true } as const;

/** A policy on a clock of its own. A timer that is left behind fails the test. */
function setup(spec: PolicySpec = {}, code?: PolicyCode) {
  const clock = virtualClock();
  const random = seededRandom('retry');
  const ports = { clock, random };
  const under = policy('orders', { retry: { backoff: { jitter: 'none' } }, ...spec }, ports, code);
  const context = (timeoutMs = Infinity, signal?: AbortSignal): Context =>
    createContext({ clock, random, timeoutMs, ...(signal === undefined ? {} : { signal }) });
  onTestFinished(async () => {
    await clock.advance(0);
    expect(clock.pending).toBe(0);
  });
  return { clock, random, ports, policy: under, context };
}

/** Work that fails with each of these, one after the other, and then gives `value`; it notes when it was begun. */
function failing(clock: { monotonic(): number }, failures: readonly Error[], value = 'done') {
  const begunAtMs: number[] = [];
  const work = async (): Promise<string> => {
    begunAtMs.push(clock.monotonic());
    const failure = failures[begunAtMs.length - 1];
    if (failure !== undefined) throw failure;
    return value;
  };
  return { begunAtMs, work };
}

describe('attempts and pauses', () => {
  test('a call that fails twice succeeds at the third attempt, after 50 and 100 ms', async () => {
    const { clock, policy: orders, context } = setup();
    const { begunAtMs, work } = failing(clock, [away(), away()]);
    const done = orders.attempt(context(), work, again);
    await clock.runAll();
    expect(await done).toMatchObject({ kind: 'ok', value: 'done', attempts: 3 });
    expect(begunAtMs).toEqual([0, 50, 150]);
  });

  test('after the last attempt the last error comes out, the very object', async () => {
    const { clock, policy: orders, context } = setup();
    const errors = [away(), away(), away(), away()];
    const { begunAtMs, work } = failing(clock, errors);
    const done = orders.run(context(), work, again).catch((error: unknown) => error);
    await clock.runAll();
    expect(await done).toBe(errors[2]);
    expect(begunAtMs).toHaveLength(3);
  });

  test('work is told which attempt it is, and gets a signal of its own each time', async () => {
    const { clock, policy: orders, context } = setup();
    const seen: { attempt: number; signal: AbortSignal }[] = [];
    const done = orders.attempt(
      context(),
      async (ctx, attempt) => {
        seen.push({ attempt, signal: ctx.signal });
        if (attempt < 3) throw away();
      },
      again,
    );
    await clock.runAll();
    await done;
    expect(seen.map(({ attempt }) => attempt)).toEqual([1, 2, 3]);
    expect(new Set(seen.map(({ signal }) => signal)).size).toBe(3);
  });

  test('work that throws at once is retried like any other', async () => {
    const { clock, policy: orders, context } = setup();
    let begun = 0;
    const done = orders.attempt(
      context(),
      () => {
        begun++;
        throw away();
      },
      again,
    );
    await clock.runAll();
    expect(await done).toMatchObject({ kind: 'failed', attempts: 3 });
    expect(begun).toBe(3);
  });

  test('Retry-After is waited for, and the usual pause comes on top, so that nobody comes back together', async () => {
    const { clock, policy: orders, context } = setup();
    const later = new FairleadError('exhausted', 'QUOTA', '', { retryAfterMs: 700 });
    const { begunAtMs, work } = failing(clock, [later]);
    const done = orders.attempt(context(), work, again);
    await clock.runAll();
    expect(await done).toMatchObject({ kind: 'ok' });
    expect(begunAtMs).toEqual([0, 750]);
  });

  test('pushback is obeyed to the millisecond, and the backoff begins anew after it (gRPC A6)', async () => {
    const { clock, policy: orders, context } = setup({ retry: { attempts: 5, backoff: { jitter: 'none' } } });
    const pushed = new FairleadError('unavailable', 'UNAVAILABLE', '', { details: { pushbackMs: 30 } });
    const { begunAtMs, work } = failing(clock, [away(), away(), pushed, away()]);
    const done = orders.attempt(context(), work, again);
    await clock.runAll();
    expect(await done).toMatchObject({ kind: 'ok', attempts: 5 });
    expect(begunAtMs).toEqual([0, 50, 150, 180, 230]);
  });

  test('decorrelated pauses grow from the pause before, not from what Retry-After asked for', async () => {
    const { clock, context } = setup();
    const random = { next: () => 1 - 2 ** -53, bytes: (length: number) => new Uint8Array(length) };
    const backoff = { base: '10ms', cap: '1h', jitter: 'decorrelated' } as const;
    const orders = policy('orders', { retry: { attempts: 4, backoff } }, { clock, random });
    const later = new FairleadError('exhausted', 'QUOTA', '', { retryAfterMs: 1_000 });
    const { begunAtMs, work } = failing(clock, [away(), later, away()]);
    const done = orders.attempt(context(), work, again);
    await clock.runAll();
    await done;
    expect(begunAtMs.map(Math.round)).toEqual([0, 30, 1_120, 1_390]);
  });

  test('no pause holds a slot', async () => {
    const { clock, policy: orders, context } = setup({ concurrency: { limit: 1, queue: 0 } });
    const { work } = failing(clock, [away()]);
    const first = orders.attempt(context(), work, again);
    await clock.advance(10);
    expect(orders.inspect().concurrency?.inUse).toBe(0);
    expect(await orders.attempt(context(), () => 'neighbour')).toMatchObject({ kind: 'ok' });
    await clock.runAll();
    expect(await first).toMatchObject({ kind: 'ok', attempts: 2 });
  });
});

describe('the end of the caller', () => {
  test('an abort ends the pause at once, begins nothing more and leaves no timer', async () => {
    const { clock, policy: orders, context } = setup();
    const stop = new AbortController();
    const { begunAtMs, work } = failing(clock, [away(), away()]);
    const done = orders.attempt(context(Infinity, stop.signal), work, again);
    await clock.advance(20);
    expect(clock.pending).toBeGreaterThan(0);
    stop.abort();
    expect(await done).toMatchObject({ kind: 'failed', error: { code: 'CANCELLED' }, attempts: 1 });
    await clock.advance(0);
    expect(clock.pending).toBe(0);
    await clock.advance(1_000);
    expect(begunAtMs).toEqual([0]);
  });

  test('a pause beyond the deadline is not begun: the call fails at once with what happened', async () => {
    const { clock, policy: orders, context } = setup();
    const error = away();
    const { begunAtMs, work } = failing(clock, [error]);
    const decision = await orders.attempt(context(50), work, again);
    expect(decision).toMatchObject({ kind: 'failed', attempts: 1 });
    expect(decision.kind === 'failed' && decision.error).toBe(error);
    expect(begunAtMs).toEqual([0]);
    expect(orders.inspect().counts.stopped.deadline).toBe(1);
    expect(clock.monotonic()).toBe(0);
  });

  test('Retry-After beyond the deadline fails at once', async () => {
    const { policy: orders, context } = setup({ timeout: { total: '1s' } });
    const later = new FairleadError('exhausted', 'QUOTA', '', { retryAfterMs: 1_000 });
    const { clock } = setup();
    const { begunAtMs, work } = failing(clock, [later]);
    expect(await orders.attempt(context(), work, again)).toMatchObject({ kind: 'failed', error: { code: 'QUOTA' } });
    expect(begunAtMs).toEqual([0]);
  });

  test('the deadline that comes during an attempt is the last: nothing is begun after it', async () => {
    const { clock, policy: orders, context } = setup({ timeout: { total: '300ms', attempt: '200ms' } });
    let begun = 0;
    const done = orders.attempt(
      context(),
      (ctx) => {
        begun++;
        return clock.sleep(10_000, ctx.signal);
      },
      again,
    );
    await clock.runAll();
    expect(await done).toMatchObject({ kind: 'failed', error: { code: 'DEADLINE_EXCEEDED' }, attempts: 2 });
    expect(begun).toBe(2);
    expect(clock.monotonic()).toBe(300);
  });
});

describe('which calls', () => {
  test('a call that is not repeatable is begun once', async () => {
    const { clock, policy: orders, context } = setup();
    const { begunAtMs, work } = failing(clock, [away()]);
    expect(await orders.attempt(context(), work)).toMatchObject({ kind: 'failed', attempts: 1 });
    expect(begunAtMs).toHaveLength(1);
  });

  test('a call with a key is repeatable', async () => {
    const { clock, policy: orders, context } = setup();
    const { work } = failing(clock, [away()]);
    const done = orders.attempt(context(), work, { key: 'order-1' });
    await clock.runAll();
    expect(await done).toMatchObject({ kind: 'ok', attempts: 2 });
  });

  test('what provably was not begun is repeated whatever it is', async () => {
    const { clock, policy: orders, context } = setup();
    const { work } = failing(clock, [Object.assign(new Error('refused'), { code: 'ECONNREFUSED' })]);
    const done = orders.attempt(context(), work);
    await clock.runAll();
    expect(await done).toMatchObject({ kind: 'ok', attempts: 2 });
  });

  test('a value that counts as a failure is asked for again, and given when attempts run out', async () => {
    const values = ['pending', 'pending', 'pending', 'pending', 'ready'];
    const code = { isFailure: (value: unknown) => value === 'pending' };
    const spec = { retry: { attempts: 5, backoff: { jitter: 'none' } } } as const;
    for (const [attempts, value] of [
      [5, 'ready'],
      [3, 'pending'],
    ] as const) {
      const { clock, policy: orders, context } = setup({ retry: { ...spec.retry, attempts } }, code);
      const done = orders.attempt(context(), (_, attempt) => values[attempt - 1], again);
      await clock.runAll();
      expect(await done).toMatchObject({ kind: 'ok', value, attempts });
    }
  });

  test('a predicate that throws ends the call with its own error', async () => {
    const code = {
      repeat: {
        shouldRepeat: () => {
          throw new RangeError('mine');
        },
      },
    };
    const { clock, policy: orders, context } = setup({}, code);
    const { begunAtMs, work } = failing(clock, [away()]);
    expect(await orders.attempt(context(), work, again)).toMatchObject({ kind: 'failed', error: { message: 'mine' } });
    expect(begunAtMs).toHaveLength(1);
  });
});

describe('the budget', () => {
  const fail = async (): Promise<never> => {
    throw away();
  };

  /** So many calls at once, all of which fail. */
  async function storm(orders: Policy, calls: number, context: () => Context, run: () => Promise<void>) {
    const all = Promise.all(Array.from({ length: calls }, () => orders.attempt(context(), fail, again)));
    await run();
    return all;
  }

  test('1 000 calls that all fail cost 110 further attempts, not 2 000', async () => {
    const { clock, policy: orders, context } = setup();
    const decisions = await storm(orders, 1_000, context, () => clock.runAll());
    expect(orders.inspect().counts).toMatchObject({ attempts: 1_110, retries: 110, failed: 1_000 });
    expect(orders.inspect().counts.stopped.budget).toBeGreaterThan(800);
    // What came out is what happened to the call, not the budget.
    for (const each of decisions) expect(each).toMatchObject({ kind: 'failed', error: { code: 'UNAVAILABLE' } });
  });

  test('called off, they cost 2 000', async () => {
    const { clock, policy: orders, context } = setup({ budget: 'off' });
    await storm(orders, 1_000, context, () => clock.runAll());
    expect(orders.inspect().counts.retries).toBe(2_000);
    expect(orders.inspect().budget).toBeUndefined();
  });

  test('policies of one destination share one', async () => {
    const { clock, ports, context } = setup();
    const budget = retryBudget('orders', { ratio: '0%', floorPerSecond: 0.5 });
    const both = ['read', 'write'].map((name) => policy(name, { retry: {} }, { ...ports, budget }));
    const calls = both.flatMap((it) => Array.from({ length: 10 }, () => it.attempt(context(), fail, again)));
    await clock.runAll();
    await Promise.all(calls);
    const retries = both.map((it) => it.inspect().counts.retries);
    expect(retries.reduce((sum, each) => sum + each)).toBe(5);
    expect(budget.inspect(clock.monotonic()).withdrawals).toBe(5);
  });

  test('a call that was never begun pays nothing in', async () => {
    const { clock, policy: orders, context } = setup({ concurrency: { limit: 1, queue: 0 } });
    const first = orders.attempt(context(), () => clock.sleep(100));
    for (let call = 0; call < 50; call++) await orders.attempt(context(), fail, again);
    expect(orders.inspect().counts.rejected.full).toBe(50);
    expect(orders.inspect().budget?.deposits).toBe(1);
    await clock.runAll();
    await first;
  });

  test('a pause that would be too long costs nothing', async () => {
    const { policy: orders, context } = setup();
    for (let call = 0; call < 20; call++) await orders.attempt(context(20), fail, again);
    expect(orders.inspect().budget).toMatchObject({ withdrawals: 0, refused: 0 });
  });
});

describe('only one layer retries', () => {
  test('of two policies around each other only the inner one does: 3 attempts, not 9', async () => {
    const { clock, ports, policy: outer, context } = setup();
    const inner = policy('inner', { retry: {} }, ports);
    let begun = 0;
    const done = outer.attempt(
      context(),
      (ctx) =>
        inner.run(
          ctx,
          async () => {
            begun++;
            throw away();
          },
          again,
        ),
      again,
    );
    await clock.runAll();
    expect(await done).toMatchObject({ kind: 'failed', attempts: 1 });
    expect(begun).toBe(3);
  });

  test('an inner one without budget is not made up for by the outer one', async () => {
    const { ports, policy: outer, context } = setup();
    const inner = policy('inner', { retry: {}, budget: { floorPerSecond: 0 } }, ports);
    const fails = async (): Promise<never> => {
      throw away();
    };
    const done = outer.attempt(context(), (ctx) => inner.run(ctx, fails, again), again);
    expect(await done).toMatchObject({ kind: 'failed', attempts: 1 });
    expect(inner.inspect().counts).toMatchObject({ attempts: 1, stopped: { budget: 1 } });
  });

  test('what the inner one may not repeat the outer one may', async () => {
    const { clock, ports, policy: outer, context } = setup();
    const inner = policy('inner', { timeout: { total: '1s' } }, ports);
    const { begunAtMs, work } = failing(clock, [away()]);
    const done = outer.attempt(context(), (ctx) => inner.run(ctx, work), again);
    await clock.runAll();
    expect(await done).toMatchObject({ kind: 'ok', attempts: 2 });
    expect(begunAtMs).toHaveLength(2);
  });

  test('that the inner one let nothing through does not prove that nothing was done before', async () => {
    const { clock, ports, policy: outer, context } = setup();
    const inner = policy('inner', { concurrency: { limit: 1, queue: 0 } }, ports);
    const busy = inner.run(context(), () => clock.sleep(10_000));
    let steps = 0;
    const done = outer.attempt(context(), async (ctx) => {
      steps++;
      await inner.run(ctx, () => 'second step');
    });
    await clock.runAll();
    await busy;
    expect(await done).toMatchObject({ kind: 'failed', error: { code: 'REJECTED' }, attempts: 1 });
    expect(steps).toBe(1);
  });

  test('one error object thrown by everybody is retried by every call', async () => {
    const { clock, policy: orders, context } = setup({ budget: 'off' });
    const same = away();
    for (let call = 0; call < 3; call++) {
      const { begunAtMs, work } = failing(clock, [same, same, same]);
      const done = orders.attempt(context(), work, again);
      await clock.runAll();
      await done;
      expect(begunAtMs).toHaveLength(3);
    }
  });
});

test('a shared budget that makes no sense is refused by name', () => {
  expect(() => retryBudget('orders', JSON.parse('{ "ratio": 10 }'))).toThrow(
    expect.objectContaining({
      code: 'POLICY_INVALID',
      message: `The retry budget of "orders" can't be used:\nbudget.ratio: 10 is no ratio; write a text with %, such as '10%'`,
    }),
  );
  expect(() => retryBudget('orders', JSON.parse('"off"'))).toThrow('give policies of their own');
});
