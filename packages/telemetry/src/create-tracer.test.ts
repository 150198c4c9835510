import { createContext, FairleadError, seededRandom, virtualClock } from '@fairlead/core';
import { expect, test } from 'vitest';
import { noTelemetry, recordingTelemetry } from './recording.ts';

const random = seededRandom('tracer');

function world() {
  const clock = virtualClock({ startMs: 1000 });
  return { clock, ctx: createContext({ clock, random, tenant: 'acme' }), ...recordingTelemetry({ clock }) };
}

test('spans form a tree whose root has no parent', async () => {
  const { ctx, tracer, spans } = world();
  await tracer.span(ctx, { name: 'POST /orders', kind: 'server' }, async (outer) => {
    await tracer.span(outer, { name: 'INSERT orders', kind: 'client' }, async () => {});
    await tracer.span(outer, { name: 'catalog.price', kind: 'client' }, async () => {});
  });
  const [insert, price, order] = spans;
  expect(order).toMatchObject({ name: 'POST /orders', parentSpanId: undefined });
  expect([insert?.parentSpanId, price?.parentSpanId]).toEqual([order?.spanId, order?.spanId]);
  expect(new Set(spans.map(({ traceId }) => traceId))).toEqual(new Set([ctx.trace.traceId]));
});

test("a span below another process's has that as its parent", async () => {
  const { ctx, tracer, spans } = world();
  const trace = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), sampled: true, state: 'v=1' };
  const seen = await tracer.span(ctx.derive({ trace }), { name: 'x', kind: 'consumer' }, async (inner) => inner.trace);
  expect(spans[0]).toMatchObject({ parentSpanId: 'b'.repeat(16), spanId: seen.spanId, traceState: 'v=1' });
  expect(seen).toMatchObject({ traceId: trace.traceId, state: 'v=1' });
});

test('times come from the clock; setting it moves the next span, not the length of this one', async () => {
  const { clock, ctx, tracer, spans } = world();
  await tracer.span(ctx, { name: 'x', kind: 'internal' }, async (_, span) => {
    await clock.advance(25);
    span.event('half');
    clock.jump(-500);
    await clock.advance(25);
  });
  expect(spans[0]).toMatchObject({ startMs: 1000, endMs: 1050, events: [{ name: 'half', timeMs: 1025 }] });
  await tracer.span(ctx, { name: 'y', kind: 'internal' }, () => clock.advance(5));
  expect(spans[1]).toMatchObject({ startMs: 550, endMs: 555 });
});

test('attributes can be set, changed and removed until the span ends', async () => {
  const { ctx, tracer, spans } = world();
  const attributes = { 'http.route': '/orders', gone: 'x', never: undefined };
  const span = await tracer.span(ctx, { name: 'x', kind: 'server', attributes }, async (_, current) => {
    current.set('http.response.status_code', 201);
    current.set('gone', undefined);
    return current;
  });
  span.set('late', true);
  span.fail('LATE');
  expect(spans[0]).toMatchObject({ status: { kind: 'unset' } });
  expect(spans[0]?.attributes).toEqual({
    'fairlead.request_id': ctx.requestId,
    'fairlead.tenant': 'acme',
    'http.route': '/orders',
    'http.response.status_code': 201,
  });
});

test.each([
  ['client', new FairleadError('not-found', 'NO_SUCH_ORDER', 'gone'), 'error', 'NO_SUCH_ORDER'],
  ['server', new FairleadError('not-found', 'NO_SUCH_ORDER', 'gone'), 'unset', 'NO_SUCH_ORDER'],
  ['server', new FairleadError('unavailable', 'UNAVAILABLE', 'gone'), 'error', 'UNAVAILABLE'],
  ['consumer', new TypeError('bug'), 'error', 'TypeError'],
] as const)('a %s span that fails with %s has the status %s', async (kind, error, status, type) => {
  const { ctx, tracer, spans } = world();
  await expect(tracer.span(ctx, { name: 'x', kind }, () => Promise.reject(error))).rejects.toBe(error);
  expect(spans[0]).toMatchObject({ status: { kind: status }, attributes: { 'error.type': type } });
});

test('a function that throws before its promise is a failed span too', async () => {
  const { ctx, tracer, spans } = world();
  const throws = (): Promise<void> => {
    throw new Error('at once');
  };
  await expect(tracer.span(ctx, { name: 'x', kind: 'internal' }, throws)).rejects.toThrow('at once');
  expect(spans[0]?.status).toEqual({ kind: 'error', message: 'at once' });
});

test('an unsampled trace is passed on and not recorded', async () => {
  const { ctx, tracer, spans } = world();
  const quiet = ctx.derive({ trace: { ...ctx.trace, sampled: false, undecided: false } });
  const inner = await tracer.span(quiet, { name: 'x', kind: 'server' }, async (current) => current.trace);
  expect(inner.sampled).toBe(false);
  expect(inner.spanId).not.toBe(quiet.trace.spanId);
  expect(spans).toEqual([]);
});

test('a span shares deadline and end with its Context', async () => {
  const { ctx, tracer, clock } = world();
  using scope = ctx.withTimeout(10);
  await tracer.span(scope, { name: 'x', kind: 'internal' }, async (inner) => {
    expect(inner.signal).toBe(scope.signal);
    await clock.advance(10);
    expect(() => inner.throwIfAborted()).toThrow(expect.objectContaining({ code: 'DEADLINE_EXCEEDED' }));
  });
});

test('ids come from the Context, so the same seed gives the same spans', async () => {
  const run = async () => {
    const clock = virtualClock();
    const { tracer, spans } = recordingTelemetry({ clock });
    const ctx = createContext({ clock, random: seededRandom('run') });
    await tracer.span(ctx, { name: 'x', kind: 'server' }, () => clock.advance(3));
    return spans;
  };
  expect(await run()).toEqual(await run());
});

test('without telemetry ids still change from span to span, and nothing is written', async () => {
  const telemetry = noTelemetry();
  const ctx = createContext({ clock: virtualClock(), random });
  telemetry.log.child({ a: 1 }).error(ctx, 'unheard');
  const inner = await telemetry.tracer.span(ctx, { name: 'x', kind: 'client' }, async (current, span) => {
    span.set('a', 1);
    span.event('e');
    span.fail('F');
    return current;
  });
  expect(inner.trace.spanId).not.toBe(ctx.trace.spanId);
  expect(inner.trace.root).toBeUndefined();
  await telemetry.close();
});

test('recorded lines can be asked for', () => {
  const { log, logs } = world();
  log.debug(undefined, 'fine', { a: 1 });
  expect(logs).toMatchObject([{ level: 'debug', msg: 'fine', a: 1, service: 'test' }]);
});
