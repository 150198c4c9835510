import { createContext, isError, seededRandom, virtualClock, type Context } from '@fairlead/core';
import { expect, test } from 'vitest';
import { policy } from './policy.ts';
import { world } from './policy-world.fixture.ts';

test('has the facts of its caller, and derived ones share its life', async () => {
  const { guarded, clock, random } = world({ timeout: { attempt: '1s' } });
  const ctx = createContext({
    clock,
    random,
    tenant: 'acme',
    idempotencyKey: 'k',
    criticality: 'critical',
    baggage: { a: 'b' },
  });
  let inner: Context | undefined;
  let derived: Context | undefined;
  const done = guarded.attempt(ctx, (given) => {
    inner = given;
    derived = given.derive({ tenant: 'globex' });
    return new Promise(() => {});
  });
  for (const key of [
    'tenant',
    'caller',
    'trace',
    'requestId',
    'idempotencyKey',
    'criticality',
    'correlationId',
    'causationId',
    'baggage',
    'clock',
    'random',
  ] as const) {
    expect(inner![key]).toBe(ctx[key]);
  }
  expect(derived!.tenant).toBe('globex');
  const { signal } = derived!;
  using scope = inner!.withTimeout(5_000);
  using shorter = derived!.withTimeout(10);
  expect(scope.remainingMs()).toBe(1_000);
  expect(shorter.tenant).toBe('globex');
  await clock.advance(10);
  expect(isError(shorter.signal.reason, 'DEADLINE_EXCEEDED')).toBe(true);
  expect(scope.signal.aborted).toBe(false);
  await clock.advance(990);
  await done;
  expect(scope.signal.reason).toBe(signal.reason);
  expect(() => inner!.throwIfAborted()).toThrow('did not end within 1s');
  expect(clock.pending).toBe(0);
});

test('tells its end to listeners, once, unless they have left', async () => {
  const { guarded, ctx, clock } = world({ timeout: { attempt: '1s' } });
  const heard: string[] = [];
  const done = guarded.attempt(ctx, (inner) => {
    inner.onEnd((reason) => heard.push(`a ${reason.code}`));
    const leave = inner.onEnd(() => heard.push('b'));
    leave();
    return new Promise(() => {});
  });
  await clock.advance(1_000);
  await done;
  expect(heard).toEqual(['a DEADLINE_EXCEEDED']);
});

test('stays whole after a success, so that an answer can still be read', async () => {
  const { guarded, ctx, clock } = world({ timeout: { attempt: '1s' } });
  let signal: AbortSignal | undefined;
  await guarded.run(ctx, (inner) => {
    signal = inner.signal;
    return 1;
  });
  await clock.advance(5_000);
  expect(signal!.aborted).toBe(false);
  expect(clock.pending).toBe(0);
});

test('ends with a failure, so that what the work left running stops', async () => {
  const { guarded, ctx } = world({});
  let signal: AbortSignal | undefined;
  await guarded.attempt(ctx, (inner) => {
    signal = inner.signal;
    throw new Error('half of it');
  });
  expect(signal!.reason).toMatchObject({ code: 'CANCELLED' });
});

test.for([
  ['its own time', { timeout: { attempt: '40ms' } }, 1_000],
  ['its caller’s time', { timeout: { attempt: '1s' } }, 40],
] as const)(
  'its signal tells that %s is up while the event loop is too busy for timers',
  async ([, spec, timeoutMs]) => {
    const virtual = virtualClock();
    let busyMs = 0;
    const clock = { ...virtual, monotonic: () => virtual.monotonic() + busyMs };
    const ports = { clock, random: seededRandom('busy') };
    const ctx = createContext({ ...ports, timeoutMs });
    const seen: boolean[] = [];
    const done = policy('stock', spec, ports).attempt(ctx, async (inner) => {
      seen.push(inner.signal.aborted);
      await virtual.advance(0);
      busyMs = 50;
      seen.push(inner.signal.aborted);
      return new Promise(() => {});
    });
    expect(await done).toMatchObject({ kind: 'failed', error: { code: 'DEADLINE_EXCEEDED' } });
    expect(seen).toEqual([false, true]);
  },
);

test('who is ended by another’s end, just when both are first looked at, leaves no timer', async () => {
  const virtual = virtualClock();
  let busyMs = 0;
  const ports = { clock: { ...virtual, monotonic: () => virtual.monotonic() + busyMs }, random: seededRandom('both') };
  const guarded = policy('stock', { timeout: { attempt: '1s' } }, ports);
  const root = createContext(ports);
  const short = root.withTimeout(40);
  const other = root.withCancel();
  const first = guarded.attempt(short, (inner) => {
    inner.onEnd(() => other.cancel());
    return new Promise(() => {});
  });
  const second = guarded.attempt(other, (inner) => new Promise(() => inner.signal));
  busyMs = 50;
  expect(await first).toMatchObject({ kind: 'failed', error: { code: 'DEADLINE_EXCEEDED' } });
  expect(await second).toMatchObject({ kind: 'failed', error: { code: 'CANCELLED' } });
  await virtual.advance(0);
  expect(virtual.pending).toBe(0);
});
