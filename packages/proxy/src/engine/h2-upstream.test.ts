import { once } from 'node:events';
import { constants, createServer, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { get, running } from './engine.fixture.ts';

type OnStream = (stream: ServerHttp2Stream, headers: Record<string, unknown>) => void;

/** An upstream that speaks HTTP/2 without TLS, as a cluster. */
async function h2Cluster(onStream: OnStream) {
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
  return { clusters: { orders: { endpoints: [`http://127.0.0.1:${port}`], protocol: 'h2' } } };
}

test('a request of HTTP/1.1 is answered by an upstream of HTTP/2', async () => {
  let seen: Record<string, unknown> = {};
  const what = await h2Cluster((stream, headers) => {
    seen = headers;
    stream.respond({ ':status': 200, 'content-length': 2, 'x-fairlead-inside': 'no' });
    stream.end('ok');
  });
  const { client } = await running(what);
  const wire = client().send(get('/orders?a=1', 'Connection: close', 'X-Own: 1'));
  expect(await wire.closed).toMatch(/^HTTP\/1\.1 200 OK\r\n[^]*content-length: 2\r\n[^]*\r\n\r\nok$/);
  expect(wire.text).not.toContain('x-fairlead-inside');
  expect(seen).toMatchObject({ ':path': '/orders?a=1', 'x-own': '1', 'x-forwarded-proto': 'http' });
  expect(seen).not.toHaveProperty('connection');
});

test('a stream that was refused is asked for once more, whatever its method', async () => {
  let count = 0;
  const what = await h2Cluster((stream) => {
    count += 1;
    if (count === 1) return stream.close(constants.NGHTTP2_REFUSED_STREAM);
    return stream.respond({ ':status': 204 }, { endStream: true });
  });
  const { client } = await running(what);
  const wire = client().send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nok');
  expect(await wire.got('\r\n\r\n')).toMatch(/^HTTP\/1\.1 204 /);
  expect(count).toBe(2);
});

test('a request above the last one that GOAWAY names is asked for once more on another session; those before are answered there', async () => {
  const streams: ServerHttp2Stream[] = [];
  const seen: string[] = [];
  const sessions = new Set<unknown>();
  const what = await h2Cluster((stream, headers) => {
    sessions.add(stream.session);
    seen.push(String(headers[':path']));
    streams.push(stream);
    // The server takes no notice of the second one, as it says.
    if (streams.length === 2) stream.session?.goaway(constants.NGHTTP2_NO_ERROR, streams[0]?.id);
    if (streams.length < 3) return;
    for (const each of [streams[2], streams[0]]) each?.respond({ ':status': 204 }, { endStream: true });
  });
  const { client } = await running(what);
  const post = (path: string) => client().send(`POST ${path} HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nok`);
  const first = post('/first');
  await expect.poll(() => streams.length, { timeout: 20_000 }).toBe(1);
  const second = post('/second');
  expect(await second.got('\r\n\r\n')).toMatch(/^HTTP\/1\.1 204 /);
  expect(await first.got('\r\n\r\n')).toMatch(/^HTTP\/1\.1 204 /);
  expect(seen).toEqual(['/first', '/second', '/second']);
  expect(sessions.size).toBe(2);
});

test('a stream that breaks in the middle cuts the client', async () => {
  const streams: ServerHttp2Stream[] = [];
  const what = await h2Cluster((stream) => {
    stream.respond({ ':status': 200 });
    stream.write('part');
    streams.push(stream);
  });
  const { client } = await running(what);
  const wire = client().send(get('/'));
  await wire.got('part');
  streams[0]?.destroy(new Error('broken'));
  const text = await wire.closed;
  expect(text).not.toContain('0\r\n\r\n');
});

test('a client that goes away resets the stream', async () => {
  const reset = Promise.withResolvers<number>();
  const what = await h2Cluster((stream) => {
    stream.on('close', () => reset.resolve(stream.rstCode));
    stream.respond({ ':status': 200 });
    stream.write('part');
  });
  const { client } = await running(what);
  const wire = client().send(get('/'));
  await wire.got('part');
  wire.socket.destroy();
  expect(await reset.promise).toBe(constants.NGHTTP2_CANCEL);
});

test('large bodies go through both ways', async () => {
  const what = await h2Cluster((stream) => {
    stream.respond({ ':status': 200 });
    stream.pipe(stream);
  });
  const { client } = await running(what);
  const body = 'x'.repeat(900_000);
  const wire = client().send(
    `POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  );
  const text = await wire.closed;
  expect(text.endsWith('0\r\n\r\n')).toBe(true);
  expect(text.match(/x/g)?.length).toBeGreaterThanOrEqual(body.length);
});
