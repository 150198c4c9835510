import { getEventListeners } from 'node:events';
import { expect, test } from 'vitest';
import type { Clock } from './clock.ts';
import { continueFrom, createContext, type CreateContextOptions } from './create-context.ts';
import { isError } from './errors.ts';
import { seededRandom } from './seeded-random.ts';
import { virtualClock } from './virtual-clock.ts';

const random = seededRandom('context');

function world(options: Partial<CreateContextOptions> = {}) {
  const clock = virtualClock({ startMs: 1_000_000 });
  return { clock, ctx: createContext({ clock, random, ...options }) };
}

test('the signal aborts at the deadline, not before, and leaves no timer', async () => {
  const { clock, ctx } = world({ timeoutMs: 100 });
  const { signal } = ctx;
  await clock.advance(99);
  expect(signal.aborted).toBe(false);
  expect(ctx.remainingMs()).toBe(1);
  await clock.advance(1);
  expect(isError(signal.reason, 'DEADLINE_EXCEEDED')).toBe(true);
  expect(ctx.remainingMs()).toBe(0);
  expect(clock.pending).toBe(0);
});

test('without a deadline no timer runs and time left is endless', () => {
  const { clock, ctx } = world();
  expect(ctx.signal.aborted).toBe(false);
  expect(ctx.deadline).toBeUndefined();
  expect(ctx.remainingMs()).toBe(Infinity);
  expect(clock.pending).toBe(0);
});

test('no timer runs until somebody asks for the signal, and a disposed scope leaves none', () => {
  const { clock, ctx } = world({ timeoutMs: 100 });
  expect(clock.pending).toBe(0);
  void ctx.signal;
  expect(clock.pending).toBe(1);
  ctx[Symbol.dispose]();
  expect(clock.pending).toBe(0);
});

test('a deadline that has come is noticed even when nobody asked for the signal', async () => {
  const { clock, ctx } = world({ timeoutMs: 100 });
  await clock.advance(100);
  expect(() => ctx.throwIfAborted()).toThrow(expect.objectContaining({ code: 'DEADLINE_EXCEEDED' }));
  expect(ctx.signal.aborted).toBe(true);
});

test('a deadline that has come counts although the event loop was too busy for the timer', () => {
  let elapsedMs = 0;
  const busy: Clock = {
    now: () => elapsedMs,
    monotonic: () => elapsedMs,
    setTimer: () => ({ cancel() {} }),
    sleep: () => new Promise(() => {}),
  };
  const ctx = createContext({ clock: busy, random, timeoutMs: 10 });
  const { signal } = ctx;
  elapsedMs = 10;
  expect(() => ctx.throwIfAborted()).toThrow(expect.objectContaining({ code: 'DEADLINE_EXCEEDED' }));
  expect(signal.aborted).toBe(true);
});

test('0 ms means that the deadline has passed; a negative or unreal timeout is refused', () => {
  expect(isError(world({ timeoutMs: 0 }).ctx.signal.reason, 'DEADLINE_EXCEEDED')).toBe(true);
  expect(() => world({ timeoutMs: -1 })).toThrow(expect.objectContaining({ code: 'MISCONFIGURED' }));
  expect(() => world().ctx.withTimeout(Number.NaN)).toThrow(expect.objectContaining({ code: 'MISCONFIGURED' }));
});

test('a scope within a scope never lengthens the time', async () => {
  const { clock, ctx } = world({ timeoutMs: 50 });
  using longer = ctx.withTimeout(1000);
  expect(longer.deadline).toBe(ctx.deadline);
  expect(longer.remainingMs()).toBe(50);
  using shorter = longer.withTimeout(20);
  expect(shorter.deadline).toBe(1_000_020);
  const signals = [ctx.signal, longer.signal, shorter.signal];
  expect(clock.pending).toBe(2);
  await clock.advance(20);
  expect(signals.map(({ aborted }) => aborted)).toEqual([false, false, true]);
  await clock.advance(30);
  expect(signals.map(({ aborted }) => aborted)).toEqual([true, true, true]);
  expect(signals[1]?.reason).toBe(signals[0]?.reason);
  expect(clock.pending).toBe(0);
});

test('cancelling reaches everything below with one reason, and nothing above', () => {
  const { clock, ctx } = world();
  using middle = ctx.withTimeout(1000);
  using below = middle.derive({ tenant: 'acme' }).withCancel();
  const { signal } = below;
  middle.cancel();
  expect(isError(signal.reason, 'CANCELLED')).toBe(true);
  expect(signal.reason).toBe(middle.signal.reason);
  expect(ctx.signal.aborted).toBe(false);
  expect(clock.pending).toBe(0);
});

test('cancelling with an error makes it the cause of CANCELLED; the first end stays', () => {
  const { ctx } = world();
  const why = new Error('the other half failed');
  ctx.cancel(why);
  ctx.cancel(new Error('later'));
  expect(ctx.signal.reason).toMatchObject({ code: 'CANCELLED', cause: why });
  expect(ctx.signal.reason.message).toContain('the other half failed');
});

test('an abort from outside is never mistaken for a timeout', () => {
  const connection = new AbortController();
  const { ctx } = world({ signal: connection.signal, timeoutMs: 1000 });
  using below = ctx.withTimeout(10);
  const { signal } = below;
  connection.abort(new DOMException('timed out', 'TimeoutError'));
  expect(signal.reason).toMatchObject({ code: 'CANCELLED', cause: { name: 'TimeoutError' } });
  expect(() => below.throwIfAborted()).toThrow(expect.objectContaining({ code: 'CANCELLED' }));
});

test("a signal of another Context keeps its reason, so that a caller's deadline stays one", () => {
  const late = world({ timeoutMs: 0 }).ctx;
  expect(world({ signal: late.signal }).ctx.signal.reason).toBe(late.signal.reason);
  const cancelled = world().ctx;
  cancelled.cancel();
  expect(world({ signal: cancelled.signal }).ctx.signal.reason).toBe(cancelled.signal.reason);
});

test('disposing ends what still waits below, leaves what is above, and takes its listener with it', () => {
  const connection = new AbortController();
  const { clock, ctx } = world({ timeoutMs: 1000 });
  using outer = ctx.withCancel();
  const outside = createContext({ clock, random, signal: connection.signal });
  const late = outer.withTimeout(10).signal;
  void outside.signal;
  expect(getEventListeners(connection.signal, 'abort')).toHaveLength(1);
  outside[Symbol.dispose]();
  outer[Symbol.dispose]();
  expect(getEventListeners(connection.signal, 'abort')).toHaveLength(0);
  expect(isError(late.reason, 'CANCELLED')).toBe(true);
  expect(ctx.signal.aborted).toBe(false);
  expect(clock.pending).toBe(1);
});

test('an operation that sleeps on the signal is interrupted and leaves nothing', async () => {
  const { clock, ctx } = world({ timeoutMs: 100 });
  const slept = expect(clock.sleep(500, ctx.signal)).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
  await clock.advance(100);
  await slept;
  expect(clock.pending).toBe(0);
});

test('setting the wall clock neither lengthens nor shortens work', async () => {
  const { clock, ctx } = world({ timeoutMs: 100 });
  const { signal } = ctx;
  clock.jump(3_600_000);
  expect(ctx.remainingMs()).toBe(100);
  expect(ctx.deadline).toBe(1_000_100);
  clock.jump(-7_200_000);
  await clock.advance(99);
  expect(signal.aborted).toBe(false);
  await clock.advance(1);
  expect(signal.aborted).toBe(true);
});

test('derive changes what it is told to and shares time and end', () => {
  const { ctx } = world({ tenant: 'acme', idempotencyKey: 'k', timeoutMs: 10 });
  const changed = ctx.derive({ tenant: undefined, criticality: 'critical' });
  expect(changed).toMatchObject({ tenant: undefined, criticality: 'critical', idempotencyKey: 'k' });
  expect(changed.signal).toBe(ctx.signal);
  expect(ctx.tenant).toBe('acme');
});

test('a root has ids of its own; request and correlation follow from the trace', () => {
  const { ctx } = world();
  expect(ctx.trace).toMatchObject({ sampled: true, root: true, undecided: true });
  expect(ctx.requestId).toBe(ctx.trace.traceId);
  expect(ctx.correlationId).toBe(ctx.requestId);
  expect(ctx.caller).toEqual({ service: undefined, subject: undefined, roles: [] });
  expect(world({ requestId: 'r-1' }).ctx.correlationId).toBe('r-1');
});

test('a deadline ends at an event or job; trace, tenant, criticality, correlation and baggage go on', async () => {
  const { clock, ctx } = world({
    timeoutMs: 100,
    tenant: 'acme',
    criticality: 'sheddable',
    correlationId: 'c-1',
    idempotencyKey: 'k',
    baggage: { ring: 'canary' },
    caller: { service: 'gateway', subject: 'ada', roles: ['support'] },
  });
  await clock.advance(100);
  using job = continueFrom(ctx, { clock, random, causationId: 'event-7' });
  expect(job).toMatchObject({
    trace: ctx.trace,
    requestId: ctx.requestId,
    tenant: 'acme',
    criticality: 'sheddable',
    correlationId: 'c-1',
    causationId: 'event-7',
    baggage: { ring: 'canary' },
    deadline: undefined,
    idempotencyKey: undefined,
    caller: { service: undefined, subject: undefined, roles: [] },
  });
  expect(job.signal.aborted).toBe(false);
  using bounded = continueFrom(ctx, { clock, random, timeoutMs: 30 });
  expect(bounded.remainingMs()).toBe(30);
});

test('work goes on from a stored traceparent, and from a bad one with a new trace', () => {
  const clock = virtualClock();
  const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
  const { trace } = continueFrom({ traceparent }, { clock, random });
  expect(trace).toMatchObject({ traceId: '0af7651916cd43dd8448eb211c80319c', spanId: 'b7ad6b7169203331' });
  expect(continueFrom({ traceparent: 'x' }, { clock, random }).trace.root).toBe(true);
});

test('a listener hears of the end once, with the reason of the signal, and of nothing once it has left', async () => {
  const { clock, ctx } = world({ timeoutMs: 100 });
  using below = ctx.derive({ tenant: 'acme' }).withCancel();
  const heard: unknown[] = [];
  below.onEnd((reason) => heard.push(reason));
  const leave = below.onEnd(() => heard.push('left'));
  leave();
  expect(clock.pending).toBe(1);
  await clock.advance(100);
  expect(heard).toEqual([ctx.signal.reason]);
  expect(isError(heard[0], 'DEADLINE_EXCEEDED')).toBe(true);
  below.onEnd((reason) => heard.push(reason));
  expect(heard).toEqual([ctx.signal.reason, ctx.signal.reason]);
});

test('listeners leave in any order, twice is once, and who stays hears in the order of coming', () => {
  for (const leaving of [
    [4, 3],
    [0, 1, 0],
    [2, 4, 1],
    [0, 1, 2, 3, 4],
  ]) {
    const { ctx } = world();
    const heard: number[] = [];
    const leave = [0, 1, 2, 3, 4].map((each) => ctx.onEnd(() => heard.push(each)));
    for (const each of leaving) leave[each]!();
    ctx.cancel();
    expect(heard).toEqual([0, 1, 2, 3, 4].filter((each) => !leaving.includes(each)));
  }
});

test('a listener hears of work that has settled, and a settled scope gives its reason to who asks later', () => {
  const { clock, ctx } = world({ timeoutMs: 100 });
  const heard: unknown[] = [];
  const below = ctx.withCancel();
  below.onEnd((reason) => heard.push(reason));
  ctx[Symbol.dispose]();
  expect(heard).toEqual([expect.objectContaining({ code: 'CANCELLED', message: expect.stringContaining('settled') })]);
  expect(below.signal.reason).toBe(heard[0]);
  expect(() => ctx.throwIfAborted()).toThrow(expect.objectContaining({ code: 'CANCELLED' }));
  expect(ctx.signal.reason).toBe(heard[0]);
  expect(clock.pending).toBe(0);
});
