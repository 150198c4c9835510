import { createContext, seededRandom, virtualClock } from '@fairlead/core';
import { expect, test } from 'vitest';
import type { PolicyPorts } from './policy-ports.ts';
import { policyWatch } from './policy-watch.ts';
import { IDEMPOTENT, NO_JITTER, unavailable } from './policy-world.fixture.ts';
import { policy } from './policy.ts';
import type { PolicySpec } from './spec.ts';

/** A policy that is watched, and what the watch has counted and said. */
function watched(spec: PolicySpec, ports: Partial<PolicyPorts> = {}) {
  const clock = virtualClock();
  const random = seededRandom('watch');
  const counted: Record<string, number> = {};
  const lines: string[] = [];
  const say = (level: string) => (_ctx: undefined, message: string) => void lines.push(`${level}: ${message}`);
  const observe = policyWatch({
    metrics: {
      counter: ({ name, labelNames }) => ({
        inc(labels) {
          expect(Object.keys(labels)).toEqual(labelNames);
          const series = `${name} ${Object.values(labels).join(' ')}`;
          counted[series] = (counted[series] ?? 0) + 1;
        },
      }),
    },
    log: { info: say('info'), warn: say('warn') },
  });
  const guarded = policy('stock', spec, { clock, random, observe, ...ports });
  const contextOf = (tenant: string) => createContext({ clock, random, tenant });
  return { clock, guarded, counted, lines, contextOf, ctx: contextOf('acme') };
}

const away = () => Promise.reject(unavailable());

test('every rejection is counted, and one of a kind is told in a second', async () => {
  const { clock, guarded, counted, lines, ctx } = watched({ breaker: { mode: 'open' } });
  for (let call = 0; call < 100; call++) {
    await guarded.attempt(ctx, () => 1);
    await clock.advance(20);
  }
  expect(counted).toEqual({ 'fairlead_policy_rejections_total stock open': 100 });
  expect(lines).toEqual([
    expect.stringMatching(/^warn: A call was not let through: stock: the breaker is open/),
    expect.stringMatching(/^warn: A call was not let through: stock: the breaker is open/),
  ]);
});

test('a breaker’s changes are told, to open as a warning, and counted by the state that they lead to', async () => {
  const breaker = { window: 4, minCalls: 4, openFor: '1s', openJitter: '0%', probes: 1 } as const;
  const { clock, guarded, counted, lines, ctx } = watched({ breaker });
  for (let call = 0; call < 4; call++) await guarded.attempt(ctx, away);
  await clock.advance(1_000);
  await guarded.run(ctx, () => 'well');
  expect(lines).toEqual([
    'warn: The breaker of calls to stock went from closed to open',
    'info: The breaker of calls to stock went from open to half-open',
    'info: The breaker of calls to stock went from half-open to closed',
  ]);
  expect(counted).toEqual({
    'fairlead_policy_breaker_transitions_total stock open': 1,
    'fairlead_policy_breaker_transitions_total stock half-open': 1,
    'fairlead_policy_breaker_transitions_total stock closed': 1,
  });
});

test('however many tenants, keys and errors there are, there are as many series as policies and causes', async () => {
  const { clock, guarded, counted, contextOf } = watched({
    quota: { rate: '1/h', by: 'tenant' },
    cache: { ttl: '1m' },
    retry: { attempts: 2, ...NO_JITTER },
    fallback: { value: 'a guess' },
  });
  for (let each = 0; each < 200; each++) {
    const ctx = contextOf(`tenant ${each}`);
    const first = guarded.attempt(ctx, away, { ...IDEMPOTENT, key: `key ${each}` });
    await clock.advance(100);
    await first;
    await guarded.attempt(ctx, away, IDEMPOTENT);
  }
  expect(Object.keys(counted).toSorted()).toEqual([
    'fairlead_policy_answers_total stock fallback',
    'fairlead_policy_rejections_total stock quota',
    'fairlead_policy_repeats_total stock retry',
    'fairlead_policy_stopped_total stock budget',
  ]);
  expect(counted['fairlead_policy_rejections_total stock quota']).toBe(200);
});

test('retries that the budget does not pay for are counted', async () => {
  const retry = { attempts: 2, backoff: { base: '0ms' } } as const;
  const { guarded, counted, ctx } = watched({ retry, budget: { ratio: '0%', floorPerSecond: 0.2 } });
  for (let call = 0; call < 10; call++) await guarded.attempt(ctx, away, IDEMPOTENT);
  expect(counted).toEqual({
    'fairlead_policy_repeats_total stock retry': 2,
    'fairlead_policy_stopped_total stock budget': 8,
  });
});

test('a store that does not answer is told of once in a second, and what it lets through is no rejection', async () => {
  const limits = { admit: () => Promise.reject(new Error('Redis is away.')) };
  const shared = { onFailure: 'open', pause: '0ms' } as const;
  const { clock, guarded, counted, lines, ctx } = watched({ rateLimit: { rate: '1/s', shared } }, { limits });
  for (let call = 0; call < 100; call++) {
    await guarded.run(ctx, () => 1);
    await clock.advance(20);
  }
  expect(counted).toEqual({});
  expect(new Set(lines)).toEqual(new Set(['warn: The store of shared limits did not answer for calls to stock']));
  expect(lines).toHaveLength(2);
});
