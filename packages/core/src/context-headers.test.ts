import fc from 'fast-check';
import { expect, test } from 'vitest';
import { contextFromHeaders, contextToHeaders, HEADERS, type IncomingHeaders } from './context-headers.ts';
import { createContext } from './create-context.ts';
import { seededRandom } from './seeded-random.ts';
import { virtualClock } from './virtual-clock.ts';

const random = seededRandom('headers');
const clock = virtualClock();
const read = (headers: IncomingHeaders, options: object = {}) =>
  contextFromHeaders(headers, { clock, random, trusted: true, ...options });

const full = createContext({
  clock,
  random,
  timeoutMs: 1500,
  requestId: 'req-1',
  tenant: 'Zürich, AG',
  caller: { service: 'orders', subject: 'user|ada', roles: ['support', 'a,b'] },
  idempotencyKey: 'from-the-caller',
  criticality: 'critical',
  correlationId: 'c 1',
  baggage: { ring: 'canary' },
});

test('a Context crosses a trusted boundary whole, but for the idempotency key', () => {
  const there = read(contextToHeaders(full, { downstreamKey: 'derived' }));
  expect(there).toMatchObject({
    trace: { traceId: full.trace.traceId, spanId: full.trace.spanId },
    requestId: 'req-1',
    tenant: 'Zürich, AG',
    caller: full.caller,
    idempotencyKey: 'derived',
    criticality: 'critical',
    correlationId: 'c 1',
    baggage: { ring: 'canary' },
  });
  expect(there.remainingMs()).toBe(1500);
  expect(contextToHeaders(full)[HEADERS.idempotencyKey]).toBeUndefined();
});

test('header values are printable ASCII, whatever the Context holds', () => {
  const odd = full.derive({
    tenant: 'line\r\nbreak: x',
    caller: { service: 'ö', subject: '\ud800', roles: ['\u0000'] },
  });
  for (const value of Object.values(contextToHeaders(odd))) expect(value).toMatch(/^[\x20-\x7e]+$/);
  expect(read(contextToHeaders(odd)).tenant).toBe('line\r\nbreak: x');
});

test('the time left shrinks at every hop and is rounded down', async () => {
  const moving = virtualClock();
  const ctx = createContext({ clock: moving, random, timeoutMs: 100.9 });
  await moving.advance(40);
  expect(contextToHeaders(ctx)[HEADERS.timeoutMs]).toBe('60');
  expect(contextToHeaders(createContext({ clock, random }))[HEADERS.timeoutMs]).toBeUndefined();
});

test('what a stranger says about who it is counts for nothing', () => {
  const headers = contextToHeaders(full);
  expect(read(headers, { trusted: false })).toMatchObject({
    tenant: undefined,
    caller: { service: undefined, subject: undefined, roles: [] },
    criticality: 'default',
    correlationId: 'req-1',
    requestId: 'req-1',
    baggage: { ring: 'canary' },
  });
});

test.each([
  ['ours', { 'x-fairlead-timeout-ms': '250' }, 250],
  ["Envoy's", { 'x-envoy-expected-rq-timeout-ms': '250' }, 250],
  ["gRPC's in seconds", { 'grpc-timeout': '2S' }, 2000],
  ["gRPC's in microseconds", { 'grpc-timeout': '1500u' }, 1.5],
  ['the shortest of several', { 'x-fairlead-timeout-ms': '250', 'grpc-timeout': '100m' }, 100],
  ['0, which has passed', { 'x-fairlead-timeout-ms': '0' }, 0],
  ['none: the default', {}, 10_000],
  ['a negative one: the default', { 'x-fairlead-timeout-ms': '-5' }, 10_000],
  ['one in words: the default', { 'x-fairlead-timeout-ms': '1e9' }, 10_000],
  ['one of too many digits: the default', { 'grpc-timeout': '123456789S' }, 10_000],
  ['one given twice: the default', { 'x-fairlead-timeout-ms': ['5', '6'] }, 10_000],
  ['more than is allowed: the most', { 'x-fairlead-timeout-ms': '99999' }, 60_000],
])('time as asked for: %s', (_, headers, expected) => {
  expect(read(headers, { defaultTimeoutMs: 10_000, maxTimeoutMs: 60_000 }).remainingMs()).toBe(expected);
});

test('a stranger can shorten the default time and not lengthen it', () => {
  const asked = (timeoutMs: string) =>
    read({ 'x-fairlead-timeout-ms': timeoutMs }, { trusted: false, defaultTimeoutMs: 5000 }).remainingMs();
  expect(asked('100')).toBe(100);
  expect(asked('999999')).toBe(5000);
  expect(read({ 'x-fairlead-timeout-ms': '999999' }, { defaultTimeoutMs: 5000 }).remainingMs()).toBe(999_999);
});

test('a malformed traceparent starts a new trace, and tracestate goes with it', () => {
  const { trace, requestId } = read({ traceparent: '00-zz-1-01', tracestate: 'a=1' });
  expect(trace).toMatchObject({ root: true, state: undefined });
  expect(requestId).toBe(trace.traceId);
});

test.each(['a b', 'x'.repeat(129), 'a\r\nb', 'ä', '', '<script>'])('%j is no request id', (value) => {
  const ctx = read({ 'x-request-id': value });
  expect(ctx.requestId).toBe(ctx.trace.traceId);
});

test.each([['two', 'keys'], 'has space', 'x'.repeat(256), 'ä', ''])('%j is no idempotency key', (value) => {
  expect(read({ 'idempotency-key': value }).idempotencyKey).toBeUndefined();
});

test('an idempotency key in quotes is taken as it is', () => {
  expect(read({ 'idempotency-key': '"8e03978e"' }).idempotencyKey).toBe('"8e03978e"');
});

test.each([
  ['a tenant that is too long', { 'x-fairlead-tenant': 'x'.repeat(1025) }],
  ['a tenant of bad percent-encoding', { 'x-fairlead-tenant': '%zz' }],
  ['a tenant given twice', { 'x-fairlead-tenant': ['a', 'b'] }],
  ['a tenant that is not encoded', { 'x-fairlead-tenant': 'a b' }],
  ['an unknown criticality', { 'x-fairlead-criticality': 'CRITICAL' }],
  ['a role of bad percent-encoding', { 'x-fairlead-roles': 'admin,%zz' }],
  ['an empty role', { 'x-fairlead-roles': 'admin,,x' }],
])('%s counts as not given', (_, headers) => {
  expect(read(headers)).toMatchObject({ tenant: undefined, criticality: 'default', caller: { roles: [] } });
});

test('nothing that a header says makes it throw', () => {
  const text = fc.string({ unit: 'binary', maxLength: 40 });
  const value = fc.oneof(text, fc.array(text, { maxLength: 3 }), fc.constant(undefined));
  const names = fc.constantFrom(...Object.values(HEADERS), 'grpc-timeout', 'x-envoy-expected-rq-timeout-ms');
  fc.assert(
    fc.property(fc.dictionary(names, value, { maxKeys: 6 }), fc.boolean(), (headers, trusted) => {
      const sent = Object.values(contextToHeaders(read(headers, { trusted })));
      return sent.every((header) => /^[\x20-\x7e\t]*$/.test(header));
    }),
  );
});

test('a stranger continues its trace, and does not decide whether it is recorded', () => {
  const traceId = '0af7651916cd43dd8448eb211c80319c';
  for (const [flags, sampled] of [
    ['00', false],
    ['01', true],
  ] as const) {
    const traceparent = `00-${traceId}-b7ad6b7169203331-${flags}`;
    const undecided = { traceId, sampled: true, undecided: true };
    expect(read({ traceparent }, { trusted: false }).trace).toMatchObject(undecided);
    const { trace } = read({ traceparent }, { trusted: true });
    expect(trace).toMatchObject({ traceId, sampled });
    expect(trace.undecided).toBeUndefined();
  }
});
