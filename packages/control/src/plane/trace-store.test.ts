import { expect, test } from 'vitest';
import { readExport, type RecordedSpan } from './otlp.ts';
import { createTraceStore } from './trace-store.ts';

const traceId = (n: number): string => n.toString(16).padStart(32, '0');
const spanId = (n: number): string => n.toString(16).padStart(16, '0');

function span(trace: number, id: number, extra: Record<string, unknown> = {}): RecordedSpan {
  const times = { startTimeUnixNano: String(id * 1_000_000), endTimeUnixNano: String(id * 1_000_000 + 500_000) };
  const resource = { attributes: [{ key: 'service.name', value: { stringValue: 'orders' } }] };
  return {
    resource,
    scope: undefined,
    span: { traceId: traceId(trace), spanId: spanId(id), name: `span ${id}`, ...times, ...extra },
  };
}
const requestId = (id: string) => ({ attributes: [{ key: 'fairlead.request_id', value: { stringValue: id } }] });

test('a trace is found by its id in any case, and by a request id in it', () => {
  const store = createTraceStore();
  store.add([span(0xabc, 1, requestId('my-request')), span(0xabc, 2)]);
  const found = store.find(traceId(0xabc).toUpperCase());
  expect(found?.resourceSpans).toHaveLength(1);
  expect(found?.resourceSpans[0]?.scopeSpans[0]?.spans.map(({ name }) => name)).toEqual(['span 1', 'span 2']);
  expect(store.find('my-request')).toEqual(found);
  expect(store.find('another')).toBeUndefined();
});

test('the oldest trace goes when there are too many, with its request ids, and it is counted', () => {
  const store = createTraceStore({ maxTraces: 2 });
  store.add([span(1, 1, requestId('r1')), span(2, 2)]);
  store.add([span(3, 3)]);
  expect(store.find(traceId(1))).toBeUndefined();
  expect(store.find('r1')).toBeUndefined();
  expect(store.find(traceId(3))).toBeDefined();
  expect(store.counts()).toMatchObject({ traces: 2, droppedTraces: 1 });
});

test('bytes are bounded too, and given back when a trace goes', () => {
  const store = createTraceStore({ maxBytes: 1_000 });
  for (let n = 1; n <= 100; n += 1) store.add([span(n, n)]);
  expect(store.counts().bytes).toBeLessThanOrEqual(1_000);
  expect(store.counts().droppedTraces).toBe(100 - store.counts().traces);
  expect(store.find(traceId(100))).toBeDefined();
});

test('one trace can not grow without bound, and a span that comes twice is kept once', () => {
  const store = createTraceStore({ maxSpansPerTrace: 2 });
  store.add([span(1, 1), span(1, 1), span(1, 2), span(1, 3)]);
  expect(store.latest(1)[0]?.spans).toBe(2);
  expect(store.counts().droppedSpans).toBe(1);
});

test('the latest traces come first, with what began them, how long they took and how many spans failed', () => {
  const store = createTraceStore();
  store.add([span(1, 1_000), span(2, 5_000), span(2, 5_010, { status: { code: 2 } })]);
  expect(store.latest(10)).toEqual([
    {
      traceId: traceId(2),
      name: 'span 5000',
      service: 'orders',
      startMs: 5_000,
      durationMs: 10.5,
      spans: 2,
      errors: 1,
    },
    { traceId: traceId(1), name: 'span 1000', service: 'orders', startMs: 1_000, durationMs: 0.5, spans: 1, errors: 0 },
  ]);
  expect(store.latest(1)).toHaveLength(1);
});

test('an export request with malformed spans keeps the others and counts those', () => {
  const body = { resourceSpans: [{ scopeSpans: [{ spans: [span(1, 1).span, { traceId: 'x' }, null] }] }, 5] };
  expect(readExport(body)).toMatchObject({ rejected: 2, spans: [{ span: { name: 'span 1' } }] });
  expect(readExport({})).toBeUndefined();
  expect(readExport([])).toBeUndefined();
});
