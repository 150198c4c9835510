import { once } from 'node:events';
import { connect, constants, type ClientHttp2Session, type OutgoingHttpHeaders } from 'node:http2';
import { connect as connectTcp } from 'node:net';
import { realClock } from '@fairlead/core';
import { afterEach, expect, test } from 'vitest';
import type { Fields } from '../http1/fields.ts';
import { serve, type NetServer } from '../server/serve.ts';
import type { ServerRequest } from '../server/server-request.ts';
import { testCertificate } from '../testing/test-certificate.ts';
import { certificates } from '../tls/certificates.ts';

const clock = realClock();
const certificate = testCertificate({ names: ['shop.test'] });
const open: { close(): unknown }[] = [];
afterEach(async () => {
  for (const each of open.splice(0).toReversed()) await each.close();
});

async function served(onRequest: (request: ServerRequest) => void, isTls = true): Promise<NetServer> {
  const tls = { certificates: await certificates({ read: () => Promise.resolve([certificate]), clock }) };
  const server = await serve({
    listen: { host: '127.0.0.1', port: 0 },
    clock,
    ...(isTls ? { tls } : {}),
    hasHttp2: true,
    limits: { maxHeadBytes: 4_096 },
    onRequest,
    refusal: ({ code }) => ({ status: 400, fields: {}, body: code }),
  });
  open.push({ close: () => server.close({ graceMs: 0 }) });
  return server;
}

function client({ url }: NetServer): ClientHttp2Session {
  const session = connect(url, { ca: certificate.cert, servername: 'shop.test' });
  session.on('error', () => {});
  open.push({ close: () => session.destroy() });
  return session;
}

/** Asks by a stream, and collects what comes back; the status is 0 when the stream was reset. */
async function ask(session: ClientHttp2Session, headers: OutgoingHttpHeaders, body?: string | Buffer) {
  const stream = session.request({ ':authority': 'shop.test', ...headers }, { endStream: body === undefined });
  let status = 0;
  let fields: Record<string, unknown> = {};
  stream.on('response', (received) => {
    status = Number(received[':status']);
    fields = received;
  });
  const parts: Buffer[] = [];
  stream.on('data', (part: Buffer) => parts.push(part));
  stream.on('error', () => {});
  if (body !== undefined) stream.end(body);
  await new Promise((resolve) => stream.once('close', resolve));
  return { status, fields, body: Buffer.concat(parts).toString(), code: stream.rstCode };
}

/** Answers with what it was asked. */
const echo = (request: ServerRequest): void => {
  const { head } = request;
  const answer = (body: Buffer): void =>
    request.answer(
      200,
      {
        'x-method': head.method,
        'x-target': head.target,
        'x-host': head.host,
        'x-cookie': head.fields.get('cookie'),
        'set-cookie': ['a=1', 'b=2'],
      },
      body,
    );
  const body = request.body(10 * 1024 * 1024);
  if (body instanceof Promise) void body.then(answer, () => undefined);
  else answer(body);
};

test.each([true, false])('requests come over HTTP/2, with TLS (%s) or without', async (isTls) => {
  const session = client(await served(echo, isTls));
  const answer = await ask(session, { ':path': '/orders?a=1', cookie: ['a=1', 'b=2'] });
  expect(answer).toMatchObject({ status: 200, body: '', code: 0 });
  expect(answer.fields).toMatchObject({
    'x-method': 'GET',
    'x-target': '/orders?a=1',
    'x-host': 'shop.test',
    'x-cookie': 'a=1; b=2',
    'set-cookie': ['a=1', 'b=2'],
  });
  expect(answer.fields).not.toHaveProperty('connection');
  expect(answer.fields).not.toHaveProperty('transfer-encoding');
});

test('bodies go both ways, of known length and not, and many streams share the connection', async () => {
  const session = client(await served(echo));
  const large = Buffer.alloc(1_500_000, 'x');
  const asked = Array.from({ length: 20 }, (_, index) =>
    ask(session, { ':method': 'POST', ':path': '/' }, `body ${index}`),
  );
  expect((await Promise.all(asked)).map(({ body }) => body)).toEqual(
    Array.from({ length: 20 }, (_, index) => `body ${index}`),
  );
  expect((await ask(session, { ':method': 'POST', ':path': '/' }, large)).body).toHaveLength(large.length);
  const stated = { ':method': 'POST', ':path': '/', 'content-length': '5' };
  expect((await ask(session, stated, 'hello')).body).toBe('hello');
});

test('one listener speaks both versions', async () => {
  const server = await served(echo, false);
  expect((await ask(client(server), { ':path': '/' })).status).toBe(200);
  const socket = connectTcp(Number(new URL(server.url).port), '127.0.0.1');
  socket.end('GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n');
  let heard = '';
  socket.on('data', (part: Buffer) => (heard += part.toString()));
  await once(socket, 'close');
  expect(heard).toMatch(/^HTTP\/1\.1 200 /);
});

test.each<[string, OutgoingHttpHeaders]>([
  ['a target with a blank', { ':path': '/a b' }],
  ['a target that is no path', { ':path': 'orders' }],
  ['another host than the authority', { ':path': '/', host: 'else.test' }],
  ['an authority that is none', { ':path': '/', ':authority': 'a b' }],
  ['a method that is none', { ':method': 'GE T', ':path': '/' }],
  ['a fragment', { ':path': '/a#b' }],
  ['a target beyond the limit', { ':path': `/${'a'.repeat(9_000)}` }],
])('%s never reaches anybody', async (_, headers) => {
  const reached: ServerRequest[] = [];
  const session = client(
    await served((request) => {
      reached.push(request);
      echo(request);
    }),
  );
  const answer = await ask(session, headers).catch(() => ({ status: 400 }));
  expect(answer.status === 0 || answer.status >= 400).toBe(true);
  expect(reached).toEqual([]);
});

test('trailers go both ways, and that they are taken is said', async () => {
  let heard: readonly string[] = [];
  const session = client(
    await served((request) => {
      const takes = String(request.head.takesTrailers);
      request.beginAnswer(200, `x-takes: ${takes}\r\n`, -1);
      request.part(Buffer.from('body'));
      const sink = {
        isWanting: true,
        isWhole: false,
        copies: false,
        data: () => {},
        fail: () => {},
        end: (trailers: Fields) => {
          heard = trailers.list;
          request.endAnswer('grpc-status: 0\r\nx-twice: 1\r\nx-twice: 2\r\n');
        },
      };
      request.receive(sink, 100);
    }),
  );
  const stream = session.request({ ':method': 'POST', ':path': '/', te: 'trailers' }, { waitForTrailers: true });
  stream.on('wantTrailers', () => stream.sendTrailers({ 'x-sum': '7' }));
  const trailed = once(stream, 'trailers');
  stream.resume();
  stream.end('body');
  const [fields] = await once(stream, 'response');
  expect(fields).toMatchObject({ 'x-takes': 'true' });
  const [trailers] = await trailed;
  expect(trailers).toEqual(expect.objectContaining({ 'grpc-status': '0', 'x-twice': '1, 2' }));
  expect(heard).toEqual(['x-sum', '7']);
});

test('a body that its client cuts off never looks whole, nor does an answer that is cut off here', async () => {
  const told = Promise.withResolvers<string>();
  const answered: ServerRequest[] = [];
  const session = client(
    await served((request) => {
      if (request.head.method === 'GET') {
        answered.push(request);
        request.beginAnswer(200, '', 10);
        request.part(Buffer.from('part'));
        return;
      }
      const sink = {
        isWanting: true,
        isWhole: false,
        copies: false,
        data: () => stream.destroy(new Error('cut')),
        fail: () => told.resolve('cut'),
        end: () => told.resolve('whole'),
      };
      request.receive(sink, 100);
    }),
  );
  const stream = session.request({ ':method': 'POST', ':path': '/' });
  stream.on('error', () => {});
  stream.write('part');
  expect(await told.promise).toBe('cut');
  const answer = session.request({ ':path': '/' });
  let hasEnded = false;
  answer.on('error', () => {});
  answer.on('end', () => (hasEnded = true));
  await once(answer, 'data');
  answered[0]?.cut();
  await new Promise((resolve) => answer.once('close', resolve));
  expect([hasEnded, answer.rstCode]).toEqual([false, constants.NGHTTP2_INTERNAL_ERROR]);
});

test('fields of the connection go no further, and name no bodies', async () => {
  const seen: string[] = [];
  const session = client(
    await served((request) => {
      seen.push(...request.head.fields.list);
      echo(request);
    }),
  );
  const answer = await ask(session, { ':method': 'POST', ':path': '/', expect: '100-continue' }, 'x');
  expect(answer.body).toBe('x');
  expect(seen).not.toContain('expect');
  expect(seen.filter((name) => name === 'transfer-encoding')).toHaveLength(1);
});

test('a client that resets its stream is gone, and an answer that is cut does not look whole', async () => {
  const gone = Promise.withResolvers<void>();
  const session = client(
    await served((request) => {
      if (request.head.target === '/cut') {
        request.beginAnswer(200, '', 100);
        request.part(Buffer.from('half'));
        setImmediate(() => request.cut());
      } else request.onGone(() => gone.resolve());
    }),
  );
  const waiting = session.request({ ':path': '/wait', ':authority': 'shop.test' });
  waiting.on('error', () => {});
  await new Promise((resolve) => setImmediate(resolve));
  waiting.close(constants.NGHTTP2_CANCEL);
  await gone.promise;
  const cut = await ask(session, { ':path': '/cut' });
  expect(cut.status).toBe(200);
  expect(cut.code).not.toBe(constants.NGHTTP2_NO_ERROR);
});

test('a session with many streams that were cancelled ends when the others have, and the next one is as good as new', async () => {
  const part = 'x'.repeat(64 * 1024);
  const held = Promise.withResolvers<ServerRequest>();
  const server = await served((request) => {
    if (request.head.target === '/held') return held.resolve(request);
    return request.answer(200, {}, request.head.target === '/large' ? part : 'ok');
  });
  const session = client(server);
  const closed = new Promise((resolve) => session.once('close', resolve));
  const waiting = ask(session, { ':path': '/held' });
  const request = await held.promise;
  for (let count = 0; count < 1_000 && !session.closed; count += 1) {
    const stream = session.request({ ':path': '/large', ':authority': 'shop.test' });
    stream.on('error', () => {});
    stream.once('response', () => stream.close(constants.NGHTTP2_CANCEL));
    await new Promise((resolve) => stream.once('close', resolve));
  }
  expect(session.closed).toBe(true);
  request.answer(200, {}, 'done');
  expect(await waiting).toMatchObject({ status: 200, body: 'done' });
  await closed;
  expect(await ask(client(server), { ':path': '/' })).toMatchObject({ status: 200, body: 'ok' });
});

test('a client that resets stream after stream is sent away', async () => {
  const session = client(await served(() => {}));
  const closed = new Promise((resolve) => session.once('close', resolve));
  await once(session, 'connect');
  for (let index = 0; index < 2_000 && !session.destroyed && !session.closed; index += 1) {
    const stream = session.request({ ':path': '/', ':authority': 'shop.test' });
    stream.on('error', () => {});
    await new Promise((resolve) => setImmediate(resolve));
    stream.close(constants.NGHTTP2_CANCEL);
  }
  await closed;
  expect(session.destroyed).toBe(true);
});

test('while it drains, streams under way are answered and no new ones begin', async () => {
  const held = Promise.withResolvers<ServerRequest>();
  const server = await served((request) => held.resolve(request));
  const session = client(server);
  const answer = ask(session, { ':path': '/' });
  const request = await held.promise;
  const closing = server.close({ graceMs: 5_000 });
  request.answer(200, {}, 'done');
  expect(await answer).toMatchObject({ status: 200, body: 'done' });
  await closing;
  expect(server.connections).toBe(0);
});
