import { once } from 'node:events';
import { connect, createServer, type ClientHttp2Stream, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { Fields } from '@fairlead/net';
import { expect, onTestFinished, test } from 'vitest';
import { linesOf, running } from './engine.fixture.ts';
import { grpcAnswer, grpcTimeoutMs } from './grpc.ts';

type OnStream = (stream: ServerHttp2Stream, headers: Record<string, unknown>) => void;

/** A message of gRPC: not compressed, its length, its bytes. */
function frame(text: string): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(text.length, 1);
  return Buffer.concat([head, Buffer.from(text)]);
}

/** A server of gRPC behind a proxy, and a client before it. */
async function world(onStream: OnStream, route: object = {}) {
  const server = createServer();
  server.on('session', (session) => {
    session.on('error', () => {});
    onTestFinished(() => session.destroy());
  });
  server.on('stream', (stream, headers) => {
    stream.on('error', () => {});
    onStream(stream, headers);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  // A TCP server's address is an object once it listens.
  const { port } = server.address() as AddressInfo;
  const proxy = await running({
    listener: { http2: true },
    clusters: { orders: { endpoints: [`http://127.0.0.1:${port}`], protocol: 'h2' } },
    routes: [{ name: 'orders', match: { grpc: { service: 'shop.Orders' } }, to: 'orders', timeout: '10s', ...route }],
  });
  const session = connect(proxy.engine.urls.get('web') ?? '');
  session.on('error', () => {});
  onTestFinished(() => session.destroy());
  const call = (method: string, fields: Record<string, string> = {}) =>
    new Call(
      session.request({
        ':method': 'POST',
        ':path': method,
        'content-type': 'application/grpc',
        te: 'trailers',
        ...fields,
      }),
    );
  return { ...proxy, call };
}

/** One call, as its client sees it. */
class Call {
  readonly stream: ClientHttp2Stream;
  head: Record<string, unknown> = {};
  trailers: Record<string, unknown> = {};
  text = '';
  readonly closed: Promise<unknown>;

  constructor(stream: ClientHttp2Stream) {
    this.stream = stream;
    stream.on('response', (head) => (this.head = head));
    stream.on('trailers', (trailers) => (this.trailers = trailers));
    stream.on('data', (part: Buffer) => (this.text += part.toString('latin1')));
    stream.on('error', () => {});
    this.closed = new Promise((resolve) => stream.on('close', resolve));
  }
}

const answered = (stream: ServerHttp2Stream, status = '0'): void => {
  stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
  stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': status, 'x-own': 'kept' }));
};

test('a unary call goes through, with its status behind the answer', async () => {
  let asked: Record<string, unknown> = {};
  const { call } = await world((stream, headers) => {
    asked = headers;
    answered(stream);
    stream.on('data', () => {});
    stream.on('end', () => stream.end(frame('hello')));
  });
  const one = call('/shop.Orders/Place');
  one.stream.end(frame('ada'));
  await one.closed;
  expect(one.text).toBe(frame('hello').toString('latin1'));
  expect(one.head).toMatchObject({ ':status': 200, 'content-type': 'application/grpc' });
  expect(one.trailers).toMatchObject({ 'grpc-status': '0', 'x-own': 'kept' });
  expect(asked).toMatchObject({ ':path': '/shop.Orders/Place', te: 'trailers', 'content-type': 'application/grpc' });
});

test('a call that streams both ways is answered message by message', async () => {
  const { call } = await world((stream) => {
    answered(stream);
    stream.on('data', (part: Buffer) => stream.write(part));
    stream.on('end', () => stream.end());
  });
  const one = call('/shop.Orders/Watch');
  await once(one.stream, 'response');
  for (const text of ['one', 'two', 'three']) {
    const heard = once(one.stream, 'data');
    one.stream.write(frame(text));
    await heard;
    expect(one.text.endsWith(text)).toBe(true);
  }
  one.stream.end();
  await one.closed;
  expect(one.trailers).toMatchObject({ 'grpc-status': '0' });
});

test('an answer of nothing but trailers stays one', async () => {
  const { call } = await world((stream) =>
    stream.respond({ ':status': 200, 'content-type': 'application/grpc', 'grpc-status': '5' }, { endStream: true }),
  );
  const one = call('/shop.Orders/Place');
  one.stream.end(frame('ada'));
  await one.closed;
  expect(one.head).toMatchObject({ 'grpc-status': '5' });
  expect(one.text).toBe('');
  expect(one.trailers).toEqual({});
});

test('what the proxy answers itself is gRPC’s status, and is told of as what it is', async () => {
  const { call, telemetry } = await world(() => {});
  const one = call('/shop.Payments/Pay');
  one.stream.end(frame('ada'));
  await one.closed;
  expect(one.head).toMatchObject({ ':status': 200, 'content-type': 'application/grpc', 'grpc-status': '12' });
  expect(String(one.head['grpc-message'])).toContain('NO_ROUTE: ');
  expect(linesOf(telemetry)).toMatchObject([{ status: 404, code: 'NO_ROUTE' }]);
});

test('the time that a call says it has is its deadline, and goes on', async () => {
  const asked = Promise.withResolvers<unknown>();
  const { call, clock } = await world((_stream, headers) => asked.resolve(headers['grpc-timeout']));
  const one = call('/shop.Orders/Place', { 'grpc-timeout': '2S' });
  one.stream.end(frame('ada'));
  expect(await asked.promise).toBe('2000m');
  await clock.advance(1_999);
  expect(one.head).toEqual({});
  await clock.advance(1);
  await one.closed;
  expect(one.head).toMatchObject({ 'grpc-status': '4' });
});

test('a call can’t have more time than its route', async () => {
  const asked = Promise.withResolvers<void>();
  const { call, clock } = await world(() => asked.resolve());
  const one = call('/shop.Orders/Place', { 'grpc-timeout': '1H' });
  one.stream.end(frame('ada'));
  await asked.promise;
  await clock.advance(10_000);
  await one.closed;
  expect(one.head).toMatchObject({ 'grpc-status': '4' });
});

test.each([
  ['2H', 7_200_000],
  ['15M', 900_000],
  ['7S', 7_000],
  ['99999999m', 99_999_999],
  ['500u', 0.5],
  ['99999999S', undefined],
  ['123456789m', undefined],
  ['-1m', undefined],
  ['5', undefined],
])('grpc-timeout %s is %s ms', (text, ms) => {
  expect(grpcTimeoutMs(new Fields(['grpc-timeout', text]))).toBe(ms);
});

test.each([
  [400, '13'],
  [401, '16'],
  [403, '7'],
  [404, '12'],
  [413, '2'],
  [429, '14'],
  [500, '2'],
  [502, '14'],
  [503, '14'],
])('%i is status %s of gRPC', (status, expected) => {
  const { fields } = grpcAnswer({ status, cause: 'WHY', detail: '100 % – so' });
  expect(fields?.['grpc-status']).toBe(expected);
  expect(fields?.['grpc-message']).toBe('WHY: 100 %25 %E2%80%93 so');
});
