import {
  createContext,
  FairleadError,
  seededRandom,
  virtualClock,
  type Context,
  type ScopedContext,
} from '@fairlead/core';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { PolicyPorts } from './policy-ports.ts';
import { policy } from './policy.ts';
import type { PolicySpec } from './spec.ts';

const again = { idempotent: true } as const;
const nonFatal = (details: Readonly<Record<string, unknown>> = {}): FairleadError =>
  new FairleadError('unavailable', 'UNAVAILABLE', 'away', { details });
const fatal = (): FairleadError => new FairleadError('invalid', 'BAD', 'wrong');

/** What an attempt does after a while: give a text, or throw an error. */
type Play = readonly [afterMs: number, outcome: string | FairleadError];

/** A hedging policy on a clock of its own, and work whose attempts behave as they are told. */
function setup(spec: PolicySpec = { hedge: { attempts: 3, delay: '100ms' } }, observe?: PolicyPorts['observe']) {
  const clock = virtualClock();
  const random = seededRandom('hedge');
  const under = policy('search', spec, { clock, random, observe });
  const context = (timeoutMs = Infinity, signal?: AbortSignal): ScopedContext =>
    createContext({ clock, random, timeoutMs, ...(signal === undefined ? {} : { signal }) });
  const begunAtMs: number[] = [];
  const ends: (string | undefined)[] = [];
  const play =
    (plays: readonly Play[]) =>
    async (ctx: Context, attempt: number): Promise<string> => {
      begunAtMs.push(clock.monotonic());
      const [afterMs, outcome] = plays[attempt - 1] ?? [0, 'unexpected'];
      ctx.onEnd((reason) => (ends[attempt - 1] = reason.code));
      await clock.sleep(afterMs, ctx.signal);
      if (outcome instanceof FairleadError) throw outcome;
      return outcome;
    };
  onTestFinished(async () => {
    await clock.advance(0);
    expect(clock.pending).toBe(0);
    expect(under.inspect().late.unsettled).toBe(0);
  });
  return { clock, policy: under, context, play, begunAtMs, ends };
}

describe('the five answers of gRPC A6', () => {
  test('a success cancels all others, those under way and those planned', async () => {
    const { clock, policy: search, context, play, begunAtMs, ends } = setup();
    const plays: Play[] = [
      [5_000, 'slow'],
      [50, 'quick'],
    ];
    const done = search.attempt(context(), play(plays), again);
    await clock.runAll();
    expect(await done).toMatchObject({ kind: 'ok', value: 'quick', attempts: 2 });
    expect(begunAtMs).toEqual([0, 100]);
    expect(ends[0]).toBe('CANCELLED');
    expect(clock.monotonic()).toBe(150);
    expect(search.inspect().counts).toMatchObject({ hedges: 1, hedgeWins: 1, retries: 0 });
  });

  test('a fatal failure ends the call and cancels all others', async () => {
    const { clock, policy: search, context, play, begunAtMs, ends } = setup();
    const plays: Play[] = [
      [5_000, 'slow'],
      [50, fatal()],
    ];
    const done = search.attempt(context(), play(plays), again);
    await clock.runAll();
    expect(await done).toMatchObject({ kind: 'failed', error: { code: 'BAD' }, attempts: 2 });
    expect(begunAtMs).toEqual([0, 100]);
    expect(ends[0]).toBe('CANCELLED');
    expect(clock.monotonic()).toBe(150);
  });

  test('a failure that is not fatal brings the next one forward, and the delay counts from there', async () => {
    const { clock, policy: search, context, play, begunAtMs } = setup();
    const plays: Play[] = [
      [20, nonFatal()],
      [5_000, 'slow'],
      [10, 'third'],
    ];
    const done = search.attempt(context(), play(plays), again);
    await clock.runAll();
    expect(await done).toMatchObject({ kind: 'ok', value: 'third', attempts: 3 });
    expect(begunAtMs).toEqual([0, 20, 120]);
  });

  test('with another under way it does so too', async () => {
    const { clock, policy: search, context, play, begunAtMs } = setup();
    const plays: Play[] = [
      [5_000, 'slow'],
      [30, nonFatal()],
      [10, 'third'],
    ];
    const done = search.attempt(context(), play(plays), again);
    await clock.runAll();
    expect(await done).toMatchObject({ kind: 'ok', value: 'third' });
    expect(begunAtMs).toEqual([0, 100, 130]);
  });

  test('pushback never to come back begins nothing more, and lets those under way go on', async () => {
    const { clock, policy: search, context, play, begunAtMs, ends } = setup();
    const plays: Play[] = [
      [400, 'first'],
      [30, nonFatal({ pushbackMs: -1 })],
    ];
    const done = search.attempt(context(), play(plays), again);
    await clock.runAll();
    expect(await done).toMatchObject({ kind: 'ok', value: 'first', attempts: 2 });
    expect(begunAtMs).toEqual([0, 100]);
    expect(ends[0]).toBeUndefined();
  });

  test('pushback of n ms begins the next one then, and the delay counts from there', async () => {
    const { clock, policy: search, context, play, begunAtMs } = setup({ hedge: { attempts: 4, delay: '100ms' } });
    const plays: Play[] = [
      [5_000, 'slow'],
      [30, nonFatal({ pushbackMs: 250 })],
      [5_000, 'slow'],
      [10, 'fourth'],
    ];
    const done = search.attempt(context(), play(plays), again);
    await clock.runAll();
    expect(await done).toMatchObject({ kind: 'ok', value: 'fourth' });
    expect(begunAtMs).toEqual([0, 100, 380, 480]);
    expect(search.inspect().budget?.withdrawals).toBe(3);
  });
});

test('when all fail the last failure comes out, and nothing is retried', async () => {
  const { clock, policy: search, context, play, begunAtMs } = setup();
  const plays: Play[] = [
    [150, nonFatal()],
    [150, nonFatal()],
    [150, nonFatal()],
  ];
  const done = search.attempt(context(), play(plays), again);
  await clock.runAll();
  expect(await done).toMatchObject({ kind: 'failed', error: { code: 'UNAVAILABLE' }, attempts: 3 });
  expect(begunAtMs).toEqual([0, 100, 150]);
});

test('with no delay all begin at once', async () => {
  const { clock, policy: search, context, play, begunAtMs } = setup({ hedge: { attempts: 3, delay: '0ms' } });
  const plays: Play[] = [
    [50, 'a'],
    [20, 'b'],
    [30, 'c'],
  ];
  const done = search.attempt(context(), play(plays), again);
  await clock.runAll();
  expect(await done).toMatchObject({ kind: 'ok', value: 'b' });
  expect(begunAtMs).toEqual([0, 0, 0]);
});

test('a quick call is never hedged', async () => {
  const { clock, policy: search, context, play, begunAtMs } = setup();
  const done = search.attempt(context(), play([[99, 'quick']]), again);
  await clock.runAll();
  expect(await done).toMatchObject({ kind: 'ok', attempts: 1 });
  expect(begunAtMs).toEqual([0]);
});

test('a call that is not repeatable is never hedged', async () => {
  const { clock, policy: search, context, play, begunAtMs } = setup();
  const done = search.attempt(context(), play([[1_000, 'slow']]));
  await clock.runAll();
  expect(await done).toMatchObject({ kind: 'ok', attempts: 1 });
  expect(begunAtMs).toEqual([0]);
});

test('the caller that gives up cancels them all', async () => {
  const { clock, policy: search, context, play, ends } = setup();
  const stop = new AbortController();
  const plays: Play[] = [
    [5_000, 'slow'],
    [5_000, 'slow'],
    [5_000, 'slow'],
  ];
  const done = search.attempt(context(Infinity, stop.signal), play(plays), again);
  await clock.advance(150);
  stop.abort();
  expect(await done).toMatchObject({ kind: 'failed', error: { code: 'CANCELLED' }, attempts: 2 });
  expect(ends).toEqual(['CANCELLED', 'CANCELLED']);
});

test('the total deadline ends them all, and is told as such', async () => {
  const {
    clock,
    policy: search,
    context,
    play,
    ends,
  } = setup({
    timeout: { total: '250ms' },
    hedge: { attempts: 3, delay: '100ms' },
  });
  const plays: Play[] = [
    [5_000, 'slow'],
    [5_000, 'slow'],
    [5_000, 'slow'],
  ];
  const done = search.attempt(context(), play(plays), again);
  await clock.runAll();
  expect(await done).toMatchObject({ kind: 'failed', error: { code: 'DEADLINE_EXCEEDED' } });
  expect(ends).toEqual(['DEADLINE_EXCEEDED', 'DEADLINE_EXCEEDED', 'DEADLINE_EXCEEDED']);
  expect(clock.monotonic()).toBe(250);
});

test('hedges are paid from the budget: of 100 slow calls some 20 get company', async () => {
  const { clock, policy: search, context, play } = setup({ hedge: { delay: '100ms' } });
  const plays: Play[] = [
    [1_000, 'slow'],
    [1_000, 'slow'],
  ];
  const all = Array.from({ length: 100 }, () => search.attempt(context(), play(plays), again));
  await clock.runAll();
  for (const each of await Promise.all(all)) expect(each.kind).toBe('ok');
  expect(search.inspect().counts).toMatchObject({ hedges: 20, attempts: 120 });
});

test('each attempt takes a slot, and a hedge that gets none does no harm', async () => {
  const {
    clock,
    policy: search,
    context,
    play,
    begunAtMs,
  } = setup({
    hedge: { delay: '100ms' },
    concurrency: { limit: 1, queue: 0 },
  });
  const done = search.attempt(context(), play([[300, 'alone']]), again);
  await clock.runAll();
  expect(await done).toMatchObject({ kind: 'ok', value: 'alone', attempts: 1 });
  expect(begunAtMs).toEqual([0]);
});

test('an observer hears of each attempt that failed, and what comes of it', async () => {
  const events: unknown[] = [];
  const { clock, policy: search, context, play } = setup(undefined, (event) => events.push(event));
  const plays: Play[] = [
    [300, 'first'],
    [30, nonFatal()],
    [30, nonFatal({ pushbackMs: -1 })],
  ];
  const done = search.attempt(context(), play(plays), again);
  await clock.runAll();
  await done;
  expect(events).toMatchObject([
    { kind: 'hedged', attempt: 2, atMs: 100 },
    { kind: 'attempt-failed', attempt: 2, atMs: 130, durationMs: 30, next: 'hedge', delayMs: 0 },
    { kind: 'hedged', attempt: 3, atMs: 130 },
    { kind: 'attempt-failed', attempt: 3, atMs: 160, next: 'none' },
    { kind: 'finished', outcome: 'ok', attempts: 3 },
  ]);
});

test('a hedge that follows a failure when nothing runs any more is a hedge like any other', async () => {
  const events: unknown[] = [];
  const { clock, policy: search, context, play } = setup(undefined, (event) => events.push(event));
  const plays: Play[] = [
    [20, nonFatal()],
    [20, 'second'],
  ];
  const done = search.attempt(context(), play(plays), again);
  await clock.runAll();
  await done;
  expect(events).toMatchObject([
    { kind: 'attempt-failed', attempt: 1, next: 'hedge' },
    { kind: 'hedged', attempt: 2, atMs: 20 },
    { kind: 'finished', outcome: 'ok', attempts: 2 },
  ]);
  expect(search.inspect().counts).toMatchObject({ hedges: 1, hedgeWins: 1, retries: 0 });
});

describe('a hedge that waits for a slot', () => {
  const spec: PolicySpec = { hedge: { attempts: 3, delay: '10ms' }, concurrency: { limit: 1, queue: 5 } };

  test('is the next one, also when another attempt fails meanwhile: none is paid besides', async () => {
    const { clock, policy: search, context, play, begunAtMs } = setup(spec);
    const plays: Play[] = [
      [30, nonFatal()],
      [5, 'second'],
    ];
    const done = search.attempt(context(), play(plays), again);
    await clock.runAll();
    expect(await done).toMatchObject({ kind: 'ok', value: 'second', attempts: 2 });
    expect(begunAtMs).toEqual([0, 30]);
    expect(search.inspect().budget?.withdrawals).toBe(1);
  });

  test('leaves the queue at once when the call is answered', async () => {
    const { clock, policy: search, context, play, begunAtMs } = setup(spec);
    const done = search.attempt(context(), play([[20, 'first']]), again);
    await clock.advance(15);
    expect(search.inspect().concurrency?.waiting).toBe(1);
    await clock.advance(5);
    expect(await done).toMatchObject({ kind: 'ok', value: 'first', attempts: 1 });
    expect(search.inspect().concurrency).toMatchObject({ waiting: 0, inUse: 0 });
    expect(clock.pending).toBe(0);
    expect(begunAtMs).toEqual([0]);
  });

  test('leaves it when another attempt is told never to come back, and what runs may win', async () => {
    const {
      clock,
      policy: search,
      context,
      play,
      begunAtMs,
    } = setup({
      hedge: { attempts: 4, delay: '10ms' },
      concurrency: { limit: 2, queue: 5 },
    });
    const plays: Play[] = [
      [40, 'first'],
      [15, nonFatal({ pushbackMs: -1 })],
    ];
    const done = search.attempt(context(), play(plays), again);
    await clock.advance(24);
    expect(search.inspect().concurrency?.waiting).toBe(1);
    await clock.runAll();
    expect(await done).toMatchObject({ kind: 'ok', value: 'first', attempts: 2 });
    expect(begunAtMs).toEqual([0, 10]);
    expect(search.inspect().concurrency).toMatchObject({ waiting: 0, inUse: 0 });
  });
});

test('by default the slowest twentieth gets company', async () => {
  const { clock, policy: search, context } = setup({ hedge: {}, budget: 'off' });
  const random = seededRandom('tail');
  for (let call = 0; call < 2_000; call++) {
    const done = search.attempt(
      context(),
      (ctx, attempt) => clock.sleep(attempt === 1 && random.next() < 0.03 ? 800 : 10 + random.next() * 10, ctx.signal),
      again,
    );
    await clock.runAll();
    await done;
  }
  const { hedges, calls } = search.inspect().counts;
  expect(hedges / calls).toBeGreaterThan(0.03);
  expect(hedges / calls).toBeLessThan(0.08);
  expect(search.inspect().hedgeDelayMs).toBeGreaterThan(18);
  expect(search.inspect().hedgeDelayMs).toBeLessThan(30);
});

test('quick failures and impatient callers do not make hedges come sooner', async () => {
  const { clock, policy: search, context } = setup({ hedge: { window: 40, minSamples: 20 }, budget: 'off' });
  const call = async (takesMs: number, fails: boolean, patienceMs: number): Promise<void> => {
    using ctx = context(patienceMs);
    await search.attempt(
      ctx,
      async (inner) => {
        await clock.sleep(takesMs, inner.signal);
        if (fails) throw fatal();
      },
      again,
    );
  };
  for (const [takesMs, fails, patienceMs] of [
    [50, false, Infinity],
    [1, true, Infinity],
    [50, false, 5],
  ] as const) {
    // More than the percentile's window holds.
    for (let each = 0; each < 60; each++) {
      const done = call(takesMs, fails, patienceMs);
      await clock.runAll();
      await done;
    }
    expect(search.inspect().hedgeDelayMs).toBe(50);
  }
});

test('first attempts that lose count as slow: hedges come when the percentile says, though none is ever seen to the end', async () => {
  const { clock, policy: search, context } = setup({ hedge: { window: 20 }, budget: 'off' });
  const random = seededRandom('slow');
  for (let call = 0; call < 400; call++) {
    const slow = call > 40 && random.next() < 0.5;
    const done = search.attempt(
      context(),
      (ctx, number) => clock.sleep(number === 1 && slow ? 400 : 10, ctx.signal),
      again,
    );
    await clock.runAll();
    await done;
  }
  expect(search.inspect().hedgeDelayMs).toBe(400);
});
