import { expect, test } from 'vitest';
import { formatTraceparent, parseTraceparent } from './traceparent.ts';

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const SPAN = 'b7ad6b7169203331';

test('what is written is read back', () => {
  const trace = { traceId: TRACE, spanId: SPAN, sampled: true, state: 'vendor=1' };
  expect(parseTraceparent(formatTraceparent(trace), trace.state)).toEqual(trace);
  expect(formatTraceparent({ ...trace, sampled: false })).toBe(`00-${TRACE}-${SPAN}-00`);
});

test.each([
  ['nothing', undefined],
  ['an empty header', ''],
  ['capitals', `00-${TRACE.toUpperCase()}-${SPAN}-01`],
  ['a trace id of zeros', `00-${'0'.repeat(32)}-${SPAN}-01`],
  ['a span id of zeros', `00-${TRACE}-${'0'.repeat(16)}-01`],
  ['the forbidden version', `ff-${TRACE}-${SPAN}-01`],
  ['more than version 00 has', `00-${TRACE}-${SPAN}-01-extra`],
  ['a short trace id', `00-${TRACE.slice(1)}-${SPAN}-01`],
  ['two of them', `00-${TRACE}-${SPAN}-01,00-${TRACE}-${SPAN}-01`],
  ['a flood', `01-${TRACE}-${SPAN}-01-${'x'.repeat(600)}`],
])('%s is no traceparent', (_, header) => {
  expect(parseTraceparent(header)).toBeUndefined();
});

test('a later version is read as far as 00 defines it, and unknown flags are ignored', () => {
  expect(parseTraceparent(`cc-${TRACE}-${SPAN}-01-what-comes`)).toMatchObject({ traceId: TRACE, sampled: true });
  expect(parseTraceparent(`00-${TRACE}-${SPAN}-fe`)?.sampled).toBe(false);
});

test('a tracestate that is too long, has too many members or is malformed is left out', () => {
  const read = (state: string) => parseTraceparent(`00-${TRACE}-${SPAN}-01`, state)?.state;
  expect(read(' a=1, b=2 ')).toBe('a=1, b=2');
  expect(read(`a=${'1'.repeat(511)}`)).toBeUndefined();
  expect(read(Array.from({ length: 33 }, (_, i) => `k${i}=1`).join(','))).toBeUndefined();
  expect(read('a=1\u0007')).toBeUndefined();
  expect(read('plain')).toBeUndefined();
});
