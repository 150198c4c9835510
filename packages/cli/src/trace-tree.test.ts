import { expect, test } from 'vitest';
import { palette } from './colour.ts';
import { traceTree } from './trace-tree.ts';

const traceId = 'ab'.repeat(16);
function span(id: string, parentSpanId: string | undefined, startMs: number, tookMs: number, extra: object = {}) {
  const times = { startTimeUnixNano: String(startMs * 1e6), endTimeUnixNano: String((startMs + tookMs) * 1e6) };
  return {
    traceId,
    spanId: id,
    ...(parentSpanId === undefined ? {} : { parentSpanId }),
    name: `work ${id}`,
    ...times,
    ...extra,
  };
}
const of = (service: string, ...spans: ReturnType<typeof span>[]) => ({
  resource: { attributes: [{ key: 'service.name', value: { stringValue: service } }] },
  scopeSpans: [{ spans }],
});

test('a trace is a tree in order of time, each span below the one that caused it, whichever service recorded it', () => {
  const trace = {
    resourceSpans: [
      of('payments', span('d', 'b', 12, 3, { status: { code: 2, message: 'card declined' } })),
      of('gateway', span('a', undefined, 10, 1500)),
      of('orders', span('c', 'a', 20, 5), span('b', 'a', 11, 6)),
    ],
  };
  expect(`\n${traceTree(trace, palette(false)).join('\n')}\n`).toBe(`
trace ${traceId}  4 spans in 3 services, 1.50 s
     BEGAN        TOOK  SPAN
  +0.00 ms      1.50 s  gateway work a
  +1.00 ms     6.00 ms  ├─ orders work b
  +2.00 ms     3.00 ms  │  └─ payments work d error: card declined
  +10.0 ms     5.00 ms  └─ orders work c
`);
});

test('a span whose parent has not arrived stands at the root, and a circle does not hang', () => {
  const trace = { resourceSpans: [of('orders', span('x', 'gone', 5, 1), span('y', 'y', 6, 1))] };
  const lines = traceTree(trace, palette(false));
  expect(lines.filter((line) => /work [xy]$/.test(line))).toHaveLength(2);
});

test('a trace of which only failures are recorded says so', () => {
  const attributes = [{ key: 'fairlead.sampled', value: { boolValue: false } }];
  const trace = { resourceSpans: [of('orders', span('x', 'gone', 5, 1, { attributes }))] };
  expect(traceTree(trace, palette(false)).at(-1)).toContain('these are only its failures');
  const whole = { resourceSpans: [of('orders', span('x', undefined, 5, 1))] };
  expect(traceTree(whole, palette(false)).join()).not.toContain('only its failures');
});

test('escape sequences in names can not reach the terminal', () => {
  const trace = { resourceSpans: [of('ev\u001b[2Jil', span('x', undefined, 0, 1, { name: 'a\u0007b\nc' }))] };
  expect(traceTree(trace, palette(false)).join('|')).toContain('evil ab c');
  // oxlint-disable-next-line no-control-regex
  expect(traceTree(trace, palette(false)).join('|')).not.toMatch(/[\u0007\u001b]/);
});
