import { createContext, FairleadError, seededRandom, virtualClock } from '@fairlead/core';
import { expect, test } from 'vitest';
import { policy } from './policy.ts';
import { trouble } from './trouble.ts';

const clock = virtualClock();
const ports = { clock, random: seededRandom('trouble') };
const context = () => createContext({ ...ports, timeoutMs: 60_000 });
const down = async (): Promise<never> => {
  throw new FairleadError('unavailable', 'UNAVAILABLE', 'down');
};

test('a policy that holds nothing back has nothing to say', async () => {
  const calm = policy('billing', { breaker: {}, concurrency: {} }, ports);
  using ctx = context();
  await calm.run(ctx, async () => 1);
  expect(trouble(calm.inspect())).toBeUndefined();
});

test('an open breaker says since when, why, and when it tries again; a half-open one how many try it out', async () => {
  const broken = policy('billing', { breaker: { window: 4, openFor: '5s', openJitter: '0%', probes: 2 } }, ports);
  using ctx = context();
  for (let call = 0; call < 4; call++) await broken.attempt(ctx, down);
  await clock.advance(2_000);
  expect(trouble(broken.inspect())).toBe('breaker open for 2s: 4 of 4 calls failed (100 %); tries again in 3s');
  await clock.advance(3_000);
  const { promise, resolve } = Promise.withResolvers<void>();
  const probe = broken.attempt(ctx, () => promise);
  expect(trouble(broken.inspect())).toBe('breaker half-open for 0ms: 1 calls try it out, 1 more may');
  resolve();
  await probe;
});

test('calls that wait for a slot, and work that does not stop, are told of', async () => {
  const busy = policy('billing', { timeout: { attempt: '1s' }, concurrency: { limit: 1, wait: '30s' } }, ports);
  using ctx = context();
  const { promise, resolve } = Promise.withResolvers<void>();
  const calls = [busy.attempt(ctx, () => promise), busy.attempt(ctx, () => promise)];
  await clock.advance(500);
  expect(trouble(busy.inspect())).toBe('all 1 slots taken (1 in use), 1 waiting, the first for 500ms');
  await clock.advance(11_000);
  expect(trouble(busy.inspect())).toMatch(/; 1 attempts do not stop, the oldest since 11s$/);
  resolve();
  await Promise.all(calls);
});
