import { seededRandom } from '@fairlead/core';
import { expect, test } from 'vitest';
import { spanIdIn, TraceIds, traceIdIn } from './trace-ids.ts';

const LINES = /^traceparent: 00-([0-9a-f]{32})-([0-9a-f]{16})-00\r\nx-request-id: ([0-9a-f]{32})\r\n$/;

test('lines name a new trace, its span and the request by its trace, also when the stock has been used up', () => {
  const ids = new TraceIds(seededRandom(1));
  const seen = new Set<string>();
  for (let count = 0; count < 300; count += 1) {
    const lines = ids.lines();
    const [, traceId, spanId, requestId] = LINES.exec(lines) ?? [];
    expect(traceIdIn(lines)).toBe(traceId);
    expect(spanIdIn(lines)).toBe(spanId);
    expect(requestId).toBe(traceId);
    seen.add(`${traceId}${spanId}`);
  }
  expect(seen.size).toBe(300);
});

test('ids are the bytes of the random source', () => {
  const bytes = Uint8Array.from({ length: 24 * 128 }, (_, index) => index);
  const ids = new TraceIds({ ...seededRandom(1), bytes: () => bytes });
  const lines = ids.lines();
  expect(traceIdIn(lines)).toBe('000102030405060708090a0b0c0d0e0f');
  expect(spanIdIn(lines)).toBe('1011121314151617');
});

test('an id of zeros is none', () => {
  const ids = new TraceIds({ ...seededRandom(1), bytes: (count) => new Uint8Array(count) });
  const lines = ids.lines();
  expect(traceIdIn(lines)).toBe(`${'0'.repeat(31)}1`);
  expect(spanIdIn(lines)).toBe(`${'0'.repeat(15)}1`);
});
