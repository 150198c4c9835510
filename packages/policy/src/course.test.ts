import { FairleadError } from '@fairlead/core';
import { describe, expect, test } from 'vitest';
import { IDEMPOTENT, manual, NO_JITTER, unavailable, world } from './policy-world.fixture.ts';

describe('retries', () => {
  test('go on after the pause until one succeeds; each attempt has its number and a Context of its own', async () => {
    const { guarded, ctx, clock, events } = world({ retry: NO_JITTER });
    const { begun, work } = manual();
    const done = guarded.attempt(ctx, work, IDEMPOTENT);
    begun[0]!.reject(unavailable());
    await clock.advance(99);
    expect(begun).toHaveLength(1);
    await clock.advance(1);
    expect(begun.map((each) => each.attempt)).toEqual([1, 2]);
    begun[1]!.resolve('late but good');
    expect(await done).toEqual({ kind: 'ok', value: 'late but good', attempts: 2, from: 'call' });
    expect(begun[0]!.ctx).not.toBe(begun[1]!.ctx);
    expect(events.map((event) => event.kind)).toEqual(['attempt-failed', 'finished']);
  });

  test('stop at the most attempts and give the last error', async () => {
    const { guarded, ctx, clock } = world({ retry: NO_JITTER });
    let calls = 0;
    const done = guarded.attempt(
      ctx,
      () => Promise.reject(new FairleadError('unavailable', `A${++calls}`, 'away')),
      IDEMPOTENT,
    );
    await clock.advance(10_000);
    expect(await done).toMatchObject({ kind: 'failed', error: { code: 'A3' }, attempts: 3 });
  });

  test('are not made when the pause would outlast the time, and the decision says so at once', async () => {
    const { guarded, ctx, clock } = world({ timeout: { total: '1s' }, retry: NO_JITTER });
    const done = guarded.attempt(
      ctx,
      () => Promise.reject(new FairleadError('unavailable', 'UNAVAILABLE', 'later', { retryAfterMs: 1_500 })),
      IDEMPOTENT,
    );
    expect(await done).toMatchObject({
      kind: 'failed',
      attempts: 1,
      stopped: { cause: 'deadline', rule: 'timeout.total' },
    });
    expect(clock.monotonic()).toBe(0);
  });

  test('are bounded by the budget, and the decision says that', async () => {
    const { guarded, ctx, clock } = world({ retry: NO_JITTER, budget: { ratio: '0%', floorPerSecond: 0 } });
    const done = guarded.attempt(ctx, () => Promise.reject(unavailable()), IDEMPOTENT);
    await clock.advance(1_000);
    expect(await done).toMatchObject({ kind: 'failed', attempts: 1, stopped: { cause: 'budget', rule: 'budget' } });
    expect(guarded.inspect().counts.stopped.budget).toBe(1);
  });

  test('a value that counts as a failure is retried, and returned when attempts run out', async () => {
    const { guarded, ctx, clock } = world({ retry: NO_JITTER }, { isFailure: (value) => value === 'bad' });
    let calls = 0;
    const done = guarded.run(ctx, () => `${++calls < 4 ? 'bad' : 'good'}`, IDEMPOTENT);
    await clock.advance(10_000);
    expect(await done).toBe('bad');
    expect(calls).toBe(3);
  });

  test('predicates that throw make the call fail with what they threw', async () => {
    const error = new Error('predicate');
    const thrower = () => {
      throw error;
    };
    const one = world({ retry: NO_JITTER }, { isFailure: thrower });
    await expect(one.guarded.run(one.ctx, () => 1)).rejects.toBe(error);
    const two = world({ retry: NO_JITTER }, { repeat: { shouldRepeat: thrower } });
    await expect(two.guarded.run(two.ctx, () => Promise.reject(unavailable()))).rejects.toBe(error);
  });

  test('without saying that the call is idempotent there is none', async () => {
    const { guarded, ctx } = world({ retry: NO_JITTER });
    expect(await guarded.attempt(ctx, () => Promise.reject(unavailable()))).toMatchObject({
      kind: 'failed',
      attempts: 1,
    });
  });
});

describe('hedging', () => {
  const HEDGED = { hedge: { delay: '100ms' } } as const;

  test('the faster answer counts, the loser is cancelled and told that it lost', async () => {
    const { guarded, ctx, clock } = world(HEDGED);
    const { begun, work } = manual();
    const done = guarded.attempt(ctx, work, IDEMPOTENT);
    const loser = begun[0]!.ctx.signal;
    await clock.advance(100);
    expect(begun).toHaveLength(2);
    begun[1]!.resolve('second');
    expect(await done).toEqual({ kind: 'ok', value: 'second', attempts: 2, from: 'call' });
    expect(loser.reason).toMatchObject({ code: 'CANCELLED', details: { limit: 'race' } });
    expect(guarded.inspect()).toMatchObject({ counts: { hedges: 1, hedgeWins: 1 }, late: { unsettled: 1 } });
    begun[0]!.resolve('first');
    await clock.advance(0);
    expect(guarded.inspect().late.unsettled).toBe(0);
    expect(clock.pending).toBe(0);
  });

  test('the first answer ends the hedge too', async () => {
    const { guarded, ctx, clock } = world(HEDGED);
    const { begun, work } = manual();
    const done = guarded.attempt(ctx, work, IDEMPOTENT);
    await clock.advance(100);
    begun[0]!.resolve('first');
    expect(await done).toMatchObject({ value: 'first' });
    expect(() => begun[1]!.ctx.throwIfAborted()).toThrow('attempt 1 answered first');
    expect(guarded.inspect().counts.hedgeWins).toBe(0);
  });

  test('a failure brings the hedge forward; one failure of two does not fail the call', async () => {
    const { guarded, ctx, clock } = world(HEDGED);
    const { begun, work } = manual();
    const done = guarded.attempt(ctx, work, IDEMPOTENT);
    begun[0]!.reject(unavailable());
    await clock.advance(0);
    expect(begun).toHaveLength(2);
    begun[1]!.resolve('second');
    expect(await done).toMatchObject({ kind: 'ok', value: 'second' });
  });

  test('when all fail, the last failure is the call’s', async () => {
    const { guarded, ctx, clock } = world(HEDGED);
    const { begun, work } = manual();
    const done = guarded.attempt(ctx, work, IDEMPOTENT);
    await clock.advance(100);
    begun[0]!.reject(unavailable());
    await clock.advance(1);
    const last = unavailable();
    begun[1]!.reject(last);
    expect(await done).toMatchObject({ kind: 'failed', error: last, attempts: 2 });
    expect(clock.pending).toBe(0);
  });

  test('a hedge that still waits for a slot when the first answers leaves the queue at once', async () => {
    const { guarded, ctx, clock } = world({ ...HEDGED, concurrency: { limit: 1, queue: 5, wait: '10s' } });
    const { begun, work } = manual();
    const done = guarded.attempt(ctx, work, IDEMPOTENT);
    await clock.advance(50);
    const next = guarded.attempt(ctx, work);
    await clock.advance(50);
    expect(guarded.inspect().concurrency?.waiting).toBe(2);
    begun[0]!.resolve('first');
    expect(await done).toMatchObject({ value: 'first', attempts: 1 });
    expect(guarded.inspect().concurrency).toMatchObject({ waiting: 0, inUse: 1 });
    await clock.advance(0);
    begun[1]!.resolve('next');
    expect(await next).toMatchObject({ value: 'next' });
    expect(clock.pending).toBe(0);
  });

  test('what is done at once plans no hedge', async () => {
    const { guarded, ctx, clock } = world(HEDGED);
    expect(await guarded.run(ctx, () => 1, IDEMPOTENT)).toBe(1);
    expect(clock.pending).toBe(0);
  });

  test('only what may be repeated is hedged', async () => {
    const { guarded, ctx, clock } = world(HEDGED);
    const { begun, work } = manual();
    void guarded.attempt(ctx, work);
    await clock.advance(1_000);
    expect(begun).toHaveLength(1);
  });
});
