import { createContext, seededRandom, virtualClock } from '@fairlead/core';
import { expect, test } from 'vitest';
import { createTracer } from './create-tracer.ts';
import type { RecordedSpan } from './recorded-span.ts';
import { redaction } from './redaction.ts';
import { sampler } from './sampling.ts';
import { constantSpan } from './span-shape.ts';

function world() {
  const clock = virtualClock();
  const spans: RecordedSpan[] = [];
  const redact = redaction([], []);
  const tracer = createTracer({
    clock,
    sampler: sampler({ keep: 'everything' }),
    redaction: redact,
    record: (span) => spans.push(span),
  });
  return { ctx: createContext({ clock, random: seededRandom(1) }), tracer, redact, spans };
}

test('spans of the same constant options share what the options say', async () => {
  const { ctx, tracer, spans } = world();
  const options = constantSpan({ name: 'GET /x', kind: 'server', attributes: { 'http.route': '/x' } });
  for (let i = 0; i < 2; i++) await tracer.span(ctx, options, async () => {});
  expect(spans[0]?.shape).toBe(spans[1]?.shape);
  expect(spans[0]?.toFinishedSpan().attributes).toMatchObject({ 'http.route': '/x' });
});

test('a span that changes or removes a shared attribute does so for itself alone', async () => {
  const { ctx, tracer, spans } = world();
  const options = constantSpan({ name: 'x', kind: 'client', attributes: { method: 'GET', route: '/x' } });
  await tracer.span(ctx, options, async (_, span) => {
    span.set('method', 'HEAD');
    span.set('route', undefined);
  });
  await tracer.span(ctx, options, async () => {});
  expect(spans.map((span) => span.toFinishedSpan().attributes)).toEqual([
    { method: 'HEAD' },
    { method: 'GET', route: '/x' },
  ]);
});

test('a value that becomes secret is told no more, although its options were read before', async () => {
  const { ctx, tracer, redact, spans } = world();
  const options = constantSpan({ name: 'x', kind: 'client', attributes: { to: 'the-database-password' } });
  await tracer.span(ctx, options, async () => {});
  redact.add('the-database-password');
  await tracer.span(ctx, options, async () => {});
  expect(spans.map((span) => span.toFinishedSpan().attributes['to'])).toEqual(['the-database-password', '[redacted]']);
});

test('what becomes of the object that constant options were made of changes nothing', async () => {
  const { ctx, tracer, spans } = world();
  const attributes = { a: 1 };
  const options = constantSpan({ name: 'x', kind: 'internal', attributes });
  attributes.a = 2;
  await tracer.span(ctx, options, async () => {});
  expect(spans[0]?.toFinishedSpan().attributes).toEqual({ a: 1 });
});

test('a span holds 128 attributes at most, shared ones counted', async () => {
  const { ctx, tracer, spans } = world();
  const attributes = Object.fromEntries(Array.from({ length: 100 }, (_, index) => [`a${index}`, index]));
  await tracer.span(ctx, constantSpan({ name: 'x', kind: 'internal', attributes }), async (_, span) => {
    for (let index = 0; index < 40; index++) span.set(`b${index}`, index);
  });
  expect(Object.keys(spans[0]?.toFinishedSpan().attributes ?? {})).toHaveLength(128);
});
