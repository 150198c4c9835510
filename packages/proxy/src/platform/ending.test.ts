import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { connect, createServer as createTcpServer } from 'node:net';
import type { Socket } from 'node:net';
import { expect, test } from 'vitest';
import { advanceUntil, listenOn, openEdge, stop, textOf } from '../../fixtures/edge.ts';

/** A promise and its resolve, for what a test waits to see. */
function seen<T = void>() {
  return Promise.withResolvers<T>();
}

async function answerOf(outgoing: ReturnType<Awaited<ReturnType<typeof openEdge>>['open']>): Promise<IncomingMessage> {
  const [message] = await once(outgoing, 'response');
  return message as IncomingMessage;
}

test('a caller that goes away before the answer cancels the request at the service', async () => {
  const arrived = seen();
  const cancelled = seen();
  await using edge = await openEdge({
    handler: (_request, response) => {
      response.on('close', () => cancelled.resolve());
      arrived.resolve();
    },
  });
  const outgoing = edge.open('GET', '/orders', { token: await edge.token() }).end();
  outgoing.on('error', () => undefined);
  await arrived.promise;
  outgoing.destroy();
  await cancelled.promise;
  await edge.gateway.close();
  expect(edge.telemetry.logs.find((entry) => entry.msg === 'request')).toMatchObject({
    status: 499,
    code: 'CANCELLED',
  });
});

test('a caller that goes away in the middle of the answer cancels the rest', async () => {
  const cancelled = seen();
  await using edge = await openEdge({
    handler: (_request, response) => {
      response.on('close', () => cancelled.resolve());
      response.write('first');
    },
  });
  const outgoing = edge.open('GET', '/orders', { token: await edge.token() }).end();
  const answer = await answerOf(outgoing);
  answer.on('error', () => undefined);
  await once(answer, 'data');
  outgoing.destroy();
  await cancelled.promise;
});

test('a caller that goes away in the middle of its body leaves the service with a broken one', async () => {
  const arrived = seen();
  const broken = seen<boolean>();
  await using edge = await openEdge({
    handler: (request) => {
      request.on('error', () => undefined);
      request.on('data', () => arrived.resolve());
      request.on('close', () => broken.resolve(request.complete));
    },
  });
  const outgoing = edge.open('POST', '/orders', { token: await edge.token(), headers: { 'content-length': '100' } });
  outgoing.on('error', () => undefined);
  outgoing.write('half');
  await arrived.promise;
  outgoing.destroy();
  expect(await broken.promise).toBe(false);
});

test.each([
  ['chunked', {}],
  ['with a length', { 'content-length': '1000' }],
])(
  'a service that dies in the middle of an answer (%s) breaks the caller’s connection, too',
  async (_name, headers) => {
    const arrived = seen();
    await using edge = await openEdge({
      handler: (request, response) => {
        response.writeHead(200, headers);
        response.write('first');
        void arrived.promise.then(() => request.socket.destroy());
      },
    });
    const outgoing = edge.open('GET', '/orders', { token: await edge.token() }).end();
    const answer = await answerOf(outgoing);
    await once(answer, 'data');
    arrived.resolve();
    await expect(textOf(answer)).rejects.toMatchObject({ code: 'ECONNRESET' });
    expect(answer.complete).toBe(false);
  },
);

test('a service that does not answer in the route’s time is 504, and is told to stop', async () => {
  const arrived = seen();
  const cancelled = seen();
  await using edge = await openEdge({
    routes: [{ path: '/orders', service: 'orders', timeoutMs: 2_000 }],
    handler: (_request, response) => {
      response.on('close', () => cancelled.resolve());
      arrived.resolve();
    },
  });
  const asked = edge.ask('GET', '/orders', { token: await edge.token() });
  await arrived.promise;
  await edge.clock.advance(2_000);
  expect(await asked).toMatchObject({ status: 504, json: { code: 'UPSTREAM_TIMEOUT', processed: 'maybe' } });
  await cancelled.promise;
});

test('time that is over in the middle of an answer cuts it', async () => {
  await using edge = await openEdge({ handler: (_request, response) => void response.write('first') });
  const outgoing = edge.open('GET', '/orders', { token: await edge.token() }).end();
  const answer = await answerOf(outgoing);
  await once(answer, 'data');
  await edge.clock.advance(10_000);
  await expect(textOf(answer)).rejects.toMatchObject({ code: 'ECONNRESET' });
});

test('a body that trickles in for longer than the route’s time is given up', async () => {
  const arrived = seen();
  await using edge = await openEdge({
    handler: (request) => {
      request.on('error', () => undefined);
      request.on('data', () => arrived.resolve());
    },
  });
  const outgoing = edge.open('POST', '/orders', { token: await edge.token(), headers: { 'content-length': '100' } });
  outgoing.on('error', () => undefined);
  outgoing.write('half');
  const answered = answerOf(outgoing);
  await arrived.promise;
  await edge.clock.advance(10_000);
  const answer = await answered;
  expect(answer.statusCode).toBe(504);
  // What is left of the body is read for a while, and then the connection is cut.
  answer.resume();
  const closed = once(outgoing, 'close');
  await advanceUntil(edge.clock, closed, 500);
});

/** The route's time, the look at connections, and what a connection or a pause is waited for with. */
const TIMERS_OF_A_WAIT = 3;

test('a service that stays away is 503, provably without having seen the request', async () => {
  await using edge = await openEdge({ withoutService: true });
  const asked = edge.ask('POST', '/orders', { token: await edge.token(), body: 'x' });
  const answer = await advanceUntil(edge.clock, asked, 50, TIMERS_OF_A_WAIT);
  expect(answer).toMatchObject({ status: 503, json: { code: 'UPSTREAM_UNAVAILABLE', processed: 'no' } });
  expect(answer.headers['retry-after']).toBe('1');
});

test('a request of any method waits for a service that restarts, and reaches it once with its whole body', async () => {
  await using edge = await openEdge({ withoutService: true });
  const bodies: string[] = [];
  const asked = edge.ask('POST', '/orders', { token: await edge.token(), body: 'charge once' });
  while (edge.clock.pending < TIMERS_OF_A_WAIT) await new Promise((resolve) => setImmediate(resolve));
  const service = await listenOn(edge.socketPath, async (request: IncomingMessage, response: ServerResponse) => {
    bodies.push(await textOf(request));
    response.end('done');
  });
  try {
    expect(await advanceUntil(edge.clock, asked, 50, TIMERS_OF_A_WAIT)).toMatchObject({ status: 200, text: 'done' });
    expect(bodies).toEqual(['charge once']);
  } finally {
    await stop(service);
  }
});

test('a service that takes the request and dies is never asked again', async () => {
  let count = 0;
  await using edge = await openEdge({
    handler: (request) => {
      count++;
      request.socket.destroy();
    },
  });
  for (const method of ['GET', 'POST']) {
    const answer = await edge.ask(method, '/orders', { token: await edge.token() });
    expect(answer).toMatchObject({ status: 502, json: { code: 'UPSTREAM_RESET', processed: 'maybe' } });
  }
  expect(count).toBe(2);
});

test('a service that has been replaced at the same path is reached by the next request', async () => {
  await using edge = await openEdge({ withoutService: true });
  for (const name of ['old', 'new']) {
    const service = await listenOn(edge.socketPath, (_request, response) => void response.end(name));
    expect((await edge.ask('GET', '/orders', { token: await edge.token() })).text).toBe(name);
    await stop(service);
    await rm(edge.socketPath, { force: true });
  }
});

test.each([
  ['garbage', 'UPSTREAM_INVALID', 'SSH-2.0-OpenSSH_9.2\r\n'],
  [
    'a switch of protocols',
    'UPSTREAM_INVALID',
    'HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n',
  ],
  ['a head beyond reason', 'UPSTREAM_INVALID', `HTTP/1.1 200 OK\r\nx: ${'a'.repeat(40_000)}\r\n\r\n`],
  ['two lengths', 'UPSTREAM_INVALID', 'HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab'],
])('a service that answers %s is 502 %s', async (_name, code, bytes) => {
  const sockets = new Set<Socket>();
  const service = createTcpServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.once('data', () => socket.write(bytes));
  });
  service.listen(0, '127.0.0.1');
  await once(service, 'listening');
  const address = service.address() as { port: number };
  try {
    await using edge = await openEdge({ endpoints: { orders: { origin: `http://127.0.0.1:${address.port}` } } });
    const answer = await edge.ask('GET', '/orders', { token: await edge.token() });
    expect(answer).toMatchObject({ status: 502, json: { code } });
  } finally {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => service.close(resolve));
  }
});

test('closing lets requests under way end, refuses others on open connections, and accepts no more', async () => {
  const arrived = seen();
  const release = seen();
  await using edge = await openEdge({
    handler: (_request, response) => {
      arrived.resolve();
      void release.promise.then(() => response.end('done'));
    },
  });
  const token = await edge.token();
  const underWay = edge.ask('GET', '/orders', { token });
  await arrived.promise;
  const closed = edge.gateway.close();
  expect(edge.gateway.ready()).toBe(false);
  await expect(edge.ask('GET', '/orders', { token })).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  release.resolve();
  expect(await underWay).toMatchObject({ status: 200, text: 'done' });
  await closed;
  await edge.gateway.close();
});

test('a request that comes on an open connection while the gateway drains is told to come back', async () => {
  const arrived = seen();
  const release = seen();
  await using edge = await openEdge({
    handler: (_request, response) => {
      arrived.resolve();
      void release.promise.then(() => response.end('done'));
    },
  });
  const token = await edge.token();
  const open = connect(Number(new URL(edge.gateway.url).port), '127.0.0.1');
  await once(open, 'connect');
  // Connections are accepted in order: when this request has arrived, the open connection is there, too.
  const underWay = edge.ask('GET', '/orders', { token });
  await arrived.promise;
  const closed = edge.gateway.close();
  let received = '';
  open.on('data', (chunk) => (received += String(chunk)));
  open.write(`GET /orders HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${token}\r\n\r\n`);
  await once(open, 'close');
  expect(received).toMatch(/^HTTP\/1\.1 503 [^]*"code":"DRAINING"/);
  expect(received.toLowerCase()).toContain('connection: close');
  expect(received.toLowerCase()).toContain('retry-after: 1');
  release.resolve();
  expect(await underWay).toMatchObject({ status: 200 });
  await closed;
});

test('what is still under way when the grace time is over is cut', async () => {
  const arrived = seen();
  await using edge = await openEdge({ handler: () => arrived.resolve() });
  const asked = edge.ask('GET', '/orders', { token: await edge.token() });
  await arrived.promise;
  const closed = edge.gateway.close({ graceMs: 3_000 });
  await edge.clock.advance(3_000);
  expect(await asked).toMatchObject({ status: 503, json: { code: 'DRAINING' } });
  await closed;
});
