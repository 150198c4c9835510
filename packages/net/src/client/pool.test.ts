import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createContext, realClock, realTurn, seededRandom, virtualClock, type Clock } from '@fairlead/core';
import { expect, onTestFinished, test } from 'vitest';
import { clientPool, type Pool } from './pool.ts';
import type { PoolOptions } from './options.ts';
import type { WholeRequest } from './call.ts';

const random = seededRandom('pool');
const GET: WholeRequest = { method: 'GET', target: '/', fields: {}, body: undefined };
const OK = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok';

/** A server that does what a test says with each connection, and a pool to it. */
async function world(
  onSocket: (socket: Socket, index: number) => void,
  options: Partial<PoolOptions> = {},
): Promise<{ pool: Pool; sockets: Socket[]; server: Server; clock: Clock }> {
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    socket.on('error', () => {});
    sockets.push(socket);
    onSocket(socket, sockets.length - 1);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const clock = options.clock ?? realClock();
  const pool = clientPool({ endpoint: { host: '127.0.0.1', port }, clock, ...options });
  onTestFinished(async () => {
    await pool.close();
    for (const socket of sockets) socket.destroy();
    await new Promise<void>((resolve) => void server.close(() => resolve()));
  });
  return { pool, sockets, server, clock };
}

/** Answers every request whose head has ended. */
function answering(answer: string) {
  return (socket: Socket): void => {
    let text = '';
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1');
      if (!text.includes('\r\n\r\n')) return;
      text = '';
      socket.write(answer);
    });
  };
}

/** Waits for what the machine will have done in a moment. */
async function until(isDone: () => boolean): Promise<void> {
  while (!isDone()) await realTurn();
}

const forever = () => createContext({ clock: realClock(), random });
const bodyOf = async (pool: Pool, request = GET) => (await pool.request(forever(), request)).body.toString();

test('one after the other, requests share a connection', async () => {
  const { pool, sockets } = await world(answering(OK));
  for (let i = 0; i < 5; i++) expect(await bodyOf(pool)).toBe('ok');
  expect(sockets).toHaveLength(1);
});

test('a request goes as it was given, over TCP and over a Unix socket, with a body beyond ASCII too', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'fl-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const path = join(folder, 's');
  const heard: string[] = [];
  const { pool, server } = await world((socket) => {
    socket.on('data', (chunk: Buffer) => {
      heard.push(chunk.toString('utf8'));
      if (chunk.includes('}')) socket.write(OK);
    });
  });
  const unix = createServer((socket) => void server.emit('connection', socket)).listen(path);
  await once(unix, 'listening');
  onTestFinished(() => new Promise<void>((resolve) => void unix.close(() => resolve())));
  await using overSocket = clientPool({ endpoint: { path }, clock: realClock() });
  for (const body of ['{"a":1}', '{"a":"ä€😀"}']) {
    const request = { method: 'POST', target: '/x?y=1', fields: { accept: 'application/json' }, body };
    const sent = (host: RegExp) =>
      new RegExp(
        `^POST /x\\?y=1 HTTP/1.1\r\naccept: application/json\r\nhost: ${host.source}\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}$`,
      );
    heard.length = 0;
    await pool.request(forever(), request);
    expect(heard.join('')).toMatch(sent(/127\.0\.0\.1:\d+/));
    heard.length = 0;
    await overSocket.request(forever(), request);
    expect(heard.join('')).toMatch(sent(/localhost/));
  }
});

test('a request without a body says so where its method could have one', async () => {
  const heard: string[] = [];
  const { pool } = await world((socket) => {
    socket.on('data', (chunk: Buffer) => {
      heard.push(chunk.toString());
      socket.write(OK);
    });
  });
  for (const method of ['GET', 'DELETE', 'POST']) await pool.request(forever(), { ...GET, method });
  expect(heard.map((text) => /content-length: (\d+)/.exec(text)?.[1])).toEqual([undefined, undefined, '0']);
});

test('there are no more connections than allowed, and who came first is served first', async () => {
  const waiting: Socket[] = [];
  const { pool, sockets } = await world((socket) => socket.on('data', () => waiting.push(socket)), {
    maxConnections: 2,
  });
  const order: number[] = [];
  const answers = [0, 1, 2, 3, 4].map(async (index) => {
    await bodyOf(pool);
    order.push(index);
  });
  for (let done = 0; done < 5; done++) {
    await until(() => waiting.length === Math.min(2, 5 - done));
    waiting.shift()?.write(OK);
    await until(() => order.length === done + 1);
  }
  await Promise.all(answers);
  expect(order).toEqual([0, 1, 2, 3, 4]);
  expect(sockets).toHaveLength(2);
});

test('what finds the line full is refused, and was surely not sent', async () => {
  const { pool } = await world(() => {}, { maxConnections: 1, maxWaiting: 1 });
  const held = [pool.request(forever(), GET), pool.request(forever(), GET)];
  for (const each of held) each.catch(() => {});
  await expect(pool.request(forever(), GET)).rejects.toMatchObject({
    code: 'CONNECTION_FAILED',
    details: { processed: 'no' },
  });
});

test('whoever gives up leaves the line, or takes the connection along', async () => {
  const closed: number[] = [];
  const heard: number[] = [];
  const { pool, sockets } = await world(
    (socket, index) => {
      socket.on('close', () => closed.push(index)).resume();
      if (index > 0) answering(OK)(socket);
      socket.on('data', () => heard.push(index));
    },
    { maxConnections: 1 },
  );
  using first = forever();
  using second = forever();
  const sent = pool.request(first, GET);
  const waiting = pool.request(second, GET);
  const last = bodyOf(pool);
  await until(() => heard.length === 1);
  second.cancel();
  await expect(waiting).rejects.toMatchObject({ code: 'CANCELLED' });
  expect(closed).toEqual([]);
  first.cancel();
  await expect(sent).rejects.toMatchObject({ code: 'CANCELLED' });
  await until(() => closed.length > 0);
  expect(closed).toEqual([0]);
  expect(await last).toBe('ok');
  expect(sockets).toHaveLength(2);
  // Nobody has heard of the one that left the line.
  expect(heard).toEqual([0, 1]);
});

test('work that has ended already sends nothing', async () => {
  const { pool, sockets } = await world(answering(OK));
  using ctx = forever();
  ctx.cancel();
  await expect(pool.request(ctx, GET)).rejects.toMatchObject({ code: 'CANCELLED' });
  expect(await bodyOf(pool)).toBe('ok');
  expect(sockets).toHaveLength(1);
});

test('an endpoint where nobody listens was surely not asked', async () => {
  await using gone = clientPool({ endpoint: { path: '/nowhere/at/all.sock' }, clock: realClock(), maxConnections: 1 });
  const asked = await Promise.allSettled([1, 2, 3].map(() => gone.request(forever(), GET)));
  for (const each of asked) {
    expect(each).toMatchObject({ reason: { code: 'CONNECTION_FAILED', details: { processed: 'no', why: 'ENOENT' } } });
  }
});

test('a connection that does not open in time is given up, TLS included', async () => {
  const clock = virtualClock();
  const { server, sockets } = await world(() => {});
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  await using pool = clientPool({ endpoint: { host: '127.0.0.1', port, isTls: true }, clock, connectTimeoutMs: 50 });
  const answer = pool.request(forever(), GET);
  answer.catch(() => {});
  await until(() => sockets.length === 1);
  await clock.advance(50);
  await expect(answer).rejects.toMatchObject({ details: { processed: 'no', why: 'CONNECT_TIMEOUT' } });
});

test('a kept connection that ends before its answer may have been heard', async () => {
  const { pool, sockets } = await world((socket) => {
    let requests = 0;
    socket.on('data', () => (requests++ === 0 ? socket.write(OK) : socket.destroy()));
  });
  expect(await bodyOf(pool)).toBe('ok');
  await expect(pool.request(forever(), GET)).rejects.toMatchObject({ details: { processed: 'maybe' } });
  expect(await bodyOf(pool)).toBe('ok');
  expect(sockets).toHaveLength(2);
});

test('a connection that the server has closed meanwhile is not used', async () => {
  const { pool, sockets } = await world(answering(OK));
  expect(await bodyOf(pool)).toBe('ok');
  const closed = once(sockets[0] as Socket, 'close');
  sockets[0]?.end();
  await closed;
  expect(await bodyOf(pool)).toBe('ok');
  expect(sockets).toHaveLength(2);
});

test('an unused connection is closed when its time is up, and one whose timer is late is not used', async () => {
  const clock = virtualClock();
  const { pool, sockets } = await world(answering(OK), { clock, idleTimeoutMs: 100 });
  expect(await bodyOf(pool)).toBe('ok');
  await clock.advance(60);
  expect(await bodyOf(pool)).toBe('ok');
  await clock.advance(99);
  expect(sockets).toHaveLength(1);
  const closed = once(sockets[0] as Socket, 'close');
  await clock.advance(1);
  await closed;
  expect(clock.pending).toBe(0);
  expect(await bodyOf(pool)).toBe('ok');
  expect(sockets).toHaveLength(2);
});

test('a server that keeps connections for less is believed', async () => {
  const clock = virtualClock();
  const { pool, sockets } = await world(answering(OK.replace('\r\n\r\n', '\r\nkeep-alive: timeout=2\r\n\r\n')), {
    clock,
  });
  await bodyOf(pool);
  await clock.advance(999);
  await bodyOf(pool);
  expect(sockets).toHaveLength(1);
  await clock.advance(1_000);
  await bodyOf(pool);
  expect(sockets).toHaveLength(2);
});

test.each([
  ['a length', 'HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello', 'GET', 'hello'],
  ['chunks', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n', 'GET', 'hello'],
  ['a provisional answer before it', `HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n${OK}`, 'GET', 'ok'],
  ['no body, to HEAD', 'HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n', 'HEAD', ''],
  ['no body, by its status', 'HTTP/1.1 204 No Content\r\n\r\n', 'GET', ''],
])('an answer with %s is read, and the connection kept', async (_, answer, method, body) => {
  const { pool, sockets } = await world(answering(answer));
  for (let i = 0; i < 2; i++) expect(await bodyOf(pool, { ...GET, method })).toBe(body);
  expect(sockets).toHaveLength(1);
});

test('an answer in many pieces is put together', async () => {
  const { pool } = await world((socket) => {
    const bytes = Buffer.from('HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nä€😀');
    socket.on('data', () => {
      const rest = [...bytes];
      const next = (): void => {
        const byte = rest.shift();
        if (byte !== undefined) socket.write(Buffer.of(byte), next);
      };
      next();
    });
  });
  expect(await bodyOf(pool)).toBe('ä€😀');
});

test.each([
  ['ends with the connection', 'HTTP/1.1 200 OK\r\n\r\nhello', 'hello'],
  ['says that it is the last', OK.replace('\r\n\r\n', '\r\nconnection: close\r\n\r\n'), 'ok'],
])('an answer that %s is the last of its connection', async (_, answer, body) => {
  const { pool, sockets } = await world((socket) => socket.on('data', () => socket.end(answer)));
  for (let i = 0; i < 2; i++) expect(await bodyOf(pool)).toBe(body);
  expect(sockets).toHaveLength(2);
});

test('a server that says more than it was asked for is not asked on that connection again', async () => {
  const { pool, sockets } = await world(answering(`${OK}HTTP/1.1 200 OK\r\n`));
  for (let i = 0; i < 2; i++) expect(await bodyOf(pool)).toBe('ok');
  expect(sockets).toHaveLength(2);
});

test.each([
  ['is too large', 'HTTP/1.1 200 OK\r\ncontent-length: 101\r\n\r\n', 'HTTP_BODY_TOO_LARGE'],
  ['is no HTTP', 'SSH-2.0-OpenSSH\r\n', 'HTTP_MALFORMED'],
])('an answer that %s fails, and the server may have acted on the request', async (_, answer, code) => {
  const { pool } = await world(answering(answer), { maxAnswerBytes: 100 });
  await expect(pool.request(forever(), GET)).rejects.toMatchObject({ code, details: { processed: 'maybe' } });
});

test('an answer that breaks off fails', async () => {
  const { pool } = await world((socket) =>
    socket.on('data', () => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhe')),
  );
  await expect(pool.request(forever(), GET)).rejects.toMatchObject({
    code: 'HTTP_INCOMPLETE',
    details: { processed: 'maybe' },
  });
});

test('a request that HTTP can not carry is refused before anything is opened', async () => {
  const { pool, sockets } = await world(answering(OK));
  const request = { ...GET, fields: { 'x-a': 'one\r\nx-b: two' } };
  await expect(pool.request(forever(), request)).rejects.toMatchObject({ code: 'UNSENDABLE' });
  expect(await bodyOf(pool)).toBe('ok');
  expect(sockets).toHaveLength(1);
});

test('closing ends what waits and what was sent, and takes nothing more', async () => {
  const { pool, sockets } = await world(() => {}, { maxConnections: 1 });
  const sent = pool.request(forever(), GET);
  const waiting = pool.request(forever(), GET);
  const outcomes = Promise.allSettled([sent, waiting]);
  await until(() => sockets.length === 1);
  await once(sockets[0] as Socket, 'data');
  await Promise.all([pool.close(), pool.close()]);
  expect(await outcomes).toMatchObject([
    { reason: { code: 'CONNECTION_FAILED', details: { processed: 'maybe' } } },
    { reason: { code: 'CONNECTION_FAILED', details: { processed: 'no' } } },
  ]);
  await expect(pool.request(forever(), GET)).rejects.toMatchObject({ details: { processed: 'no' } });
});

test.each([
  { maxConnections: 0 },
  { maxWaiting: -1 },
  { connectTimeoutMs: 0 },
  { idleTimeoutMs: 0.5 },
  { maxAnswerBytes: Number.NaN },
])('%o is refused at construction', (wrong) => {
  expect(() => clientPool({ endpoint: { path: '/x' }, clock: virtualClock(), ...wrong })).toThrow(
    expect.objectContaining({ code: 'MISCONFIGURED' }),
  );
});
