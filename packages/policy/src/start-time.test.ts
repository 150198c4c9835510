import { createContext, seededRandom, virtualClock, type Context } from '@fairlead/core';
import { expect, test } from 'vitest';
import { policy } from './policy.ts';
import { IDEMPOTENT } from './policy-world.fixture.ts';
import type { PolicySpec } from './spec.ts';
import { STANDARD } from './standard.ts';

/** A policy that nobody observes, on a clock that counts how often it is read, and not at 0. */
async function unobserved(spec: PolicySpec) {
  const virtual = virtualClock();
  await virtual.advance(1_000);
  let reads = 0;
  const clock = { ...virtual, monotonic: () => (reads++, virtual.monotonic()) };
  const random = seededRandom('start');
  const guarded = policy('stock', spec, { clock, random });
  const context = (timeoutMs?: number): Context => createContext({ clock: virtual, random, timeoutMs });
  const readsOf = async (work: () => Promise<unknown>): Promise<number> => {
    const before = reads;
    await work();
    return reads - before;
  };
  return { clock: virtual, guarded, context, readsOf };
}

const BREAKER = { minCalls: 2, openFor: '5s', openJitter: '0%', probes: 1 } as const;
const down = (): never => {
  throw new Error('down');
};

test('a call reads the clock at its beginning only if somebody needs to know when that was', async () => {
  const reads: Record<string, number> = {};
  for (const [name, spec] of Object.entries({
    'a breaker': { breaker: {} },
    'a breaker that counts calls': { breaker: { window: 100 } },
    'a breaker that sees slow calls': { breaker: { slowAfter: '1s', slowRatio: '50%' } },
    'a timeout': { timeout: { total: '1s' } },
    slots: { concurrency: { limit: 1 } },
    retries: { retry: {} },
    'the standard': STANDARD,
  } satisfies Record<string, PolicySpec>)) {
    const { guarded, context, readsOf } = await unobserved(spec);
    const ctx = context();
    reads[name] = await readsOf(() => guarded.run(ctx, async () => 1, IDEMPOTENT));
  }
  expect(reads).toEqual({
    'a breaker': 1,
    'a breaker that counts calls': 1,
    'a breaker that sees slow calls': 2,
    'a timeout': 2,
    slots: 2,
    retries: 2,
    'the standard': 2,
  });
});

test('a breaker alone opens, tells when to come back, probes and closes at the right times', async () => {
  const { guarded, context, clock } = await unobserved({ breaker: BREAKER });
  const ctx = context();
  for (let call = 0; call < 2; call++) await guarded.attempt(ctx, down);
  await clock.advance(2_000);
  const refused = await guarded.attempt(ctx, () => 1);
  expect(refused).toMatchObject({ kind: 'rejected', rejection: { cause: 'open', retryAfterMs: 3_000 } });
  await clock.advance(3_000);
  expect(await guarded.attempt(ctx, () => 1)).toMatchObject({ kind: 'ok' });
  expect(guarded.inspect().breaker).toMatchObject({ state: 'closed', cause: 'recovered', forMs: 0 });
});

test('what began before a breaker alone opened changes nothing when it comes back', async () => {
  const { guarded, context } = await unobserved({ breaker: BREAKER });
  const ctx = context();
  let answer: (value: number) => void = () => undefined;
  const early = guarded.run(ctx, () => new Promise<number>((resolve) => (answer = resolve)));
  for (let call = 0; call < 2; call++) await guarded.attempt(ctx, down);
  answer(1);
  expect(await early).toBe(1);
  expect(guarded.inspect().breaker).toMatchObject({ state: 'open', counts: { late: 1 } });
});

test('under a breaker alone callers who give up or run out of time are told at once', async () => {
  const { guarded, context, clock } = await unobserved({ breaker: BREAKER });
  const late = guarded.attempt(context(50), () => new Promise(() => {}));
  await clock.advance(49);
  const scope = context().withCancel();
  const left = guarded.attempt(scope, () => new Promise(() => {}));
  scope.cancel();
  expect(await left).toMatchObject({ kind: 'failed', error: { code: 'CANCELLED' } });
  await clock.advance(1);
  expect(await late).toMatchObject({ kind: 'failed', error: { code: 'DEADLINE_EXCEEDED' } });
  const { counts, breaker } = guarded.inspect();
  expect([counts.cancelled, counts.timeouts, breaker?.measured.failures]).toEqual([1, 1, 1]);
  const ended = await guarded.attempt(scope, () => 1);
  expect(ended).toMatchObject({ kind: 'rejected', rejection: { cause: 'cancelled', measured: { elapsedMs: 0 } } });
});
