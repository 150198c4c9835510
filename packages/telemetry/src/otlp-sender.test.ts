import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { bytesOf } from './json-buffer.ts';
import { otlpSender } from './otlp-sender.ts';

interface Seen {
  readonly method: string | undefined;
  readonly url: string | undefined;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

async function collector(listen: number | string, status = 200) {
  const seen: Seen[] = [];
  const connections: Socket[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (text: string) => (body += text));
    request.on('end', () => {
      seen.push({ method: request.method, url: request.url, headers: request.headers, body });
      response.writeHead(status).end('{}');
    });
  });
  server.on('connection', (socket: Socket) => connections.push(socket));
  const listening = Promise.withResolvers<void>();
  server.listen(typeof listen === 'number' ? { port: listen, host: '127.0.0.1' } : { path: listen }, listening.resolve);
  await listening.promise;
  const address = server.address();
  return {
    seen,
    connections,
    origin: typeof address === 'object' && address !== null ? `http://127.0.0.1:${address.port}` : '',
    async [Symbol.asyncDispose]() {
      const closed = Promise.withResolvers<void>();
      server.close(() => closed.resolve());
      server.closeAllConnections();
      await closed.promise;
    },
  };
}

const never = new AbortController().signal;

test('spans go to /v1/traces below the base, with the headers given', async () => {
  await using target = await collector(0);
  await otlpSender({ url: `${target.origin}/base/`, headers: { authorization: 'Bearer x' } }).send(
    bytesOf('{"ä":1}'),
    never,
  );
  expect(target.seen).toMatchObject([
    { method: 'POST', url: '/base/v1/traces', body: '{"ä":1}', headers: { authorization: 'Bearer x' } },
  ]);
  expect(target.seen[0]?.headers['content-type']).toBe('application/json');
});

test('a unix socket is as good as a port', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'fl-'));
  try {
    await using target = await collector(join(dir, 'c.sock'));
    await otlpSender({ url: `unix:${join(dir, 'c.sock')}` }).send(bytesOf('{}'), never);
    await otlpSender({ url: `unix:${join(dir, 'c.sock')}:/otlp` }).send(bytesOf('{}'), never);
    expect(target.seen.map(({ url }) => url)).toEqual(['/v1/traces', '/otlp/v1/traces']);
  } finally {
    await rm(dir, { recursive: true });
  }
});

test.each([
  [400, 'EXPORT_REFUSED'],
  [404, 'EXPORT_REFUSED'],
  [429, 'EXPORT_FAILED'],
  [503, 'EXPORT_FAILED'],
  [302, 'EXPORT_FAILED'],
])('an answer of %i is %s', async (status, code) => {
  await using target = await collector(0, status);
  await expect(otlpSender({ url: target.origin }).send(bytesOf('{}'), never)).rejects.toMatchObject({ code });
});

test('nobody there is EXPORT_FAILED with the reason', async () => {
  const { send } = otlpSender({ url: 'unix:/nowhere/at/all.sock' });
  await expect(send(bytesOf('{}'), never)).rejects.toMatchObject({
    code: 'EXPORT_FAILED',
    message: expect.stringContaining('ENOENT'),
  });
});

test('one connection takes all requests until it is closed', async () => {
  await using target = await collector(0);
  const { send, close } = otlpSender({ url: target.origin });
  for (let i = 0; i < 3; i++) await send(bytesOf('{}'), never);
  expect(target.connections).toHaveLength(1);
  const ended = once(target.connections[0] as Socket, 'close');
  close();
  await ended;
});

test('a kept connection that the collector closes under a request costs nothing but another', async () => {
  await using target = await collector(0);
  const { send, close } = otlpSender({ url: target.origin });
  await send(bytesOf('{"n":1}'), never);
  target.connections[0]?.once('data', () => target.connections[0]?.destroy());
  await send(bytesOf('{"n":2}'), never);
  expect(target.seen.map(({ body }) => body).at(-1)).toBe('{"n":2}');
  expect(target.connections).toHaveLength(2);
  close();
});

test('an abort ends the request', async () => {
  await using target = await collector(0);
  const stop = AbortSignal.abort();
  await expect(otlpSender({ url: target.origin }).send(bytesOf('{}'), stop)).rejects.toMatchObject({
    code: 'EXPORT_FAILED',
  });
  expect(target.seen).toEqual([]);
});

test.each(['localhost:4318', 'ftp://x', '', 'unix:relative'])('%j is refused with what would do', (url) => {
  expect(() => otlpSender({ url })).toThrow('give http://host:4318, https://… or unix:/path/to.sock');
});
