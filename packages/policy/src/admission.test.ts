import { createContext, seededRandom, virtualClock, type Context } from '@fairlead/core';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Admission } from './admission.ts';
import type { CallFacts } from './call-facts.ts';
import type { LimitStore, LimitVerdict } from './limit-store.ts';
import { Problems } from './problems.ts';
import { resolveQuota, type QuotaSpec } from './quota-options.ts';
import { resolveRateLimit, type RateLimitSpec } from './rate-limit-options.ts';

const random = seededRandom('admission');
const NONE: CallFacts = {};

function setUp(spec: { rateLimit?: RateLimitSpec; quota?: QuotaSpec }, limits?: LimitStore) {
  const clock = virtualClock();
  const problems = new Problems();
  const rateLimit = resolveRateLimit(spec.rateLimit, problems.at('rateLimit'));
  const quota = resolveQuota(spec.quota, problems.at('quota'));
  expect(problems.found).toEqual([]);
  const admission = new Admission('stock', { rateLimit, quota }, { clock, limits });
  const ctx = (tenant?: string, caller: Partial<Context['caller']> = {}) =>
    createContext({ clock, random, tenant, caller: { service: undefined, subject: undefined, roles: [], ...caller } });
  const admit = (of: Context, nowMs = 0, facts = NONE) => admission.admit(of, facts, nowMs)?.cause ?? 'in';
  return { clock, admission, ctx, admit };
}

describe('limits of this process', () => {
  test('a refusal tells what was measured, and when to come back', () => {
    const { admission, ctx } = setUp({ rateLimit: { rate: '10/s', burst: 2 } });
    expect(admission.admit(ctx(), NONE, 0)).toBeUndefined();
    expect(admission.admit(ctx(), { cost: 1.5 }, 0)).toEqual({
      cause: 'rate-limited',
      policy: 'stock',
      rule: 'rateLimit',
      measured: { rate: '10/s', burst: 2, available: 1, cost: 1.5 },
      retryAfterMs: 50,
    });
    expect(admission.inspect(0).rateLimit).toMatchObject({ available: 1, admitted: 1, refused: 1, shared: undefined });
  });

  test('what weighs more than the burst is told no time to come back', () => {
    const { admission, ctx } = setUp({ rateLimit: { rate: '10/s', burst: 2 } });
    expect(admission.admit(ctx(), { cost: 3 }, 0)).toMatchObject({ cause: 'rate-limited', retryAfterMs: undefined });
  });

  test.each([0, -5, Number.NaN])('a cost of %d gives nothing back and counts as one', (cost) => {
    const { admit, ctx } = setUp({ rateLimit: { rate: '10/s', burst: 2 } });
    expect([1, 2, 3].map(() => admit(ctx(), 0, { cost }))).toEqual(['in', 'in', 'rate-limited']);
  });

  test('each has its own quota, and who has none to be told by shares one', () => {
    const { admit, ctx } = setUp({ quota: { by: 'tenant', rate: '1/s' } });
    expect([admit(ctx('a')), admit(ctx('a')), admit(ctx('b')), admit(ctx()), admit(ctx())]).toEqual([
      'in',
      'quota',
      'in',
      'in',
      'quota',
    ]);
  });

  test('no tenant uses up what another has by calling itself, or its services, cleverly', () => {
    const { admit, ctx } = setUp({ quota: { by: 'caller', rate: '1/s' } });
    const names: readonly [string | undefined, string | undefined][] = [
      ['a', 'bc'],
      ['ab', 'c'],
      [undefined, 'a'],
      ['', 'a'],
      ['-', 'a'],
      ['a', undefined],
      ['a', '-'],
      ['a', ''],
      ['1:a', 'x'],
    ];
    for (const [tenant, service] of names) expect(admit(ctx(tenant, { service })), `${tenant}/${service}`).toBe('in');
    for (const [tenant, service] of names)
      expect(admit(ctx(tenant, { service })), `${tenant}/${service}`).toBe('quota');
  });

  test('subjects and keys are their tenant’s own', () => {
    const bySubject = setUp({ quota: { by: 'subject', rate: '1/s' } });
    expect(bySubject.admit(bySubject.ctx('a', { subject: 'eve' }))).toBe('in');
    expect(bySubject.admit(bySubject.ctx('b', { subject: 'eve' }))).toBe('in');
    expect(bySubject.admit(bySubject.ctx('b', { subject: 'eve' }))).toBe('quota');
    const byKey = setUp({ quota: { by: 'key', rate: '1/s' } });
    expect(byKey.admit(byKey.ctx('a'), 0, { key: 'k' })).toBe('in');
    expect(byKey.admission.admit(byKey.ctx('a'), { key: 'k' }, 0)?.measured).not.toHaveProperty('key');
    expect(byKey.admit(byKey.ctx('b'), 0, { key: 'k' })).toBe('in');
  });

  test('some can have rates of their own', () => {
    const { admission, admit, ctx } = setUp({ quota: { by: 'tenant', rate: '1/s', rates: { big: { rate: '3/s' } } } });
    expect([1, 2, 3, 4].map(() => admit(ctx('big')))).toEqual(['in', 'in', 'in', 'quota']);
    expect([1, 2].map(() => admit(ctx('constructor')))).toEqual(['in', 'quota']);
    expect(admission.admit(ctx('big'), NONE, 0)).toMatchObject({
      measured: { by: 'tenant', tenant: 'big', rate: '3/s' },
    });
  });

  test('who has used up a quota does not use up the limit of all by trying', () => {
    const { admission, admit, ctx } = setUp({
      rateLimit: { rate: '10/s', burst: 2 },
      quota: { by: 'tenant', rate: '1/s' },
    });
    expect(admit(ctx('a'))).toBe('in');
    for (let i = 0; i < 100; i++) expect(admit(ctx('a'))).toBe('quota');
    expect(admit(ctx('b'))).toBe('in');
    expect(admit(ctx('c'))).toBe('rate-limited');
    // Nor is a quota used up by what the limit of all refuses: 100 ms later there is room for one.
    expect(admit(ctx('c'), 100)).toBe('in');
    expect(admission.inspect(0)).toMatchObject({ quota: { admitted: 3, refused: 100 }, rateLimit: { refused: 1 } });
  });
});

describe('a bounded number of keys', () => {
  test('who has not called for long makes room, and who is active stays', () => {
    const { admission, admit, ctx } = setUp({ quota: { by: 'tenant', rate: '1/s', burst: 2, maxKeys: 3 } });
    admit(ctx('a'), 0);
    admit(ctx('b'), 0);
    admit(ctx('c'), 1_000);
    admit(ctx('c'), 1_000);
    admit(ctx('d'), 2_000);
    expect(admission.inspect(2_000).quota).toMatchObject({ keys: 3, overflowed: 0 });
    expect(admit(ctx('c'), 2_000)).toBe('in');
    expect(admit(ctx('c'), 2_000)).toBe('quota');
  });

  test('services with rates of their own are as many as there are tenants, and bounded too', () => {
    const { admission, admit, ctx } = setUp({
      quota: { by: 'caller', rate: '1/m', rates: { big: { rate: '2/m' } }, maxKeys: 3 },
    });
    for (let i = 0; i < 10; i++) admit(ctx(`t${i}`, { service: 'big' }));
    expect(admission.inspect(0).quota).toMatchObject({ keys: 3, overflowed: 7 });
    expect(admit(ctx('t0', { service: 'big' }))).toBe('in');
    expect(admit(ctx('t0', { service: 'big' }))).toBe('quota');
  });

  test('when all are active, newcomers share one quota and push nobody out', () => {
    const { admission, admit, ctx } = setUp({ quota: { by: 'tenant', rate: '1/m', maxKeys: 2 } });
    expect([admit(ctx('a')), admit(ctx('b'))]).toEqual(['in', 'in']);
    expect([admit(ctx('c')), admit(ctx('d')), admit(ctx('c'))]).toEqual(['in', 'quota', 'quota']);
    expect([admit(ctx('a')), admit(ctx('b'))]).toEqual(['quota', 'quota']);
    expect(admission.inspect(0).quota).toMatchObject({ keys: 2, maxKeys: 2, overflowed: 3 });
  });

  test('nobody gets more than its share in any stretch of time, whoever else calls and however few are counted', () => {
    const calls = fc.array(
      fc.record({ gapMs: fc.integer({ min: 0, max: 400 }), tenant: fc.integer({ min: 0, max: 6 }) }),
      {
        maxLength: 150,
      },
    );
    fc.assert(
      fc.property(calls, fc.integer({ min: 1, max: 8 }), fc.integer({ min: 1, max: 4 }), (steps, maxKeys, burst) => {
        const { admission, admit, ctx } = setUp({ quota: { by: 'tenant', rate: '2/s', burst, maxKeys } });
        const times = new Map<number, number[]>();
        let nowMs = 0;
        for (const { gapMs, tenant } of steps) {
          nowMs += gapMs;
          if (admit(ctx(String(tenant)), nowMs) === 'in') times.set(tenant, [...(times.get(tenant) ?? []), nowMs]);
        }
        expect(admission.inspect(nowMs).quota?.keys).toBeLessThanOrEqual(maxKeys);
        for (const admitted of times.values()) {
          admitted.forEach((fromMs, from) => {
            admitted.slice(from).forEach((untilMs, more) => {
              expect(more + 1).toBeLessThanOrEqual(burst + ((untilMs - fromMs) * 2) / 1_000 + 1e-5);
            });
          });
        }
      }),
      { numRuns: 200 },
    );
  });
});

/** A store that answers as told, and remembers what it was asked. */
function fakeStore(answer: (ctx: Context, key: string) => Promise<LimitVerdict>) {
  const asked: string[] = [];
  const store: LimitStore = {
    admit(ctx, key) {
      asked.push(key);
      return answer(ctx, key);
    },
  };
  return { asked, store };
}

const shared = (onFailure: 'local' | 'open' | 'closed') =>
  ({ rateLimit: { rate: '1/s', shared: { onFailure } } }) as const;
const away = () => Promise.reject(new Error('connect ECONNREFUSED'));

describe('limits in a store', () => {
  test('what the store decides is decided', async () => {
    const verdicts: LimitVerdict[] = [
      { kind: 'admitted', available: 0 },
      { kind: 'refused', available: 0.4, retryAfterMs: 600 },
    ];
    const { asked, store } = fakeStore(async () => verdicts.shift()!);
    const { admission, ctx, clock } = setUp(shared('closed'), store);
    expect(admission.admit(ctx(), NONE, 0)).toBeUndefined();
    expect(asked).toEqual([]);
    expect(await admission.admitShared(ctx(), NONE, clock)).toBeUndefined();
    expect(await admission.admitShared(ctx(), NONE, clock)).toEqual({
      cause: 'rate-limited',
      policy: 'stock',
      rule: 'rateLimit',
      measured: { rate: '1/s', burst: 1, available: 0, cost: 1 },
      retryAfterMs: 600,
    });
    expect(asked).toEqual(['stock:rate', 'stock:rate']);
    expect(admission.inspect(0).rateLimit).toMatchObject({
      admitted: 1,
      refused: 1,
      shared: { answered: 2, failed: 0 },
    });
    expect(clock.pending).toBe(0);
  });

  test('a quota that the store refuses is not asked about the limit of all', async () => {
    const { asked, store } = fakeStore(async () => ({ kind: 'refused', available: 0, retryAfterMs: 1 }));
    const { admission, ctx, clock } = setUp(
      { rateLimit: { rate: '1/s', shared: {} }, quota: { by: 'tenant', rate: '1/s', shared: {} } },
      store,
    );
    expect(await admission.admitShared(ctx('acme'), NONE, clock)).toMatchObject({ cause: 'quota' });
    expect(asked).toEqual(['stock:quota:tenant:4:acme']);
  });

  test('a store that is away lets calls go on when it was said so', async () => {
    const { admission, ctx, clock } = setUp(shared('open'), fakeStore(away).store);
    for (let i = 0; i < 5; i++) expect(await admission.admitShared(ctx(), NONE, clock)).toBeUndefined();
  });

  test('or rejects them, and never says that a limit was reached', async () => {
    const { admission, ctx, clock } = setUp(shared('closed'), fakeStore(away).store);
    const rejection = await admission.admitShared(ctx(), NONE, clock);
    expect(rejection).toEqual({
      cause: 'limit-unknown',
      policy: 'stock',
      rule: 'rateLimit.shared',
      measured: {},
      retryAfterMs: 1_000,
    });
    expect(admission.inspect(0).rateLimit).toMatchObject({
      refused: 0,
      shared: { failed: 1, lastFailure: 'connect ECONNREFUSED', pausedMs: 1_000 },
    });
  });

  test('or has each process limit by itself', async () => {
    const { admission, ctx, clock } = setUp(shared('local'), fakeStore(away).store);
    expect(await admission.admitShared(ctx(), NONE, clock)).toBeUndefined();
    expect(await admission.admitShared(ctx(), NONE, clock)).toMatchObject({
      cause: 'rate-limited',
      retryAfterMs: 1_000,
    });
  });

  test('a store that throws or hangs is one that is away', async () => {
    const broken: LimitStore['admit'] = () => {
      throw new Error('bug');
    };
    const { admission, ctx, clock } = setUp(shared('closed'), { admit: broken });
    expect(await admission.admitShared(ctx(), NONE, clock)).toMatchObject({ cause: 'limit-unknown' });

    const hangs = setUp(shared('closed'), fakeStore(() => new Promise(() => {})).store);
    const asking = hangs.admission.admitShared(hangs.ctx(), NONE, hangs.clock);
    await hangs.clock.advance(49);
    expect(hangs.clock.pending).toBe(1);
    await hangs.clock.advance(1);
    expect(await asking).toMatchObject({ cause: 'limit-unknown' });
    expect(hangs.clock.pending).toBe(0);
  });

  test('a store that failed is left alone for a while, then asked again', async () => {
    let isAway = true;
    const { asked, store } = fakeStore(() => (isAway ? away() : Promise.resolve({ kind: 'admitted', available: 1 })));
    const { admission, ctx, clock } = setUp(shared('open'), store);
    for (let i = 0; i < 10; i++) await admission.admitShared(ctx(), NONE, clock);
    expect(asked).toHaveLength(1);
    await clock.advance(1_000);
    isAway = false;
    await admission.admitShared(ctx(), NONE, clock);
    await admission.admitShared(ctx(), NONE, clock);
    expect(asked).toHaveLength(3);
    expect(admission.inspect(1_000).rateLimit).toMatchObject({ shared: { answered: 2, failed: 1, skipped: 9 } });
  });

  test('a caller who leaves is answered at once and says nothing about the store', async () => {
    const { admission, clock } = setUp(shared('closed'), fakeStore(() => new Promise(() => {})).store);
    const caller = createContext({ clock, random });
    let answered = false;
    void admission.admitShared(caller, NONE, clock).then(() => (answered = true));
    caller.cancel();
    await clock.advance(0);
    expect(answered).toBe(true);
    expect(admission.inspect(0).rateLimit?.shared).toMatchObject({ failed: 0, pausedMs: 0 });
    expect(clock.pending).toBe(0);
  });

  test('a shared limit without a store is refused at construction', () => {
    expect(() => setUp(shared('open'))).toThrow(/give it as ports\.limits/);
  });
});

describe('the section quota', () => {
  test.each([
    [{ rate: '1/s' }, 'quota.by: nothing says who has a quota; choose one of tenant, caller, subject, key'],
    [{ by: 'user', rate: '1/s' }, "quota.by: 'user' is none of tenant, caller, subject, key"],
    [{ by: 'tenant', rate: '1/s', maxKeys: 0 }, 'quota.maxKeys: 0 is out of range; give at least 1'],
    [
      { by: 'tenant', rate: '1/s', rates: { acme: { rate: 5 } } },
      "quota.rates.acme.rate: 5 is no rate; write how many in how much time, such as '5/s'",
    ],
    [
      { by: 'key', rate: '1/s', rates: {} },
      'quota.rates: keys of calls have no names to be known beforehand; leave it out, or choose another by',
    ],
  ])('%j is refused with the fix', (spec, message) => {
    const problems = new Problems();
    resolveQuota(spec, problems.at('quota'));
    expect(problems.found).toEqual([message]);
  });
});
