import { once } from 'node:events';
import {
  constants,
  createSecureServer,
  createServer,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import { createServer as createTcpServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { createContext, realClock, realTurn, seededRandom, virtualClock, type FairleadError } from '@fairlead/core';
import { afterEach, expect, test } from 'vitest';
import type { Fields } from '../http1/fields.ts';
import type { ResponseHead } from '../http1/response-head.ts';
import { testCertificate } from '../testing/test-certificate.ts';
import type { Carried, Carrier } from './carried.ts';
import { clientPool, type Pool } from './pool.ts';

const clock = realClock();
const open: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of open.splice(0).toReversed()) await close();
});

type OnStream = (stream: ServerHttp2Stream, headers: Record<string, unknown>, raw: readonly string[]) => void;

async function listening(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  // A TCP server's address is an object once it listens.
  return (server.address() as AddressInfo).port;
}

/** A server of HTTP/2, and a pool for it. */
async function world(onStream: OnStream, options: Partial<Parameters<typeof clientPool>[0]> = {}, settings = {}) {
  const server = createServer({ settings });
  const sessions = new Set<ServerHttp2Session>();
  server.on('session', (session) => {
    sessions.add(session);
    session.on('error', () => {});
  });
  server.on('stream', (stream, headers, _flags, raw: readonly string[]) => {
    stream.on('error', () => {});
    onStream(stream, headers, raw);
  });
  const port = await listening(server);
  open.push(() => {
    for (const session of sessions) session.destroy();
    server.close();
  });
  return { pool: pooled({ endpoint: { host: '127.0.0.1', port }, ...options }), sessions };
}

function pooled(options: Omit<Parameters<typeof clientPool>[0], 'clock'> & { clock?: typeof clock }): Pool {
  const pool = clientPool({ clock, protocol: 'h2', host: 'shop.test', ...options });
  open.push(() => pool.close());
  return pool;
}

const ctx = () => createContext({ clock, random: seededRandom('h2'), timeoutMs: 20_000 });
const GET = { method: 'GET', target: '/orders?a=1', fields: {}, body: undefined };

/** A request told step by step, with all that comes back. */
class Told implements Carried {
  readonly method: string = 'POST';
  readonly offersUpgrade = false;
  carrier: Carrier | undefined;
  text = '';
  rooms = 0;
  readonly begun = Promise.withResolvers<Carrier>();
  readonly headed = Promise.withResolvers<ResponseHead>();
  readonly ended = Promise.withResolvers<Fields>();
  readonly failed = Promise.withResolvers<{ reason: FairleadError; wasKept: boolean }>();

  begin(carrier: Carrier): void {
    this.carrier = carrier;
    carrier.latin1('POST /s HTTP/1.1\r\nhost: shop.test\r\nte: trailers\r\ntransfer-encoding: chunked\r\n\r\n');
    this.begun.resolve(carrier);
  }
  head(head: ResponseHead): void {
    if (head.status >= 200) this.headed.resolve(head);
  }
  data(part: Buffer): void {
    this.text += part.toString('latin1');
  }
  end(trailers: Fields): void {
    this.ended.resolve(trailers);
  }
  room(): void {
    this.rooms += 1;
  }
  fail(reason: FairleadError, wasKept: boolean): void {
    this.failed.resolve({ reason, wasKept });
  }
}

const chunk = (text: string): string => `${text.length.toString(16)}\r\n${text}\r\n`;

test('a request goes by HTTP/2 with its fields, and its answer is one of HTTP/1.1', async () => {
  let seen: readonly string[] = [];
  const { pool } = await world((stream, _headers, raw) => {
    seen = raw;
    stream.respond({ ':status': 201, 'content-length': 2, 'set-cookie': ['a=1', 'b=2'] });
    stream.end('ok');
  });
  const answer = await pool.request(ctx(), { ...GET, fields: { 'x-a': ['1', '2'], accept: '*/*' } });
  expect(answer.status).toBe(201);
  expect(answer.body.toString()).toBe('ok');
  expect(answer.fields.all('set-cookie')).toEqual(['a=1', 'b=2']);
  expect(seen.slice(0, 8)).toEqual([
    ':method',
    'GET',
    ':path',
    '/orders?a=1',
    ':scheme',
    'http',
    ':authority',
    'shop.test',
  ]);
  expect(seen.join()).toContain('x-a,1,x-a,2');
  expect(seen).not.toContain('host');
});

test('many requests share a session, and their bodies go both ways', async () => {
  const { pool, sessions } = await world((stream) => {
    stream.respond({ ':status': 200 });
    stream.pipe(stream);
  });
  const body = 'x'.repeat(300_000);
  const bodies = await Promise.all(
    Array.from({ length: 30 }, (_, index) =>
      pool.request(ctx(), { ...GET, method: 'POST', body: `${index}${body}` }).then((answer) => answer.body.toString()),
    ),
  );
  expect(bodies).toEqual(Array.from({ length: 30 }, (_, index) => `${index}${body}`));
  expect(sessions.size).toBe(1);
});

test('a server that allows few streams is given more sessions, once it has said so', async () => {
  const { pool, sessions } = await world(
    (stream) => {
      stream.respond({ ':status': 200 });
      stream.end('ok');
    },
    {},
    { maxConcurrentStreams: 2 },
  );
  await pool.request(ctx(), GET);
  const answers = await Promise.all(Array.from({ length: 6 }, () => pool.request(ctx(), GET)));
  expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 6 }, () => 200));
  // The second one is given all before it has said how many it takes.
  expect(sessions.size).toBe(2);
});

test('streams go both ways at once, and trailers both ways after them', async () => {
  let heard: unknown;
  const { pool } = await world((stream, headers) => {
    stream.respond(
      { ':status': 200, te: String(headers['te']) === 'trailers' ? undefined : 'x' },
      { waitForTrailers: true },
    );
    stream.on('data', (part) => stream.write(part));
    stream.on('trailers', (trailers) => (heard = trailers['x-sum']));
    stream.on('end', () => stream.end());
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
  });
  const told = new Told();
  pool.carry(told);
  const carrier = await told.begun.promise;
  expect((await told.headed.promise).status).toBe(200);
  carrier.latin1(chunk('one'));
  while (told.text !== 'one') await realTurn();
  carrier.latin1(`${chunk('two')}0\r\nx-sum: 7\r\n\r\n`);
  carrier.sent();
  expect((await told.ended.promise).list).toEqual(['grpc-status', '0']);
  expect(told.text).toBe('onetwo');
  expect(heard).toBe('7');
});

test('an answer of nothing but a head is one without a body', async () => {
  const { pool } = await world((stream) => stream.respond({ ':status': 200, 'grpc-status': '5' }, { endStream: true }));
  const { status, fields, body } = await pool.request(ctx(), GET);
  expect([status, fields.get('grpc-status'), body.length]).toEqual([200, '5', 0]);
});

test.each([
  ['REFUSED_STREAM', 'no', constants.NGHTTP2_REFUSED_STREAM, true],
  ['INTERNAL_ERROR', 'maybe', constants.NGHTTP2_INTERNAL_ERROR, false],
] as const)('a stream that is reset with %s was processed: %s', async (name, processed, code, wasKept) => {
  const { pool } = await world((stream) => stream.close(code));
  const told = new Told();
  pool.carry(told);
  const failed = await told.failed.promise;
  expect(failed.reason).toMatchObject({ code: 'CONNECTION_FAILED', details: { processed, why: `HTTP2_${name}` } });
  expect(failed.wasKept).toBe(wasKept);
});

test('streams after the last one that GOAWAY names are provably unprocessed; those before may have been', async () => {
  const streams: ServerHttp2Stream[] = [];
  const { pool } = await world((stream) => {
    streams.push(stream);
    if (streams.length === 2) stream.session?.goaway(constants.NGHTTP2_INTERNAL_ERROR, streams[0]?.id);
  });
  const first = new Told();
  pool.carry(first);
  while (streams.length === 0) await realTurn();
  const second = new Told();
  pool.carry(second);
  expect((await second.failed.promise).reason.details).toMatchObject({ processed: 'no' });
  expect((await first.failed.promise).reason.details).toMatchObject({ processed: 'maybe' });
});

test('a session that says goodbye is followed by another', async () => {
  const { pool, sessions } = await world((stream) => {
    stream.respond({ ':status': 200 });
    stream.end('ok');
    stream.session?.close();
  });
  for (let count = 0; count < 3; count += 1) expect((await pool.request(ctx(), GET)).status).toBe(200);
  expect(sessions.size).toBe(3);
});

test('whoever gives up resets the stream, and the session lives on', async () => {
  const closed = Promise.withResolvers<number>();
  let count = 0;
  const { pool, sessions } = await world((stream) => {
    count += 1;
    if (count > 1) return stream.respond({ ':status': 200 }, { endStream: true });
    stream.on('close', () => closed.resolve(stream.rstCode));
    return undefined;
  });
  const told = new Told();
  pool.carry(told);
  (await told.begun.promise).latin1(chunk('x'));
  while (count === 0) await realTurn();
  told.carrier?.abandon();
  expect(await closed.promise).toBe(constants.NGHTTP2_CANCEL);
  expect((await pool.request(ctx(), GET)).status).toBe(200);
  expect(sessions.size).toBe(1);
});

test('an answer of known length is no reason to reset its stream', async () => {
  const closed = Promise.withResolvers<number>();
  const streams: ServerHttp2Stream[] = [];
  const { pool } = await world((stream) => {
    streams.push(stream);
    if (streams.length === 1) stream.on('close', () => closed.resolve(stream.rstCode));
    stream.respond({ ':status': 200, 'content-length': 2 });
    stream.write('ok');
  });
  await pool.request(ctx(), GET);
  // What the client has sent by now has come before this one.
  await pool.request(ctx(), GET);
  streams[0]?.end();
  expect(await closed.promise).toBe(constants.NGHTTP2_NO_ERROR);
});

test('an answer whose reader is paused stays with the server', async () => {
  let written = 0;
  const { pool } = await world((stream) => {
    stream.respond({ ':status': 200 });
    const more = (): void => {
      while (written < 20_000_000) {
        written += 100_000;
        if (!stream.write(Buffer.alloc(100_000, 'x'))) return;
      }
      stream.end();
    };
    stream.on('drain', more);
    more();
  });
  const told = new Told();
  pool.carry(told);
  const carrier = await told.begun.promise;
  carrier.latin1('0\r\n\r\n');
  carrier.sent();
  await told.headed.promise;
  carrier.pause();
  // Another request's way there and back is time enough for what could come.
  for (let index = 0; index < 20; index += 1) await realTurn();
  const whilePaused = written;
  expect(whilePaused).toBeLessThan(2_000_000);
  carrier.resume();
  await told.ended.promise;
  expect(told.text).toHaveLength(20_000_000);
});

test('a server that takes nothing stops the one who sends', async () => {
  const { pool } = await world((stream) => {
    stream.pause();
    setImmediate(() => setImmediate(() => stream.resume()));
    stream.on('end', () => {
      stream.respond({ ':status': 200 });
      stream.end('ok');
    });
  });
  const told = new Told();
  pool.carry(told);
  const carrier = await told.begun.promise;
  const part = Buffer.from(chunk('x'.repeat(60_000)), 'latin1');
  let sent = 0;
  while (carrier.bytes(part)) sent += 1;
  expect(sent).toBeLessThan(40);
  while (told.rooms === 0) await realTurn();
  carrier.latin1('0\r\n\r\n');
  carrier.sent();
  expect((await told.ended.promise).list).toEqual([]);
  expect(told.text).toBe('ok');
});

test('an answer whose head is larger than the limit is none', async () => {
  const { pool } = await world((stream) =>
    stream.respond({ ':status': 200, x: 'x'.repeat(50_000) }, { endStream: true }),
  );
  await expect(pool.request(ctx(), GET)).rejects.toMatchObject({ details: { processed: 'maybe' } });
});

test('over TLS, HTTP/2 is what is offered', async () => {
  const { key, cert } = testCertificate({ names: ['shop.test'] });
  const offered: string[][] = [];
  const server = createSecureServer({
    key,
    cert,
    ALPNCallback: ({ protocols }) => {
      offered.push(protocols);
      return undefined;
    },
  });
  const port = await listening(server);
  open.push(() => server.close());
  const pool = pooled({ endpoint: { host: '127.0.0.1', port, isTls: true, serverName: 'shop.test' } });
  await expect(pool.request(ctx(), GET)).rejects.toMatchObject({ details: { processed: 'no' } });
  expect(offered).toEqual([['h2']]);
});

test('a server that is not there has provably done nothing', async () => {
  const dead = createTcpServer();
  const port = await listening(dead);
  await new Promise((resolve) => dead.close(resolve));
  await expect(pooled({ endpoint: { host: '127.0.0.1', port } }).request(ctx(), GET)).rejects.toMatchObject({
    code: 'CONNECTION_FAILED',
    details: { processed: 'no', why: 'ECONNREFUSED' },
  });
});

test('a server that answers no ping after a request was given up is not asked over that session again', async () => {
  const sockets: Socket[] = [];
  const heard: PromiseWithResolvers<void>[] = [Promise.withResolvers(), Promise.withResolvers()];
  const silent = createTcpServer((socket) => {
    const at = sockets.push(socket) - 1;
    socket.on('error', () => {});
    socket.on('data', () => heard[at]?.resolve());
  });
  const port = await listening(silent);
  open.push(() => {
    for (const socket of sockets) socket.destroy();
    silent.close();
  });
  const virtual = virtualClock();
  const pool = pooled({ endpoint: { host: '127.0.0.1', port }, clock: virtual });
  const first = new Told();
  pool.carry(first);
  const carrier = await first.begun.promise;
  await heard[0]?.promise;
  await realTurn();
  carrier.abandon();
  await realTurn();
  await virtual.advance(2_000);
  await realTurn();
  pool.carry(new Told());
  await heard[1]?.promise;
  expect(sockets).toHaveLength(2);
});

test('a closed pool leaves no session', async () => {
  const { pool, sessions } = await world((stream) => stream.respond({ ':status': 200 }, { endStream: true }));
  await pool.request(ctx(), GET);
  const [session] = sessions;
  if (session === undefined) throw new Error('There was no session.');
  const gone = once(session, 'close');
  await pool.close();
  await gone;
});
