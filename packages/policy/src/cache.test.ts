import { createContext, FairleadError, seededRandom, virtualClock, type Context } from '@fairlead/core';
import { describe, expect, test } from 'vitest';
import { Cache } from './cache.ts';
import { policy } from './policy.ts';
import type { PolicyCode, PolicySpec } from './spec.ts';

const random = seededRandom('cache');
const KEY = { key: 'sku-1' };
const away = () => new FairleadError('unavailable', 'UNAVAILABLE', 'away');

function world(spec: PolicySpec, code: PolicyCode = {}) {
  const clock = virtualClock();
  const guarded = policy('stock', spec, { clock, random }, code);
  const ctx = (tenant: string | undefined = 'acme', subject?: string) =>
    createContext({ clock, random, tenant, caller: { service: undefined, subject, roles: [] } });
  let count = 0;
  const work = async () => ++count;
  const begun: { ctx: Context; resolve: (value: number) => void; reject: (error: unknown) => void }[] = [];
  const manual = (of: Context) => new Promise<number>((resolve, reject) => begun.push({ ctx: of, resolve, reject }));
  return { clock, guarded, ctx, work, begun, manual };
}

describe('kept answers', () => {
  test('are given while they are fresh, with their age, and then asked for again', async () => {
    const { clock, guarded, ctx, work } = world({ cache: { ttl: '10s' } });
    expect(await guarded.run(ctx(), work, KEY)).toBe(1);
    await clock.advance(9_999);
    expect(await guarded.attempt(ctx(), work, KEY)).toEqual({
      kind: 'ok',
      value: 1,
      attempts: 0,
      from: 'cache',
      ageMs: 9_999,
    });
    await clock.advance(1);
    expect(await guarded.attempt(ctx(), work, KEY)).toMatchObject({ value: 2, from: 'call' });
    expect(guarded.inspect().cache).toMatchObject({ entries: 1, hits: 1, misses: 2 });
  });

  test('are a tenant’s own, and with per subject a subject’s', async () => {
    const { guarded, ctx, work } = world({ cache: { ttl: '10s' } });
    const values = [];
    for (const of of [ctx('a'), ctx('b'), ctx(''), createContext({ clock: ctx().clock, random }), ctx('a')]) {
      values.push(await guarded.run(of, work, KEY));
    }
    expect(values).toEqual([1, 2, 3, 4, 1]);
    const perSubject = world({ cache: { ttl: '10s', per: 'subject' } });
    const more = [];
    for (const subject of ['ann', 'bob', undefined, 'ann']) {
      more.push(await perSubject.guarded.run(perSubject.ctx('a', subject), perSubject.work, KEY));
    }
    expect(more).toEqual([1, 2, 3, 1]);
  });

  test('are never those of calls without a key, nor failures', async () => {
    const { guarded, ctx, work } = world({ cache: { ttl: '10s' } }, { isFailure: (value) => value === 'bad' });
    expect([await guarded.run(ctx(), work), await guarded.run(ctx(), work)]).toEqual([1, 2]);
    await guarded.attempt(ctx(), () => Promise.reject(away()), KEY);
    expect(await guarded.run<unknown>(ctx(), () => 'bad', KEY)).toBe('bad');
    expect(await guarded.run(ctx(), work, KEY)).toBe(3);
    expect(await guarded.run(ctx(), () => undefined, { key: 'nothing' })).toBeUndefined();
    expect(await guarded.attempt(ctx(), work, { key: 'nothing' })).toMatchObject({ value: undefined, from: 'cache' });
  });

  test('are as old as their call, and never replaced by an older one', async () => {
    const { clock, guarded, ctx, begun, manual } = world({ cache: { ttl: '10s' } });
    const slow = guarded.run(ctx(), manual, KEY);
    await clock.advance(4_000);
    const quick = guarded.run(ctx(), manual, KEY);
    await clock.advance(1_000);
    begun[1]!.resolve(2);
    await quick;
    begun[0]!.resolve(1);
    await slow;
    expect(await guarded.attempt(ctx(), manual, KEY)).toMatchObject({ value: 2, ageMs: 1_000 });
  });

  test('are so many, and the one that was longest not asked for goes first', async () => {
    const { guarded, ctx, work } = world({ cache: { ttl: '10s', maxEntries: 2 } });
    for (const key of ['a', 'b', 'a', 'c']) await guarded.run(ctx(), work, { key });
    expect(await guarded.attempt(ctx(), work, { key: 'a' })).toMatchObject({ value: 1, from: 'cache' });
    expect(await guarded.attempt(ctx(), work, { key: 'b' })).toMatchObject({ from: 'call' });
    expect(guarded.inspect().cache).toMatchObject({ entries: 2, maxEntries: 2, evicted: 2 });
  });

  test('belong to one policy, though two are made of one specification', async () => {
    const spec = { cache: { ttl: '10s' } } as const;
    const [one, two] = [world(spec), world(spec)];
    expect(await one.guarded.run(one.ctx(), () => 'x', KEY)).toBe('x');
    expect(await two.guarded.run(two.ctx(), () => 'y', KEY)).toBe('y');
    expect(spec).toEqual({ cache: { ttl: '10s' } });
  });

  test('do not use up a rate limit, nor does a rejected call hide one', async () => {
    const { guarded, ctx, work } = world({ cache: { ttl: '10s' }, rateLimit: { rate: '1/m' } });
    for (let i = 0; i < 5; i++) expect(await guarded.run(ctx(), work, KEY)).toBe(1);
    expect(await guarded.attempt(ctx(), work, { key: 'other' })).toMatchObject({
      kind: 'rejected',
      rejection: { cause: 'rate-limited' },
    });
  });
});

describe('forgetting', () => {
  test('takes back what is kept, and what calls under way would bring', async () => {
    const { guarded, ctx, work, begun, manual } = world({ cache: { ttl: '10s' }, coalesce: {} });
    await guarded.run(ctx(), work, KEY);
    guarded.forget(ctx(), KEY.key);
    const before = guarded.run(ctx(), manual, KEY);
    guarded.forget(ctx(), KEY.key);
    const after = guarded.run(ctx(), manual, KEY);
    expect(begun).toHaveLength(2);
    begun[1]!.resolve(20);
    expect(await after).toBe(20);
    begun[0]!.resolve(10);
    expect(await before).toBe(10);
    expect(await guarded.run(ctx(), manual, KEY)).toBe(20);
  });

  test('does nothing to other tenants, nor to a policy without a cache', async () => {
    const { guarded, ctx, work } = world({ cache: { ttl: '10s' } });
    await guarded.run(ctx('a'), work, KEY);
    guarded.forget(ctx('b'), KEY.key);
    expect(await guarded.run(ctx('a'), work, KEY)).toBe(1);
    const bare = world({});
    expect(() => bare.guarded.forget(bare.ctx(), 'x')).not.toThrow();
  });
});

describe('stale while it is asked for anew', () => {
  const SPEC = { cache: { ttl: '1s', staleWhileRevalidate: '9s' }, timeout: { total: '500ms' } } as const;

  test('an older answer is given at once and one call renews it, whatever becomes of the caller', async () => {
    const { clock, guarded, ctx, work, begun, manual } = world(SPEC);
    await guarded.run(ctx(), work, KEY);
    await clock.advance(5_000);
    const caller = ctx();
    expect(await guarded.attempt(caller, manual, KEY)).toMatchObject({ value: 1, from: 'stale', ageMs: 5_000 });
    caller.cancel();
    expect(await guarded.attempt(ctx(), manual, KEY)).toMatchObject({ value: 1, from: 'stale' });
    expect(begun).toHaveLength(1);
    expect(begun[0]!.ctx.tenant).toBe('acme');
    expect(begun[0]!.ctx.signal.aborted).toBe(false);
    begun[0]!.resolve(2);
    await clock.advance(0);
    expect(await guarded.attempt(ctx(), manual, KEY)).toMatchObject({ value: 2, from: 'cache' });
    expect(guarded.inspect().cache).toMatchObject({ stale: 2, hits: 1 });
    expect(clock.pending).toBe(0);
  });

  test('renewing ends by itself, fails unheard, and is tried again', async () => {
    const { clock, guarded, ctx, work, begun, manual } = world(SPEC);
    await guarded.run(ctx(), work, KEY);
    await clock.advance(5_000);
    await guarded.run(ctx(), manual, KEY);
    await clock.advance(500);
    expect(begun[0]!.ctx.signal.aborted).toBe(true);
    await guarded.run(ctx(), manual, KEY);
    begun[1]!.reject(away());
    await clock.advance(0);
    expect(await guarded.attempt(ctx(), manual, KEY)).toMatchObject({ value: 1, from: 'stale', ageMs: 5_500 });
    expect(begun).toHaveLength(3);
    await clock.advance(500);
    expect(clock.pending).toBe(0);
  });

  test('renewing goes on when somebody who waited for it has left', async () => {
    const { clock, guarded, ctx, work, begun, manual } = world({
      cache: { ttl: '1s', staleWhileRevalidate: '9s' },
      coalesce: {},
    });
    await guarded.run(ctx(), work, KEY);
    await clock.advance(9_900);
    await guarded.run(ctx(), manual, KEY);
    await clock.advance(200);
    const caller = ctx();
    const waiting = guarded.attempt(caller, manual, KEY);
    await clock.advance(0);
    caller.cancel();
    expect(await waiting).toMatchObject({ kind: 'failed', error: { code: 'CANCELLED' } });
    expect(begun).toHaveLength(1);
    begun[0]!.resolve(2);
    await clock.advance(0);
    expect(await guarded.attempt(ctx(), manual, KEY)).toMatchObject({ value: 2, from: 'cache' });
    expect(guarded.inspect().counts.cancelled).toBe(1);
  });

  test('too old an answer is waited for', async () => {
    const { clock, guarded, ctx, work } = world(SPEC);
    await guarded.run(ctx(), work, KEY);
    await clock.advance(10_000);
    expect(await guarded.attempt(ctx(), work, KEY)).toMatchObject({ value: 2, from: 'call' });
  });
});

describe('stale if error', () => {
  const SPEC = { cache: { ttl: '1s', staleIfError: '9s' }, timeout: { total: '500ms' } } as const;

  async function after(ms: number, spec: PolicySpec = SPEC, code: PolicyCode = {}) {
    const it = world(spec, code);
    await it.guarded.run<unknown>(it.ctx(), it.work, KEY);
    await it.clock.advance(ms);
    return it;
  }

  test('an older answer stands in for a failure, and its age is told', async () => {
    const { guarded, ctx } = await after(5_000);
    expect(await guarded.attempt(ctx(), () => Promise.reject(away()), KEY)).toEqual({
      kind: 'ok',
      value: 1,
      attempts: 0,
      from: 'stale',
      ageMs: 5_000,
    });
    expect(guarded.inspect().cache).toMatchObject({ staleIfError: 1 });
  });

  test('for a rejection, and for work that takes too long', async () => {
    const rejected = await after(5_000, { ...SPEC, rateLimit: { rate: '1/m' } });
    expect(await rejected.guarded.attempt(rejected.ctx(), rejected.work, KEY)).toMatchObject({ from: 'stale' });
    const slow = await after(5_000);
    const done = slow.guarded.attempt(slow.ctx(), slow.manual, KEY);
    await slow.clock.advance(500);
    expect(await done).toMatchObject({ from: 'stale', ageMs: 5_500 });
  });

  test('for a value that is a failure', async () => {
    const { guarded, ctx } = await after(5_000, SPEC, { isFailure: (value) => value === 503 });
    expect(await guarded.attempt<unknown>(ctx(), () => 503, KEY)).toMatchObject({ value: 1, from: 'stale' });
  });

  test('but neither when it is too old nor when nothing was kept', async () => {
    const { guarded, ctx } = await after(10_000);
    expect(await guarded.attempt(ctx(), () => Promise.reject(away()), KEY)).toMatchObject({ kind: 'failed' });
    expect(await guarded.attempt(ctx('b'), () => Promise.reject(away()), KEY)).toMatchObject({ kind: 'failed' });
  });

  test('nor for a caller who has left', async () => {
    const { clock, guarded, ctx, manual } = await after(5_000);
    const caller = ctx();
    const done = guarded.attempt(caller, manual, KEY);
    await clock.advance(1);
    caller.cancel();
    expect(await done).toMatchObject({ kind: 'failed', error: { code: 'CANCELLED' } });
    const hurried = guarded.attempt(ctx().withTimeout(50), manual, KEY);
    await clock.advance(50);
    expect(await hurried).toMatchObject({ kind: 'failed', error: { code: 'DEADLINE_EXCEEDED' } });
  });
});

test('an observer is told who answered instead of the work, and nothing when the work did', async () => {
  const clock = virtualClock();
  const events: unknown[] = [];
  const spec = { cache: { ttl: '1s', staleIfError: '1s' }, coalesce: {}, fallback: { value: 'x' } } as const;
  const guarded = policy('stock', spec, { clock, random, observe: (event) => events.push(event) });
  const ctx = createContext({ clock, random });
  const answered = async (...calls: Promise<unknown>[]) => {
    await Promise.all(calls);
    return events.splice(0).filter((event) => (event as { kind: string }).kind === 'answered');
  };
  const work = async () => 1;
  const told = (from: string, ageMs?: number) => ({
    kind: 'answered',
    policy: 'stock',
    atMs: clock.monotonic(),
    from,
    ageMs,
  });
  expect(await answered(guarded.run(ctx, work, KEY), guarded.run(ctx, work, KEY))).toEqual([told('shared')]);
  await clock.advance(500);
  expect(await answered(guarded.run(ctx, work, KEY))).toEqual([told('cache', 500)]);
  await clock.advance(500);
  const failing = () => Promise.reject<number>(away());
  expect(await answered(guarded.run(ctx, failing, KEY))).toEqual([told('stale', 1_000)]);
  expect(await answered(guarded.run(ctx, failing, { key: 'other' }))).toEqual([told('fallback')]);
});

test('what is not kept is shed like any other call when there is too much load', async () => {
  const clock = virtualClock();
  const spec = { cache: { ttl: '1h' }, shed: { step: '50%' } } as const;
  const guarded = policy('stock', spec, { clock, random, loopDelayMs: () => 1_000 });
  const ctx = createContext({ clock, random, criticality: 'sheddable' });
  const kinds = new Set<string>();
  for (let call = 0; call < 100; call++) {
    kinds.add((await guarded.attempt(ctx, () => 1, { key: `k${call}` })).kind);
    await clock.advance(20);
  }
  expect(kinds).toContain('rejected');
  expect(guarded.inspect().counts.rejected.shed).toBeGreaterThan(0);
  expect(await guarded.attempt(ctx, () => 1, { key: 'k0' })).toMatchObject({ from: 'cache' });
});

describe('the section cache', () => {
  test.each([
    [
      { cache: {} },
      'cache: no answer would ever be used; give ttl, staleWhileRevalidate or staleIfError, or leave cache out',
    ],
    [{ cache: { ttl: 10 } }, "cache.ttl: 10 is no duration; write a text with ms, s, m or h, such as '10ms'"],
    [{ cache: { ttl: '1s', maxEntries: 0 } }, 'cache.maxEntries: 0 is out of range; give at least 1'],
    [
      { cache: { ttl: '1s', per: 'subject' }, coalesce: { per: 'tenant' } },
      "coalesce.per: 'tenant' would share what cache.per keeps apart; leave it out, or give 'subject' too",
    ],
  ])('%j is refused with the fix', (spec, message) => {
    // Specifications come from JSON files as well.
    expect(() => world(spec as unknown as PolicySpec)).toThrow(message);
  });

  test('coalescing is as narrow as the cache when it doesn’t say', () => {
    const { guarded, ctx, begun, manual } = world({ cache: { ttl: '1s', per: 'subject' }, coalesce: {} });
    for (const subject of ['ann', 'bob', 'ann']) void guarded.run(ctx('a', subject), manual, KEY);
    expect(begun).toHaveLength(2);
  });
});

test('what was kept is found by its own key only, and time that has passed is not forgotten', () => {
  const cache = new Cache({ freshMs: 10, revalidateMs: 10, errorMs: 20, maxEntries: 9, per: 'tenant' });
  cache.keep('k', 'v', 0, cache.era);
  const kept = cache.find('k', 19)!;
  expect([0, 9, 10, 19, 20].map((nowMs) => cache.freshness(kept, nowMs))).toEqual([
    'fresh',
    'fresh',
    'only-for-errors',
    'only-for-errors',
    'none',
  ]);
  expect(cache.find('x', 0)).toBeUndefined();
  expect(cache.find('k', 20)).toBeUndefined();
  expect(cache.inspect().entries).toBe(0);
});
