import { createContext, FairleadError, seededRandom, virtualClock, type Context } from '@fairlead/core';
import { expect, test } from 'vitest';
import { createTelemetry } from './create-telemetry.ts';
import { recordingTelemetry, type RecordingOptions } from './recording.ts';
import type { SpanKind } from './span.ts';

const random = seededRandom('unsampled');
const CALLER = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), state: undefined };

function world(traces: RecordingOptions['traces'] = { keep: { perSecond: 1, burst: 1 } }) {
  const clock = virtualClock({ startMs: 1000 });
  const recording = recordingTelemetry({ clock, traces });
  const begin = (sampled?: boolean): Context =>
    createContext({
      clock,
      random,
      tenant: 'acme',
      ...(sampled === undefined ? {} : { trace: { ...CALLER, sampled } }),
    });
  const total = async (name: string): Promise<number> => {
    const line = new RegExp(`^fairlead_telemetry_${name}_total\\{.*\\} (\\d+)$`, 'm');
    return Number(line.exec(await recording.metrics.exposition())?.[1]);
  };
  return { clock, begin, total, ...recording };
}

const serve = (world_: ReturnType<typeof world>, ctx: Context, work = async (inner: Context) => inner.trace) =>
  world_.tracer.span(ctx, { name: 'POST /orders', kind: 'server' }, work);

test('the first span of a trace decides for all that are below it', async () => {
  const it = world();
  const below = async (ctx: Context) => {
    await it.tracer.span(ctx, { name: 'INSERT', kind: 'client' }, async () => {});
    return ctx.trace;
  };
  const [first, second] = [await serve(it, it.begin(), below), await serve(it, it.begin(), below)];
  expect([first.sampled, second.sampled]).toEqual([true, false]);
  expect(first.undecided).toBeUndefined();
  expect(second.undecided).toBeUndefined();
  expect(it.spans.map(({ traceId, name }) => [traceId, name])).toEqual([
    [first.traceId, 'INSERT'],
    [first.traceId, 'POST /orders'],
  ]);
  expect(await it.total('traces_unsampled')).toBe(1);
  expect(await it.total('spans_unsampled')).toBe(2);
});

test('what a caller has decided is followed, and takes nothing from the rate', async () => {
  const it = world();
  for (let at = 0; at < 3; at += 1) await serve(it, it.begin(true));
  expect((await serve(it, it.begin(false))).sampled).toBe(false);
  expect(it.spans).toHaveLength(3);
  expect((await serve(it, it.begin())).sampled).toBe(true);
  expect(await it.total('traces_unsampled')).toBe(0);
  expect(await it.total('spans_unsampled')).toBe(1);
});

test('who does not follow callers decides where work comes in, and nowhere else', async () => {
  const it = world({ keep: 'everything', followCaller: false });
  const poll = async (kind: SpanKind) => it.tracer.span(it.begin(false), { name: 'x', kind }, async (c) => c.trace);
  expect((await poll('server')).sampled).toBe(true);
  expect((await poll('consumer')).sampled).toBe(true);
  expect((await poll('client')).sampled).toBe(false);
  expect(it.spans).toHaveLength(2);
});

test.each(['server', 'consumer'] as const)('a %s span that fails is recorded alone, and says so', async (kind) => {
  const it = world();
  const ctx = it.begin(false);
  const options = { name: 'x', kind, attributes: { 'http.route': '/orders' } };
  const trace = await it.tracer.span(ctx, options, async (inner, span) => {
    await it.tracer.span(inner, { name: 'INSERT', kind: 'client' }, async (_, statement) => statement.fail('DOWN'));
    await it.clock.advance(5_000);
    span.set('forgotten', true);
    span.fail('UNAVAILABLE', 'no database');
    span.set('http.response.status_code', 503);
    return inner.trace;
  });
  expect(it.spans).toEqual([
    expect.objectContaining({
      traceId: CALLER.traceId,
      parentSpanId: CALLER.spanId,
      spanId: trace.spanId,
      startMs: 1000,
      endMs: 6000,
      status: { kind: 'error', message: 'no database' },
      attributes: {
        'fairlead.request_id': ctx.requestId,
        'fairlead.tenant': 'acme',
        'fairlead.sampled': false,
        'http.route': '/orders',
        'error.type': 'UNAVAILABLE',
        'http.response.status_code': 503,
      },
    }),
  ]);
  expect(trace.sampled).toBe(false);
});

test('so is one whose work throws, but not when its caller is to blame', async () => {
  const it = world();
  const throws = (error: Error) => serve(it, it.begin(false), () => Promise.reject(error)).catch(() => {});
  await throws(new FairleadError('not-found', 'NO_SUCH_ORDER', 'gone'));
  expect(it.spans).toEqual([]);
  await throws(new TypeError('bug'));
  expect(it.spans).toMatchObject([{ status: { message: 'bug' }, attributes: { 'error.type': 'TypeError' } }]);
});

test('a span that has been ended tells of that time, and of nothing later', async () => {
  const it = world();
  for (const sampled of [true, false]) {
    await it.tracer.span(it.begin(sampled), { name: 'x', kind: 'server' }, async (_, span) => {
      await it.clock.advance(10);
      if (!sampled) span.fail('LATE_ONCE');
      span.end(it.clock.monotonic());
      await it.clock.advance(10);
      span.fail('LATE');
      span.set('late', true);
    });
  }
  await it.tracer
    .span(it.begin(false), { name: 'x', kind: 'server' }, async (_, span) => {
      span.end(it.clock.monotonic());
      throw new Error('late');
    })
    .catch(() => {});
  expect(it.spans.map(({ startMs, endMs }) => endMs - startMs)).toEqual([10, 10]);
  expect(it.spans[0]?.status).toEqual({ kind: 'unset' });
  expect(it.spans[1]?.attributes['error.type']).toBe('LATE_ONCE');
  expect(it.spans.some(({ attributes }) => 'late' in attributes)).toBe(false);
});

test('a span begins when it is said to have begun', async () => {
  const it = world();
  const beganMs = it.clock.monotonic();
  await it.clock.advance(7);
  await it.tracer.span(it.begin(true), { name: 'x', kind: 'server' }, async () => {}, beganMs);
  expect(it.spans[0]).toMatchObject({ startMs: 1000, endMs: 1007 });
});

test('without a collector nothing is recorded, and traces are decided about for those that are called', async () => {
  const clock = virtualClock();
  await using telemetry = createTelemetry({
    service: 'orders',
    clock,
    random,
    destination: { write() {} },
    traces: { keep: { perSecond: 1, burst: 2 } },
  });
  const flags: boolean[] = [];
  for (let at = 0; at < 4; at += 1) {
    const ctx = createContext({ clock, random });
    await telemetry.tracer.span(ctx, { name: 'x', kind: 'server' }, async ({ trace }) => flags.push(trace.sampled));
  }
  expect(flags).toEqual([true, true, false, false]);
});
