import { createContext, FairleadError, seededRandom, virtualClock, type Context } from '@fairlead/core';
import { describe, expect, test } from 'vitest';
import type { DeferPort } from './defer-port.ts';
import { policy } from './policy.ts';
import type { PolicyCode, PolicySpec } from './spec.ts';

const random = seededRandom('fallback');
const away = () => Promise.reject(new FairleadError('unavailable', 'UNAVAILABLE', 'away'));
const missing = () => Promise.reject(new FairleadError('not-found', 'NO_SUCH_SKU', 'there is none'));

function world(spec: PolicySpec, code: PolicyCode = {}, defer?: DeferPort) {
  const clock = virtualClock();
  const guarded = policy('stock', spec, { clock, random, defer }, code);
  const ctx = (timeoutMs?: number) => createContext({ clock, random, tenant: 'acme', timeoutMs });
  return { clock, guarded, ctx };
}

describe('what stands in', () => {
  test('is a value, each time a copy, and the decision tells it from a real one', async () => {
    const value = { items: [] as string[] };
    const { guarded, ctx } = world({ fallback: { value } });
    value.items.push('changed later');
    const decision = await guarded.attempt<unknown>(ctx(), away);
    expect(decision).toEqual({ kind: 'ok', value: { items: [] }, attempts: 1, from: 'fallback' });
    const again = (await guarded.run<unknown>(ctx(), away)) as typeof value;
    again.items.push('by a caller');
    expect(await guarded.run<unknown>(ctx(), away)).toEqual({ items: [] });
    expect(guarded.inspect().fallback).toEqual({ answered: 3, deferred: 0, failed: 0 });
  });

  test('is not asked while the work succeeds', async () => {
    const { guarded, ctx } = world({ fallback: { value: null } });
    expect(await guarded.attempt<unknown>(ctx(), () => 7)).toEqual({ kind: 'ok', value: 7, attempts: 1, from: 'call' });
  });

  test('can be null', async () => {
    const { guarded, ctx } = world({ fallback: { value: null } });
    expect(await guarded.run<unknown>(ctx(), away)).toBeNull();
  });

  test('is a function of the policy, which is told why', async () => {
    const told: unknown[] = [];
    const answer = async (_ctx: Context, why: unknown) => (told.push(why), 'from code');
    const { guarded, ctx } = world({ fallback: {}, rateLimit: { rate: '1/m' } }, { fallback: { answer } });
    expect(await guarded.run<unknown>(ctx(), away)).toBe('from code');
    expect(await guarded.run<unknown>(ctx(), away)).toBe('from code');
    expect(told).toMatchObject([
      { kind: 'failed', error: { code: 'UNAVAILABLE' } },
      { kind: 'rejected', rejection: { cause: 'rate-limited' } },
    ]);
  });

  test('is another call, then what the policy has; the first that doesn’t fail', async () => {
    const order: string[] = [];
    const { guarded, ctx } = world(
      { fallback: { value: 'value' } },
      { fallback: { answer: () => (order.push('answer'), away()) } },
    );
    const alternative = () => (order.push('alternative'), away());
    expect(await guarded.run<unknown>(ctx(), away, { alternative })).toBe('value');
    expect(order).toEqual(['alternative', 'answer']);
    expect(await guarded.run<unknown>(ctx(), away, { alternative: () => 'replica' })).toBe('replica');
    expect(guarded.inspect().fallback).toEqual({ answered: 2, deferred: 0, failed: 2 });
  });

  test('failing too leaves the failure what it was', async () => {
    const { guarded, ctx } = world({ fallback: {} });
    const thrower = () => {
      throw new Error('bug in the alternative');
    };
    expect(await guarded.attempt<unknown>(ctx(), away, { alternative: thrower })).toMatchObject({
      kind: 'failed',
      error: { code: 'UNAVAILABLE' },
    });
    await expect(guarded.run<unknown>(ctx(), away)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  });

  test('stands in for a value that is a failure, and else the value comes through', async () => {
    const { guarded, ctx } = world({ fallback: {} }, { isFailure: (value) => value === 503 });
    expect(await guarded.run(ctx(), () => 503, { alternative: () => 200 })).toBe(200);
    expect(await guarded.run(ctx(), () => 503, { alternative: away })).toBe(503);
  });
});

describe('when something stands in', () => {
  test('what the caller did wrong is told to the caller, unless it was said otherwise', async () => {
    const usual = world({ fallback: { value: 'x' }, breaker: {} });
    await expect(usual.guarded.run<unknown>(usual.ctx(), missing)).rejects.toMatchObject({ code: 'NO_SUCH_SKU' });
    const any = world({ fallback: { value: 'x', on: ['error'] }, breaker: {} });
    expect(await any.guarded.run<unknown>(any.ctx(), missing)).toBe('x');
  });

  test('only for the rejections that were named', async () => {
    const { guarded, ctx } = world({ fallback: { value: 'x', on: ['open'] }, rateLimit: { rate: '1/m' } });
    await expect(guarded.run<unknown>(ctx(), away)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await expect(guarded.run<unknown>(ctx(), away)).rejects.toMatchObject({ code: 'RATE_LIMITED' });
  });

  test('a rejection further in counts by its cause', async () => {
    const inner = world({ rateLimit: { rate: '1/m' } });
    await inner.guarded.run(inner.ctx(), () => 1);
    const work = () => inner.guarded.run(inner.ctx(), () => 1);
    const outer = world({ fallback: { value: 'x', on: ['rate-limited'] } });
    expect(await outer.guarded.run<unknown>(outer.ctx(), work)).toBe('x');
  });

  test('after the policy’s total, while the caller still has time', async () => {
    const { clock, guarded, ctx } = world({ fallback: { value: 'x' }, timeout: { total: '1s' } });
    const done = guarded.run<unknown>(ctx(), () => new Promise(() => {}));
    await clock.advance(1_000);
    expect(await done).toBe('x');
    expect(clock.pending).toBe(0);
  });

  test('never for a caller who has left, neither before nor while something stands in', async () => {
    const { clock, guarded, ctx } = world({ fallback: { value: 'x' } });
    const gone = ctx();
    gone.cancel();
    expect(await guarded.attempt<unknown>(gone, away)).toMatchObject({ kind: 'rejected' });
    const caller = ctx();
    const slow = guarded.attempt<unknown>(caller, away, { alternative: () => new Promise(() => {}) });
    await clock.advance(1);
    caller.cancel();
    expect(await slow).toMatchObject({ kind: 'failed', error: { code: 'CANCELLED' } });
    const hurried = guarded.attempt<unknown>(ctx(50), away, { alternative: () => new Promise(() => {}) });
    await clock.advance(50);
    expect(await hurried).toMatchObject({ kind: 'failed', error: { code: 'DEADLINE_EXCEEDED' } });
    expect(clock.pending).toBe(0);
  });

  test('and a caller who was answered is no longer listened to', async () => {
    const { guarded, ctx } = world({ fallback: {} });
    const caller = ctx();
    let listeners = 0;
    const onEnd = caller.onEnd.bind(caller);
    caller.onEnd = (listener) => {
      listeners++;
      const leave = onEnd(listener);
      return () => {
        listeners--;
        leave();
      };
    };
    expect(await guarded.run<unknown>(caller, away, { alternative: async () => 'replica' })).toBe('replica');
    expect(listeners).toBe(0);
  });
});

describe('deferring', () => {
  function queue() {
    const jobs: unknown[] = [];
    const port: DeferPort = {
      async defer(_ctx, call) {
        jobs.push(call);
        return { jobId: `job-${jobs.length}` };
      },
    };
    return { jobs, port };
  }
  const defer = { job: { charge: 5 }, answer: ({ jobId }: { jobId: string }) => `accepted as ${jobId}` };

  test('accepts a call now, to be made later, and tells so', async () => {
    const { jobs, port } = queue();
    const { guarded, ctx } = world({ fallback: {} }, {}, port);
    expect(await guarded.attempt(ctx(), away, { key: 'charge-1', defer })).toEqual({
      kind: 'ok',
      value: 'accepted as job-1',
      attempts: 1,
      from: 'deferred',
    });
    expect(jobs).toEqual([{ policy: 'stock', key: 'charge-1', job: { charge: 5 } }]);
    expect(guarded.inspect().fallback).toEqual({ answered: 1, deferred: 1, failed: 0 });
  });

  test('only what was not begun or can be done twice', async () => {
    const { jobs, port } = queue();
    const { guarded, ctx } = world({ fallback: {}, rateLimit: { rate: '1/m' } }, {}, port);
    // It was begun: it may have been done.
    expect(await guarded.attempt(ctx(), away, { defer })).toMatchObject({ kind: 'failed' });
    expect(jobs).toEqual([]);
    expect(await guarded.attempt(ctx(), away, { defer })).toMatchObject({ value: 'accepted as job-1', attempts: 0 });
  });

  test('what can’t be kept fails as it did', async () => {
    const full: DeferPort = { defer: away };
    const { guarded, ctx } = world({ fallback: {} }, {}, full);
    expect(await guarded.attempt(ctx(), away, { idempotent: true, defer })).toMatchObject({ kind: 'failed' });
    const none = world({ fallback: {} });
    expect(await none.guarded.attempt(none.ctx(), away, { idempotent: true, defer })).toMatchObject({ kind: 'failed' });
  });
});

describe('the section fallback', () => {
  test.each([
    [{ fallback: { on: [] } }, {}, 'fallback.on: nothing would ever stand in; leave fallback out, or name a reason'],
    [
      { fallback: { on: ['cancelled'] } },
      {},
      "fallback.on.0: 'cancelled' is no reason; the reasons are failure, error",
    ],
    [{ fallback: { value: () => 1 } }, {}, 'fallback.value: this is no JSON; give functions as answer'],
    [{}, { fallback: { answer: () => 1 } }, 'fallback: there is code for it and the section is off; add fallback: {}'],
  ])('%j with %j is refused with the fix', (spec, code, message) => {
    // Specifications come from JSON files as well.
    expect(() => world(spec as unknown as PolicySpec, code)).toThrow(message);
  });
});
