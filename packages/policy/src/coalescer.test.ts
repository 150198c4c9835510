import { createContext, FairleadError, seededRandom, virtualClock, type Context } from '@fairlead/core';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Decision } from './decision.ts';
import { policy } from './policy.ts';
import type { PolicyCode, PolicySpec } from './spec.ts';

const random = seededRandom('coalesce');
const KEY = { key: 'sku-1' };

function world(spec: PolicySpec = {}, code: PolicyCode = {}) {
  const clock = virtualClock();
  const guarded = policy('stock', { coalesce: {}, ...spec }, { clock, random }, code);
  const ctx = (changes: Partial<Parameters<typeof createContext>[0]> = {}) =>
    createContext({ clock, random, tenant: 'acme', ...changes });
  const begun: { ctx: Context; resolve: (value: string) => void; reject: (error: unknown) => void }[] = [];
  const work = (of: Context) => new Promise<string>((resolve, reject) => begun.push({ ctx: of, resolve, reject }));
  /** Calls, and keeps the decision. */
  const call = (of: Context, facts: { key?: string } = KEY) => {
    const held: { decision: Decision<string> | undefined } = { decision: undefined };
    void guarded.attempt(of, work, facts).then((decision) => (held.decision = decision));
    return held;
  };
  return { clock, guarded, ctx, begun, work, call };
}

describe('calls with one key', () => {
  test('share one call, and each is told whose it was', async () => {
    const { clock, guarded, ctx, begun, call } = world();
    const held = [call(ctx()), call(ctx()), call(ctx())];
    expect(begun).toHaveLength(1);
    expect(guarded.inspect().coalesce).toEqual({ running: 1, waiting: 3, joined: 2, abandoned: 0 });
    begun[0]!.resolve('7');
    await clock.advance(0);
    expect(held.map(({ decision }) => decision)).toEqual([
      { kind: 'ok', value: '7', attempts: 1, from: 'call' },
      { kind: 'ok', value: '7', attempts: 1, from: 'shared' },
      { kind: 'ok', value: '7', attempts: 1, from: 'shared' },
    ]);
    expect(guarded.inspect().coalesce).toEqual({ running: 0, waiting: 0, joined: 2, abandoned: 0 });
  });

  test('share its failure too, as the same error, and none of it is unhandled', async () => {
    const { clock, ctx, begun, guarded, work } = world();
    const done = [guarded.run(ctx(), work, KEY), guarded.run(ctx(), work, KEY)];
    const error = new FairleadError('unavailable', 'UNAVAILABLE', 'away');
    begun[0]!.reject(error);
    expect((await Promise.allSettled(done)).map((each) => each.status === 'rejected' && each.reason === error)).toEqual(
      [true, true],
    );
    expect(clock.pending).toBe(0);
  });

  test('leave the Context of the work alone when it has succeeded: the answer may still have to be read', async () => {
    const { clock, ctx, begun, call } = world();
    call(ctx());
    begun[0]!.resolve('7');
    await clock.advance(0);
    expect(() => begun[0]!.ctx.throwIfAborted()).not.toThrow();
    expect(begun[0]!.ctx.signal.aborted).toBe(false);
  });

  test('begin anew once it has settled, also when it settles at once', async () => {
    const { guarded, ctx } = world();
    let count = 0;
    expect(await guarded.run(ctx(), () => ++count, KEY)).toBe(1);
    expect(await guarded.run(ctx(), () => ++count, KEY)).toBe(2);
    expect(guarded.inspect().coalesce).toMatchObject({ running: 0, waiting: 0 });
  });

  test.each([
    ['another tenant', { tenant: 'other' }],
    ['no tenant', { tenant: undefined }],
    ['another criticality', { criticality: 'critical' }],
  ] as const)('share nothing with those of %s', (_, changes) => {
    const { ctx, begun, call } = world();
    call(ctx());
    call(ctx(changes));
    expect(begun).toHaveLength(2);
    expect(begun[1]!.ctx.tenant).toBe('tenant' in changes ? changes.tenant : 'acme');
  });

  test('share nothing with those of another subject, when it is per subject', () => {
    const { ctx, begun, call } = world({ coalesce: { per: 'subject' } });
    const caller = (subject: string) => ({ service: undefined, subject, roles: [] });
    for (const subject of ['ann', 'bob', 'ann']) call(ctx({ caller: caller(subject) }));
    expect(begun).toHaveLength(2);
  });

  test('and those without a key share nothing', () => {
    const { ctx, begun, call } = world();
    call(ctx(), {});
    call(ctx(), {});
    expect(begun).toHaveLength(2);
  });
});

describe('who leaves', () => {
  test('leaves at once, and the others go on', async () => {
    const { clock, ctx, begun, call } = world();
    const [first, second] = [ctx(), ctx()];
    const [one, two] = [call(first), call(second)];
    first.cancel();
    await clock.advance(0);
    expect(one.decision).toMatchObject({ kind: 'failed', error: { code: 'CANCELLED' } });
    expect(begun[0]!.ctx.signal.aborted).toBe(false);
    begun[0]!.resolve('7');
    await clock.advance(0);
    expect(two.decision).toMatchObject({ kind: 'ok', value: '7' });
    expect(clock.pending).toBe(0);
  });

  test('last takes the shared call along, and who comes then begins anew', async () => {
    const { clock, guarded, ctx, begun, call } = world();
    const callers = [ctx(), ctx()];
    const held = callers.map((each) => call(each));
    await clock.advance(1);
    callers[1]!.cancel();
    callers[0]!.cancel();
    expect(begun[0]!.ctx.signal.aborted).toBe(true);
    const late = call(ctx());
    expect(begun).toHaveLength(2);
    await clock.advance(0);
    for (const { decision } of held) expect(decision).toMatchObject({ kind: 'failed', error: { code: 'CANCELLED' } });
    begun[0]!.resolve('too late');
    begun[1]!.resolve('7');
    await clock.advance(0);
    expect(late.decision).toMatchObject({ kind: 'ok', value: '7', from: 'call' });
    expect(guarded.inspect()).toMatchObject({ coalesce: { running: 0, abandoned: 1 }, counts: { cancelled: 2 } });
    expect(clock.pending).toBe(0);
  });

  test('at once is not joined any more, though its work has not been told yet', async () => {
    const { clock, ctx, begun, call } = world();
    const caller = ctx();
    call(caller);
    caller.cancel();
    const next = call(ctx());
    expect(begun).toHaveLength(2);
    begun[1]!.resolve('7');
    await clock.advance(0);
    expect(next.decision).toMatchObject({ kind: 'ok', value: '7', from: 'call' });
    expect(begun[0]!.ctx.signal.aborted).toBe(true);
  });

  test('or is answered is no longer listened to', async () => {
    const { clock, ctx, begun, call } = world();
    let listeners = 0;
    const counted = () => {
      const of = ctx();
      const onEnd = of.onEnd.bind(of);
      of.onEnd = (listener) => {
        listeners++;
        const leave = onEnd(listener);
        return () => {
          listeners--;
          leave();
        };
      };
      return of;
    };
    const leaving = counted();
    call(leaving);
    call(counted());
    expect(listeners).toBe(2);
    leaving.cancel();
    begun[0]!.resolve('7');
    await clock.advance(0);
    expect(listeners).toBe(0);
  });

  test('while it waits for a slot was never begun, and holds no place in the queue', async () => {
    const { clock, guarded, ctx, begun, call } = world({ concurrency: { limit: 1, queue: 1, wait: '10s' } });
    call(ctx(), { key: 'other' });
    const caller = ctx();
    const held = call(caller);
    await clock.advance(1);
    caller.cancel();
    await clock.advance(0);
    expect(held.decision).toMatchObject({ kind: 'rejected', rejection: { cause: 'cancelled' } });
    expect(begun).toHaveLength(1);
    expect(guarded.inspect().concurrency).toMatchObject({ waiting: 0, inUse: 1 });
  });
});

describe('deadlines of shared calls', () => {
  test('each caller keeps its own, and ends nobody else’s', async () => {
    const { clock, ctx, begun, call } = world({ timeout: { total: '5s' } });
    const hurried = call(ctx({ timeoutMs: 100 }));
    const patient = call(ctx());
    await clock.advance(100);
    expect(hurried.decision).toMatchObject({ kind: 'failed', error: { code: 'DEADLINE_EXCEEDED' } });
    expect(patient.decision).toBeUndefined();
    begun[0]!.resolve('7');
    await clock.advance(0);
    expect(patient.decision).toMatchObject({ kind: 'ok', from: 'shared' });
  });

  test('who came later and has time left begins anew when the shared call’s time is up', async () => {
    const { clock, guarded, ctx, begun, call } = world({ timeout: { total: '1s' } });
    const first = call(ctx());
    await clock.advance(900);
    const [second, third] = [call(ctx()), call(ctx())];
    await clock.advance(100);
    expect(first.decision).toMatchObject({ kind: 'failed', error: { code: 'DEADLINE_EXCEEDED' } });
    expect([second.decision, third.decision]).toEqual([undefined, undefined]);
    expect(begun).toHaveLength(2);
    // Their own second began when they came.
    await clock.advance(899);
    expect(second.decision).toBeUndefined();
    await clock.advance(1);
    for (const { decision } of [second, third]) {
      expect(decision).toMatchObject({
        kind: 'failed',
        error: { code: 'DEADLINE_EXCEEDED', details: { limit: 'total' } },
      });
    }
    expect(begun[1]!.ctx.signal.aborted).toBe(true);
    expect(guarded.inspect().coalesce).toMatchObject({ running: 0, waiting: 0 });
    expect(clock.pending).toBe(0);
  });

  test('who began anew and is answered in time leaves no timer behind', async () => {
    const { clock, ctx, begun, call } = world({ timeout: { total: '1s' } });
    call(ctx());
    await clock.advance(900);
    const later = call(ctx());
    await clock.advance(100);
    begun[1]!.resolve('7');
    await clock.advance(0);
    expect(later.decision).toMatchObject({ kind: 'ok', value: '7' });
    expect(clock.pending).toBe(0);
  });

  test('a thousand who leave one after the other leave nothing behind', async () => {
    const { clock, guarded, ctx, begun, call } = world({ timeout: { total: '5s' } });
    const callers = Array.from({ length: 1_000 }, () => ctx({ timeoutMs: 10_000 }));
    for (const each of callers) call(each);
    for (const each of callers) each.cancel();
    for (const each of callers) each[Symbol.dispose]();
    await clock.advance(0);
    expect(begun).toHaveLength(1);
    expect(guarded.inspect().coalesce).toEqual({ running: 0, waiting: 0, joined: 999, abandoned: 1 });
    begun[0]!.reject(new Error('told to stop'));
    await clock.advance(0);
    expect(clock.pending).toBe(0);
  });
});

test('whoever comes, leaves and is answered when: everybody is told once and in time, and nothing stays behind', async () => {
  const step = fc.record({
    kind: fc.constantFrom('call', 'call', 'leave', 'answer', 'fail', 'wait'),
    of: fc.nat(7),
    ms: fc.integer({ min: 1, max: 700 }),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      const { clock, guarded, ctx, begun, work } = world({ timeout: { total: '1s' } });
      const callers: { of: ReturnType<typeof ctx>; told: number; inTime: boolean }[] = [];
      for (const { kind, of, ms } of steps) {
        if (kind === 'call') {
          const timeoutMs = ms < 350 ? ms : undefined;
          const caller = { of: ctx({ timeoutMs }), told: 0, inTime: true };
          const untilMs = clock.monotonic() + (timeoutMs ?? 1_000);
          callers.push(caller);
          void guarded.attempt(caller.of, work, { key: `k${of % 2}` }).then(() => {
            caller.told++;
            caller.inTime = clock.monotonic() <= untilMs;
          });
        } else if (kind === 'leave') callers[of]?.of.cancel();
        else if (kind === 'answer') begun[of]?.resolve('7');
        else if (kind === 'fail') begun[of]?.reject(new Error('no'));
        else await clock.advance(ms);
        expect(guarded.inspect().coalesce?.running).toBeLessThanOrEqual(2);
      }
      await clock.advance(1_000);
      expect(callers.every(({ told, inTime }) => told === 1 && inTime)).toBe(true);
      expect(guarded.inspect().coalesce).toMatchObject({ running: 0, waiting: 0 });
      for (const { of } of callers) of[Symbol.dispose]();
      expect(clock.pending).toBe(0);
    }),
    { numRuns: 100 },
  );
});
