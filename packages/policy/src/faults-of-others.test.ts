import { createContext, seededRandom, virtualClock } from '@fairlead/core';
import { expect, test } from 'vitest';
import { policy } from './policy.ts';
import { manual, unavailable, world } from './policy-world.fixture.ts';

const EAGER = { minCalls: 10, failureRatio: '50%' } as const;
const away = () => Promise.reject(unavailable());

test('a timeout aborts neither the calls beside it nor later ones', async () => {
  const { clock, guarded, ctx } = world({ timeout: { attempt: '100ms' } });
  const { begun, work } = manual();
  const first = guarded.attempt(ctx, work);
  await clock.advance(50);
  const second = guarded.attempt(ctx, work);
  const signals = begun.map((each) => each.ctx.signal);
  await clock.advance(50);
  expect(await first).toMatchObject({ kind: 'failed', error: { code: 'DEADLINE_EXCEEDED' } });
  const third = guarded.attempt(ctx, work);
  expect([...signals, begun[2]!.ctx.signal].map(({ aborted }) => aborted)).toEqual([true, false, false]);
  for (const { resolve } of begun) resolve('done');
  expect(await second).toMatchObject({ value: 'done' });
  expect(await third).toMatchObject({ value: 'done' });
});

test('policies made from one object share nothing, and leave it as it was', async () => {
  const spec = { cache: { ttl: '1m' }, breaker: { ...EAGER } } as const;
  const before = structuredClone(spec);
  const ports = { clock: virtualClock(), random: seededRandom('one') };
  const ctx = createContext(ports);
  const [x, y] = [policy('x', spec, ports), policy('y', spec, ports)];
  expect(await x.run(ctx, () => 'of x', { key: 'k' })).toBe('of x');
  expect(await y.run(ctx, () => 'of y', { key: 'k' })).toBe('of y');
  for (let call = 0; call < 10; call++) await x.attempt(ctx, away, { key: `${call}` });
  expect(x.inspect().breaker?.state).toBe('open');
  expect(y.inspect().breaker?.state).toBe('closed');
  expect(spec).toEqual(before);
});

test('answers from the cache are no calls of the destination: ten failures open the breaker after any number of them', async () => {
  const { guarded, ctx } = world({ cache: { ttl: '1m' }, breaker: EAGER });
  for (let call = 0; call < 50; call++) await guarded.run(ctx, () => 'kept', { key: 'kept' });
  for (let call = 0; call < 9; call++) await guarded.attempt(ctx, away);
  expect(guarded.inspect().breaker).toMatchObject({ state: 'open', measured: { calls: 10, failures: 9 } });
});

test('a full policy is no failing destination: however many calls find no slot, the breaker stays closed', async () => {
  const { guarded, ctx } = world({ breaker: EAGER, concurrency: { limit: 1, queue: 0 } });
  const { begun, work } = manual();
  const running = guarded.attempt(ctx, work);
  for (let call = 0; call < 100; call++) {
    expect(await guarded.attempt(ctx, work)).toMatchObject({ kind: 'rejected', rejection: { cause: 'full' } });
  }
  begun[0]!.resolve('done');
  await running;
  expect(guarded.inspect().breaker).toMatchObject({
    state: 'closed',
    measured: { calls: 1 },
    counts: { ignored: 100 },
  });
});

test('callers that find the probe out are told at once, a thousand of them too, and keep nothing alive', async () => {
  const { clock, guarded, ctx } = world({ breaker: { ...EAGER, probes: 1, openFor: '1s', openJitter: '0%' } });
  for (let call = 0; call < 10; call++) await guarded.attempt(ctx, away);
  await clock.advance(1_000);
  const { begun, work } = manual();
  const probe = guarded.attempt(ctx, work);
  const others = await Promise.all(Array.from({ length: 1_000 }, () => guarded.attempt(ctx, work)));
  expect(new Set(others.map((each) => (each.kind === 'rejected' ? each.rejection.cause : each.kind)))).toEqual(
    new Set(['open']),
  );
  begun[0]!.resolve('well');
  expect(await probe).toMatchObject({ kind: 'ok' });
  expect(guarded.inspect().breaker?.state).toBe('closed');
  expect(clock.pending).toBe(0);
});
