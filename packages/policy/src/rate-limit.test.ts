import { createContext, seededRandom, virtualClock } from '@fairlead/core';
import { describe, expect, test } from 'vitest';
import { explain } from './explain.ts';
import type { LimitStore, LimitVerdict } from './limit-store.ts';
import type { PolicyEvent } from './observe.ts';
import { policy } from './policy.ts';
import type { PolicySpec } from './spec.ts';

const random = seededRandom('rate');

function world(spec: PolicySpec, limits?: LimitStore) {
  const clock = virtualClock();
  const events: PolicyEvent[] = [];
  const guarded = policy('stock', spec, { clock, random, limits, observe: (event) => events.push(event) });
  const ctx = (tenant?: string, timeoutMs?: number) => createContext({ clock, random, tenant, timeoutMs });
  let begun = 0;
  const work = () => ++begun;
  return { clock, guarded, events, ctx, work, begun: () => begun };
}

describe('a rate limit', () => {
  test('turns calls away before they begin, and says when to come back', async () => {
    const { clock, guarded, ctx, work, begun } = world({ rateLimit: { rate: '10/s', burst: 1 } });
    expect(await guarded.run(ctx(), work)).toBe(1);
    const decision = await guarded.attempt(ctx(), work);
    expect(decision).toMatchObject({ kind: 'rejected', rejection: { cause: 'rate-limited', retryAfterMs: 100 } });
    await expect(guarded.run(ctx(), work)).rejects.toMatchObject({ code: 'RATE_LIMITED', retryAfterMs: 100 });
    expect(decision.kind === 'rejected' && explain(decision.rejection)).toBe(
      'stock: the rate of calls is at its limit, by rateLimit (rate 10/s, burst 1, available 0, cost 1). Try again in 100ms.',
    );
    await clock.advance(100);
    expect(await guarded.run(ctx(), work)).toBe(2);
    expect(begun()).toBe(2);
    expect(guarded.inspect()).toMatchObject({
      counts: { calls: 4, rejected: { 'rate-limited': 2 } },
      rateLimit: { admitted: 2, refused: 2 },
    });
  });

  test('counts a call once, however often it is retried', async () => {
    const { clock, guarded, ctx } = world({
      rateLimit: { rate: '1/h', burst: 2 },
      retry: { attempts: 3, unknown: true, backoff: { base: '0ms' } },
    });
    const failing = () => Promise.reject(new Error('no'));
    const done = guarded.attempt(ctx(), failing, { idempotent: true });
    await clock.runAll();
    expect(await done).toMatchObject({ kind: 'failed', attempts: 3 });
    expect(guarded.inspect().rateLimit).toMatchObject({ available: 1 });
  });

  test('comes after the deadline: who has no time left uses nothing up', async () => {
    const { guarded, ctx, work } = world({ rateLimit: { rate: '1/h' } });
    expect(await guarded.attempt(ctx(undefined, 0), work)).toMatchObject({ rejection: { cause: 'deadline' } });
    expect(await guarded.run(ctx(), work)).toBe(1);
  });

  test('weighs calls by their cost', async () => {
    const { guarded, ctx, work } = world({ rateLimit: { rate: '10/s', burst: 10 } });
    await guarded.run(ctx(), work, { cost: 8 });
    expect(await guarded.attempt(ctx(), work, { cost: 3 })).toMatchObject({ rejection: { retryAfterMs: 100 } });
  });
});

describe('a quota', () => {
  test('is each tenant’s own, and the rejection says whose', async () => {
    const { guarded, ctx, work } = world({ quota: { by: 'tenant', rate: '1/m' } });
    await guarded.run(ctx('a'), work);
    const decision = await guarded.attempt(ctx('a'), work);
    expect(decision).toMatchObject({
      rejection: { cause: 'quota', rule: 'quota', measured: { by: 'tenant', tenant: 'a' }, retryAfterMs: 60_000 },
    });
    await expect(guarded.run(ctx('a'), work)).rejects.toMatchObject({ code: 'RATE_LIMITED' });
    expect(await guarded.run(ctx('b'), work)).toBe(2);
    expect(guarded.inspect().quota).toMatchObject({ keys: 2, admitted: 2, refused: 2 });
  });
});

describe('limits in a store', () => {
  const SHARED = { rateLimit: { rate: '10/s', shared: { onFailure: 'closed', timeout: '50ms' } } } as const;
  /** Answers when told to. */
  function slowStore() {
    const asked: ((verdict: LimitVerdict) => void)[] = [];
    const store: LimitStore = { admit: () => new Promise((resolve) => asked.push(resolve)) };
    return { asked, store };
  }

  test('are asked before the work begins', async () => {
    const { asked, store } = slowStore();
    const { clock, guarded, ctx, work, begun } = world(SHARED, store);
    const done = [guarded.attempt(ctx(), work), guarded.attempt(ctx(), work)];
    await clock.advance(10);
    expect(begun()).toBe(0);
    asked[0]!({ kind: 'admitted', available: 1 });
    asked[1]!({ kind: 'refused', available: 0, retryAfterMs: 40 });
    expect(await Promise.all(done)).toMatchObject([
      { kind: 'ok', value: 1, from: 'call' },
      { kind: 'rejected', rejection: { cause: 'rate-limited', retryAfterMs: 40 } },
    ]);
    expect(clock.pending).toBe(0);
  });

  test('and asking takes from the call’s own time', async () => {
    const { asked, store } = slowStore();
    const { clock, guarded, ctx } = world({ ...SHARED, timeout: { total: '200ms' } }, store);
    const done = guarded.attempt(ctx(), (of) => new Promise((_, reject) => of.onEnd(reject)));
    await clock.advance(40);
    asked[0]!({ kind: 'admitted', available: 1 });
    let settled = false;
    void done.then(() => (settled = true));
    await clock.advance(159);
    expect(settled).toBe(false);
    await clock.advance(1);
    expect(await done).toMatchObject({
      kind: 'failed',
      error: { code: 'DEADLINE_EXCEEDED', details: { limit: 'total' } },
    });
  });

  test('asking takes no more than a quarter of it, and who had less time says nothing about the store', async () => {
    const { store } = slowStore();
    const { clock, guarded, ctx, work, begun } = world({ ...SHARED, timeout: { total: '20ms' } }, store);
    const done = guarded.attempt(ctx(), work);
    await clock.advance(5);
    expect(await done).toMatchObject({ kind: 'rejected', rejection: { cause: 'limit-unknown', retryAfterMs: 0 } });
    expect(begun()).toBe(0);
    expect(guarded.inspect().rateLimit?.shared).toMatchObject({ failed: 1, pausedMs: 0 });
    expect(clock.pending).toBe(0);
  });

  test('a caller who leaves meanwhile is told at once, and is no limit’s', async () => {
    const { store } = slowStore();
    const { clock, guarded, ctx, work } = world(SHARED, store);
    const caller = ctx();
    const done = guarded.attempt(caller, work);
    await clock.advance(1);
    caller.cancel();
    expect(await done).toMatchObject({ kind: 'rejected', rejection: { cause: 'cancelled' } });
    expect(clock.pending).toBe(0);
  });

  test('a store that is away is never told as a limit that was reached', async () => {
    const store: LimitStore = { admit: () => Promise.reject(new Error('connect ECONNREFUSED 10.0.0.7')) };
    const { guarded, events, ctx, work } = world(SHARED, store);
    await expect(guarded.run(ctx(), work)).rejects.toMatchObject({ code: 'REJECTED', kind: 'unavailable' });
    const decision = await guarded.attempt(ctx(), work);
    expect(decision.kind === 'rejected' && explain(decision.rejection)).toBe(
      'stock: the store of shared limits does not say whether a limit is reached, by rateLimit.shared. Try again in 1s.',
    );
    const failure = 'connect ECONNREFUSED 10.0.0.7';
    expect(guarded.inspect().rateLimit?.shared).toMatchObject({ lastFailure: failure });
    // Once, though two calls were rejected: the second did not ask.
    expect(events.filter(({ kind }) => kind === 'limit-unknown')).toEqual([
      { kind: 'limit-unknown', policy: 'stock', atMs: 0, rule: 'rateLimit', onFailure: 'closed', failure },
    ]);
  });
});
