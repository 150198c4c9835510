import { PGlite } from '@electric-sql/pglite';
import { isError, parseTraceparent } from '@fairlead/core';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { PublishedEvent } from './broker.ts';
import type { Commit } from './consumer-options.ts';
import { deadLetters, waitingEvents } from './dead-letters.ts';
import { testBed, type TestBed } from './fixtures/test-bed.ts';

let bed: TestBed;
beforeAll(async () => {
  bed = await testBed(await PGlite.create());
});
beforeEach(() => bed.reset());
afterAll(() => bed.close());

const insert = (commit: Commit, event: PublishedEvent): Promise<void> => commit((tx) => bed.effect(tx, event));
const ids = (...names: string[]) => names.map((id) => ({ key: id.slice(0, 1), id }));

test('events of one key are handled in order and never at the same time, those of other keys meanwhile', async () => {
  await bed.publish(ids('a1', 'a2', 'b1', 'c1'));
  await using _relay = bed.relay();
  const running = new Set<string>();
  let together = 0;
  const order: string[] = [];
  await using _consumer = bed.consumer({
    handler: async (ctx, event, commit) => {
      expect(running.has(event.key)).toBe(false);
      running.add(event.key);
      together = Math.max(together, running.size);
      order.push(event.id);
      await ctx.clock.sleep(500, ctx.signal);
      running.delete(event.key);
      await insert(commit, event);
    },
  });
  await bed.until(async () => (await bed.effects()).length === 4);
  expect(together).toBe(3);
  expect(order.indexOf('a1')).toBeLessThan(order.indexOf('a2'));
});

test('no more handlers run at the same time than the concurrency allows', async () => {
  await bed.publish(ids('a1', 'b1', 'c1', 'd1', 'e1'));
  await using _relay = bed.relay();
  let running = 0;
  let most = 0;
  await using _consumer = bed.consumer({
    concurrency: 2,
    handler: async (ctx, event, commit) => {
      most = Math.max(most, (running += 1));
      await ctx.clock.sleep(100, ctx.signal);
      running -= 1;
      await insert(commit, event);
    },
  });
  await bed.until(async () => (await bed.effects()).length === 5);
  expect(most).toBe(2);
});

test('a failing event parks its key: later events of the key wait, others go on, and order is kept when it succeeds', async () => {
  await bed.publish(ids('a1', 'a2', 'b1', 'a3', 'b2'));
  await using _relay = bed.relay();
  let broken = true;
  await using _consumer = bed.consumer({
    maxAttempts: 100,
    handler: async (_ctx, event, commit) => {
      if (event.key === 'a' && broken) throw new Error('not now');
      await insert(commit, event);
    },
  });
  await bed.until(async () => (await bed.count('fairlead_parked')) === 3 && (await bed.effects()).length === 2);
  expect(await bed.effects()).toEqual(['b1', 'b2']);
  broken = false;
  await bed.until(async () => (await bed.effects()).length === 5);
  expect((await bed.effects()).slice(2)).toEqual(['a1', 'a2', 'a3']);
  expect(await bed.count('fairlead_parked')).toBe(0);
  await bed.publish(ids('a4'));
  await bed.until(async () => (await bed.effects()).includes('a4'));
});

test('after maxAttempts an event is a dead letter that says why, and its key waits until it is redriven', async () => {
  await bed.publish(ids('a1', 'a2'));
  await using _relay = bed.relay();
  let attempts = 0;
  let broken = true;
  await using consumer = bed.consumer({
    maxAttempts: 3,
    handler: async (_ctx, event, commit) => {
      if (event.id === 'a1' && broken) throw new Error(`attempt ${(attempts += 1)}`);
      await insert(commit, event);
    },
  });
  await bed.until(async () => (await consumer.deadLetters(bed.ctx)).length === 1);
  await bed.clock.advance(60_000);
  expect(attempts).toBe(3);
  expect(await bed.effects()).toEqual([]);
  const [letter] = await consumer.deadLetters(bed.ctx);
  expect(letter).toMatchObject({
    consumer: 'stock',
    attempts: 3,
    error: { code: 'INTERNAL', message: 'attempt 3' },
    waiting: 1,
    event: { id: 'a1', key: 'a', source: 'orders', data: { id: 'a1', nul: '\0' }, tenant: 'acme' },
  });
  expect((await waitingEvents(bed.ctx, bed.stock, letter!.id)).map(({ id }) => id)).toEqual(['a2']);
  expect(await deadLetters(bed.ctx, bed.stock, { id: letter!.id })).toEqual([letter]);
  expect(await deadLetters(bed.ctx, bed.stock, { id: '999' })).toEqual([]);
  expect(letter!.lastFailedAt).toBeGreaterThan(letter!.firstFailedAt);
  expect(letter!.traceId).toBe(parseTraceparent(letter!.event.traceparent)!.traceId);
  expect(await bed.telemetry.metrics.exposition()).toMatch(
    /fairlead_consumer_dead_letters\{[^}]*source="orders"[^}]*\} 1/,
  );

  broken = false;
  expect(await consumer.redrive(bed.ctx, letter!.id)).toBe(true);
  expect(await consumer.redrive(bed.ctx, '999')).toBe(false);
  await bed.until(async () => (await bed.effects()).length === 2);
  expect(await bed.effects()).toEqual(['a1', 'a2']);
});

test('a discarded dead letter is never handled and lets its key go on', async () => {
  await bed.publish(ids('a1', 'a2'));
  await using _relay = bed.relay();
  await using consumer = bed.consumer({
    maxAttempts: 1,
    handler: async (_ctx, event, commit) => {
      if (event.id === 'a1') throw new Error('poison');
      await insert(commit, event);
    },
  });
  await bed.until(async () => (await consumer.deadLetters(bed.ctx)).length === 1);
  const [letter] = await consumer.deadLetters(bed.ctx);
  expect(await consumer.discard(bed.ctx, letter!.id)).toBe(true);
  expect(await consumer.discard(bed.ctx, letter!.id)).toBe(false);
  expect(await consumer.discard(bed.ctx, 'nonsense')).toBe(false);
  await bed.publish(ids('a3'));
  await bed.until(async () => (await bed.effects()).length === 2);
  expect(await bed.effects()).toEqual(['a2', 'a3']);
});

test('a parked event that can not be read any more ends as a dead letter, not as a stuck consumer', async () => {
  await bed.publish(ids('a1', 'b1'));
  await using _relay = bed.relay();
  await using consumer = bed.consumer({
    maxAttempts: 2,
    handler: async (_ctx, event, commit) => {
      if (event.id === 'a1') throw new Error('once');
      await insert(commit, event);
    },
    backoff: { baseMs: 1_000, maxMs: 1_000 },
  });
  await bed.until(async () => (await bed.count('fairlead_parked')) === 1, 5_000, 1);
  await bed.stock.query(bed.ctx, `UPDATE fairlead_parked SET event = '{"specversion":"0.3"}'`);
  const dead = async () =>
    (await bed.stock.query(bed.ctx, 'SELECT error_code FROM fairlead_parked WHERE dead')).rows.map(
      (row) => row['error_code'],
    );
  await bed.until(async () => (await dead()).length === 1);
  expect(await dead()).toEqual(['INVALID_CLOUD_EVENT']);
  expect(await bed.effects()).toEqual(['b1']);
  expect(consumer.state().kind).toBe('running');
});

test('a handler gets the trace, tenant, correlation and cause of its event, a time limit, and the same key each time', async () => {
  await bed.publish(ids('a1'));
  await using _relay = bed.relay();
  const keys: (string | undefined)[] = [];
  let seen: Record<string, unknown> = {};
  await using _consumer = bed.consumer({
    handlerTimeoutMs: 7_000,
    handler: async (ctx, event, commit) => {
      keys.push(ctx.idempotencyKey);
      if (keys.length === 1) throw new Error('again, please');
      const { tenant, correlationId, causationId, caller } = ctx;
      seen = {
        tenant,
        correlationId,
        causationId,
        service: caller.service,
        left: ctx.remainingMs(),
        trace: ctx.trace.traceId,
      };
      await insert(commit, event);
    },
  });
  await bed.until(async () => (await bed.effects()).length === 1);
  expect(seen).toEqual({
    tenant: 'acme',
    correlationId: bed.ctx.correlationId,
    causationId: 'a1',
    service: 'orders',
    left: 7_000,
    trace: bed.ctx.trace.traceId,
  });
  expect(keys[0]).toBeTypeOf('string');
  expect(keys[1]).toBe(keys[0]);
  const span = bed.telemetry.spans.findLast((finished) => finished.name === 'process orders order.placed');
  expect(span).toMatchObject({ kind: 'consumer', parentSpanId: bed.ctx.trace.spanId });
});

test('two consumers of one event have different keys, so that neither is taken for a repeat of the other', async () => {
  await bed.publish(ids('a1'));
  await using _relay = bed.relay();
  const keys = new Map<string, string | undefined>();
  const keep = (name: string) =>
    bed.consumer({ name, handler: async (ctx) => void keys.set(name, ctx.idempotencyKey) });
  await using _one = keep('stock');
  await using _other = keep('mail');
  await bed.until(() => keys.size === 2);
  expect(keys.get('stock')).not.toBe(keys.get('mail'));
});

test('a handler that never commits gets an empty commit and is not run again', async () => {
  await bed.publish(ids('a1'));
  await using _relay = bed.relay();
  let runs = 0;
  const handler = async () => void (runs += 1);
  const first = bed.consumer({ handler });
  await bed.until(() => runs === 1);
  await first.close();
  await using _second = bed.consumer({ handler });
  await bed.clock.advance(5_000);
  expect(runs).toBe(1);
});

test('a handler that fails after its commit stays handled, and a second commit is refused', async () => {
  await bed.publish(ids('a1', 'b1'));
  await using _relay = bed.relay();
  let second: unknown;
  await using _consumer = bed.consumer({
    handler: async (_ctx, event, commit) => {
      await insert(commit, event);
      if (event.id === 'a1') throw new Error('too late to matter');
      second = await insert(commit, event).catch((error: unknown) => error);
    },
  });
  await bed.until(async () => (await bed.effects()).length === 2 && second !== undefined);
  await bed.clock.advance(60_000);
  expect([...(await bed.effects())].sort()).toEqual(['a1', 'b1']);
  expect(isError(second, 'COMMIT_TWICE')).toBe(true);
  expect(await bed.count('fairlead_parked')).toBe(0);
});

test('a handler beyond its time limit has failed and can not commit any more, even when it ignores its signal', async () => {
  await bed.publish(ids('a1'));
  await using _relay = bed.relay();
  let late: unknown;
  let runs = 0;
  await using _consumer = bed.consumer({
    handlerTimeoutMs: 1_000,
    handler: async (ctx, event, commit) => {
      if ((runs += 1) > 1) return insert(commit, event);
      await ctx.clock.sleep(90_000);
      late = await commit(async (tx) => bed.effect(tx, { ...event, id: 'late' })).catch((error: unknown) => error);
    },
  });
  await bed.until(async () => (await bed.effects()).length === 1);
  await bed.until(() => late !== undefined);
  expect(isError(late, 'COMMIT_LATE')).toBe(true);
  expect(await bed.effects()).toEqual(['a1']);
});

test('the newest instance wins: the older one stops and can commit nothing', async () => {
  await bed.publish(ids('a1'));
  await using _relay = bed.relay();
  const go = Promise.withResolvers<void>();
  let entered = false;
  const older = bed.consumer({
    handler: async (_ctx, event, commit) => {
      entered = true;
      await go.promise;
      await commit((tx) => bed.effect(tx, { ...event, id: 'by the older' }));
    },
  });
  await bed.until(() => entered);
  await using newer = bed.consumer({ handler: (_ctx, event, commit) => insert(commit, event) });
  await bed.until(async () => (await bed.effects()).length === 1);
  go.resolve();
  await bed.until(() => older.state().kind === 'fenced');
  await bed.clock.advance(10_000);
  expect(await bed.effects()).toEqual(['a1']);
  expect(newer.state().kind).toBe('running');
  await older.close();
  expect(older.state().kind).toBe('closed');
});

test('close lets a handler finish within the grace time', async () => {
  await bed.publish(ids('a1', 'a2'));
  await using _relay = bed.relay();
  let entered = 0;
  const consumer = bed.consumer({
    handler: async (ctx, event, commit) => {
      entered += 1;
      await ctx.clock.sleep(1_000, ctx.signal);
      await insert(commit, event);
    },
  });
  await bed.until(() => entered === 1);
  const closing = consumer.close({ graceMs: 5_000 });
  await bed.clock.advance(2_000);
  await closing;
  expect(await bed.effects()).toEqual(['a1']);
  expect(entered).toBe(1);
});

test('close aborts a handler after the grace time; its event comes again and the attempt does not count', async () => {
  await bed.publish(ids('a1'));
  await using _relay = bed.relay();
  let reason: unknown;
  let entered = false;
  const consumer = bed.consumer({
    maxAttempts: 1,
    handler: async (ctx) => {
      entered = true;
      await ctx.clock.sleep(20_000, ctx.signal).catch((error: unknown) => (reason = error));
      throw reason;
    },
  });
  await bed.until(() => entered);
  const closing = consumer.close({ graceMs: 300 });
  await bed.clock.advance(300);
  await closing;
  expect(isError(reason, 'CANCELLED')).toBe(true);
  expect(await bed.count('fairlead_parked')).toBe(0);
  await using _next = bed.consumer({ handler: (_ctx, event, commit) => insert(commit, event) });
  await bed.until(async () => (await bed.effects()).length === 1);
});

test('reading runs no further ahead of a slow key than the window, and goes on when the key does', async () => {
  await bed.publish(ids('a1', 'b1', 'b2', 'b3', 'b4'));
  await using _relay = bed.relay();
  const go = Promise.withResolvers<void>();
  await using _consumer = bed.consumer({
    window: 3,
    handler: async (_ctx, event, commit) => {
      if (event.id === 'a1') await go.promise;
      await insert(commit, event);
    },
  });
  await bed.clock.advance(10_000);
  expect(await bed.effects()).toEqual(['b1', 'b2']);
  expect(await bed.count('fairlead_inbox')).toBe(2);
  go.resolve();
  await bed.until(async () => (await bed.effects()).length === 5);
  await bed.until(async () => (await bed.count('fairlead_inbox')) === 0);
});

test('events that do not concern the consumer are passed over', async () => {
  await bed.publish([
    { key: 'a', id: 'a1', type: 'order.placed' },
    { key: 'a', id: 'a2', type: 'order.noted' },
    { key: 'a', id: 'a3', type: 'order.placed' },
  ]);
  await using _relay = bed.relay();
  await using _consumer = bed.consumer({
    accepts: (event) => event.type === 'order.placed',
    handler: (_ctx, event, commit) => insert(commit, event),
  });
  await bed.until(async () => (await bed.effects()).length === 2);
  expect(await bed.effects()).toEqual(['a1', 'a3']);
});

test('attempts are measured by source, type and outcome', async () => {
  await bed.publish(ids('m1'));
  await using _relay = bed.relay();
  let failed = false;
  await using _consumer = bed.consumer({
    handler: async (_ctx, event, commit) => {
      if (!failed) {
        failed = true;
        throw new Error('first');
      }
      await insert(commit, event);
    },
  });
  await bed.until(async () => (await bed.effects()).length === 1);
  const text = await bed.telemetry.metrics.exposition();
  expect(text).toMatch(/messaging_process_duration_seconds_count\{[^}]*outcome="ok"[^}]*\} [1-9]/);
  expect(text).toMatch(/messaging_process_duration_seconds_count\{[^}]*outcome="INTERNAL"[^}]*\} [1-9]/);
  expect(text).toMatch(/fairlead_relay_published_total\{[^}]*source="orders"[^}]*\} [1-9]/);
  expect(text).toMatch(/fairlead_consumer_lag_seconds\{/);
});

test('options out of range are refused by name and value', () => {
  const handler = async (): Promise<void> => {};
  expect(() => bed.consumer({ handler, concurrency: 0 })).toThrow(/concurrency is 0/);
  expect(() => bed.consumer({ handler, maxAttempts: 1.5 })).toThrow(/maxAttempts is 1.5/);
  expect(() => bed.consumer({ handler, handlerTimeoutMs: -1 })).toThrow(/handlerTimeoutMs is -1/);
  expect(() => bed.consumer({ handler, sources: ['orders', 'orders'] })).toThrow(/twice/);
  expect(() => bed.relay({ pollMs: 0 })).toThrow(/pollMs is 0/);
});
