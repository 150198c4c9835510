import { expect, test } from 'vitest';
import { IDEMPOTENT, manual, NO_JITTER, unavailable, world } from './policy-world.fixture.ts';

test('a slot is free when the work has settled, not when it timed out', async () => {
  const { guarded, ctx, clock } = world({ timeout: { attempt: '1s' }, concurrency: { limit: 1, queue: 0 } });
  const { begun, work } = manual();
  const first = guarded.attempt(ctx, work);
  await clock.advance(1_000);
  expect((await first).kind).toBe('failed');
  expect(await guarded.attempt(ctx, work)).toMatchObject({
    kind: 'rejected',
    rejection: { cause: 'full', rule: 'concurrency' },
  });
  begun[0]!.resolve('at last');
  await clock.advance(0);
  const second = guarded.attempt(ctx, work);
  begun[1]!.resolve('b');
  expect(await second).toMatchObject({ kind: 'ok', value: 'b' });
});

test('work that has not settled long after its end is stuck: counted, and shown until it settles', async () => {
  const { guarded, ctx, clock } = world({ timeout: { attempt: '1s', stuckLimit: 1 }, concurrency: { limit: 2 } });
  const { begun, work } = manual();
  const first = guarded.attempt(ctx, work);
  await clock.advance(1_000);
  await first;
  await clock.advance(9_999);
  expect(guarded.inspect().late).toEqual({ unsettled: 1, stuck: 0, tooMany: false, stuckTotal: 0, oldestMs: 9_999 });
  await clock.advance(1);
  expect(guarded.inspect().late).toEqual({ unsettled: 1, stuck: 1, tooMany: true, stuckTotal: 1, oldestMs: 10_000 });
  begun[0]!.reject(new Error('at last'));
  await clock.advance(0);
  expect(guarded.inspect().late).toEqual({ unsettled: 0, stuck: 0, tooMany: false, stuckTotal: 1, oldestMs: 0 });
});

test('who waits is let in in order, and who gives up leaves at once', async () => {
  const { guarded, ctx, clock } = world({ concurrency: { limit: 1, queue: 5, wait: '1s' } });
  const { begun, work } = manual();
  const first = guarded.attempt(ctx, work);
  const leaving = ctx.withCancel();
  const second = guarded.attempt(leaving, work);
  const third = guarded.attempt(ctx, work);
  leaving.cancel();
  expect(await second).toMatchObject({ kind: 'rejected', rejection: { cause: 'cancelled' } });
  begun[0]!.resolve('a');
  await first;
  await clock.advance(0);
  begun[1]!.resolve('c');
  expect(await third).toMatchObject({ kind: 'ok', value: 'c' });
  expect(clock.pending).toBe(0);
});

test('a pause between attempts holds no slot', async () => {
  const { guarded, ctx, clock } = world({ retry: NO_JITTER, concurrency: { limit: 1, queue: 0 } });
  const { begun, work } = manual();
  void guarded.attempt(ctx, work, IDEMPOTENT);
  begun[0]!.reject(unavailable());
  await clock.advance(10);
  const other = guarded.attempt(ctx, work);
  begun[1]!.resolve('other');
  expect(await other).toMatchObject({ kind: 'ok' });
});
