import { createContext, seededRandom, virtualClock, type Context } from '@fairlead/core';
import { expect, test } from 'vitest';
import { keyedLimit, type KeyedLimitOptions, type KeyedVerdict } from './keyed-limit.ts';
import type { LimitStore } from './limit-store.ts';

function world(options: Partial<KeyedLimitOptions> & Pick<KeyedLimitOptions, 'rates'>) {
  const clock = virtualClock();
  const ctx = createContext({ clock, random: seededRandom(1), timeoutMs: 10_000 });
  const limit = keyedLimit({ name: 'edge', clock, ...options });
  return { clock, limit, ask: (key: string, cost?: number) => limit.admit(() => ctx, key, cost) };
}

const kindOf = (verdict: KeyedVerdict | Promise<KeyedVerdict>) => (verdict instanceof Promise ? 'later' : verdict.kind);

test('each key has a limit of its own, decided at once', () => {
  const { ask } = world({ rates: [{ rate: '2/s' }] });
  expect(['a', 'a', 'a', 'b'].map((key) => kindOf(ask(key)))).toEqual(['admitted', 'admitted', 'refused', 'admitted']);
});

test('what one of several rates refuses none of them counts, and the nearest to its end is told', async () => {
  const { ask, clock } = world({ rates: [{ rate: '2/s' }, { rate: '3/m', burst: 3 }] });
  expect(ask('a')).toMatchObject({ standing: { available: 1, rate: { perMs: 1_000 } } });
  void ask('a');
  expect(ask('a')).toMatchObject({ kind: 'refused', retryAfterMs: 500, standing: { rate: { perMs: 1_000 } } });
  await clock.advance(1_000);
  expect(ask('a')).toMatchObject({ kind: 'admitted', standing: { available: 0, rate: { perMs: 60_000 } } });
  expect(ask('a')).toMatchObject({ kind: 'refused', standing: { rate: { perMs: 60_000 } } });
});

test('how a key stands is told for each rate, where this process counts', () => {
  const { ask, limit } = world({ rates: [{ rate: '2/s' }, { rate: '9/m' }] });
  void ask('a');
  expect(limit.standings('a')?.map(({ available }) => available)).toEqual([1, 8]);
  const limits: LimitStore = { admit: async () => ({ kind: 'admitted', available: 4 }) };
  expect(world({ rates: [{ rate: '2/s' }], shared: {}, limits }).limit.standings('a')).toBeUndefined();
});

test('no more keys are kept than it is told; who comes beyond shares one limit', () => {
  const { ask, limit } = world({ rates: [{ rate: '1/s' }], maxKeys: 2 });
  expect(['a', 'b', 'c', 'd'].map((key) => kindOf(ask(key)))).toEqual(['admitted', 'admitted', 'admitted', 'refused']);
  expect(limit.inspect()).toMatchObject({ keys: 2, admitted: 3, refused: 1 });
});

test.each([
  ['open', 'admitted'],
  ['closed', 'unknown'],
  ['local', 'admitted'],
] as const)('while the store does not answer, a limit that fails %s says %s', async (onFailure, kind) => {
  const failures: string[] = [];
  const limits: LimitStore = { admit: () => Promise.reject(new Error('the store is away')) };
  const { ask } = world({
    rates: [{ rate: '1/s' }],
    shared: { onFailure },
    limits,
    onFailure: (failure) => failures.push(failure),
  });
  expect((await ask('a')).kind).toBe(kind);
  expect((await ask('a')).kind).toBe(onFailure === 'local' ? 'refused' : kind);
  expect(failures).toEqual(['the store is away']);
});

test('the store is asked once for each rate, under a key that is the limit’s own', async () => {
  const asked: string[] = [];
  const limits: LimitStore = {
    admit: async (_ctx: Context, key) => {
      asked.push(key);
      return key.startsWith('edge:1')
        ? { kind: 'refused', available: 0, retryAfterMs: 250 }
        : { kind: 'admitted', available: 4 };
    },
  };
  const { ask } = world({ rates: [{ rate: '5/s' }, { rate: '9/m' }], shared: {}, limits });
  expect(await ask('a')).toMatchObject({ kind: 'refused', retryAfterMs: 250 });
  expect(asked).toEqual(['edge:0:a', 'edge:1:a']);
});

test('everything that is wrong is said at once', () => {
  const wrong = () => world({ rates: [{ rate: '0/s' as never }], maxKeys: 0, shared: {} });
  expect(wrong).toThrow(expect.objectContaining({ code: 'POLICY_INVALID' }));
  expect(wrong).toThrow(/rates\[0\][\s\S]*maxKeys[\s\S]*no store/);
  expect(() => world({ rates: [] })).toThrow(/at least one/);
});

test('those who are near their limit are told, the nearest first, and no more than asked for', async () => {
  const { clock, limit, ask } = world({ rates: [{ rate: '10/s', burst: 10 }, { rate: '100/m' }] });
  for (const [key, times] of [
    ['a', 9],
    ['b', 3],
    ['c', 10],
    ['d', 5],
  ] as const) {
    for (let time = 0; time < times; time += 1) await ask(key);
  }
  const [first = [], second = []] = limit.near(0.5, 2);
  expect(first).toEqual([
    { key: 'c', used: 1, available: 0 },
    { key: 'a', used: 0.9, available: 1 },
  ]);
  expect(second).toEqual([]);
  expect(limit.near(0.5, 10)[0]?.map(({ key }) => key)).toEqual(['c', 'a', 'd']);
  await clock.advance(1_000);
  expect(limit.near(0, 10)[0]).toEqual([]);
});
