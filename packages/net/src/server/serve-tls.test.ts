import { once } from 'node:events';
import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls, type ConnectionOptions, type TLSSocket } from 'node:tls';
import { realClock } from '@fairlead/core';
import { expect, test } from 'vitest';
import { testCertificate, type TestCertificate } from '../testing/test-certificate.ts';
import { certificates } from '../tls/certificates.ts';
import type { ServerTls } from './acceptor.ts';
import { serve } from './serve.ts';
import type { ServerRequest } from './server-request.ts';

const clock = realClock();
const authority = testCertificate({ subject: 'authority', isAuthority: true });
const shop = testCertificate({ names: ['shop.test', 'localhost'], issuer: authority });

interface WorldOptions {
  readonly pairs?: readonly TestCertificate[];
  readonly tls?: Partial<ServerTls> | false;
  readonly hasProxyHeader?: boolean;
  readonly headTimeoutMs?: number;
  /** Answers instead. */
  readonly onRequest?: (request: ServerRequest) => void;
}

/** A server that answers with whom it takes the client to be. */
async function world({
  pairs = [shop],
  tls = {},
  hasProxyHeader = false,
  headTimeoutMs = 10_000,
  onRequest = (request) => request.answer(200, {}, `${request.peer.isTls ? 'tls' : 'plain'} ${request.peer.address}`),
}: WorldOptions = {}) {
  const held = [...pairs];
  const kept = await certificates({ read: () => Promise.resolve(held), clientAuthority: authority.cert, clock });
  const server = await serve({
    listen: { host: '127.0.0.1', port: 0 },
    clock,
    ...(tls === false ? {} : { tls: { certificates: kept, ...tls } }),
    hasProxyHeader,
    limits: { headTimeoutMs },
    onRequest,
    refusal: ({ code }) => ({ status: 400, fields: {}, body: code }),
  });
  const port = Number(new URL(server.url).port);
  return {
    server,
    port,
    kept,
    held,
    tls: (options: ConnectionOptions = {}) =>
      connectTls({ port, host: '127.0.0.1', servername: 'shop.test', ca: authority.cert, ...options }),
    [Symbol.asyncDispose]: () => server.close({ graceMs: 0 }),
  };
}

const REQUEST = 'GET / HTTP/1.1\r\nhost: shop.test\r\nconnection: close\r\n\r\n';

/** What a server says until it closes. */
async function heard(socket: Socket): Promise<string> {
  let text = '';
  socket.on('data', (chunk: Buffer) => (text += chunk.toString()));
  socket.on('error', () => {});
  await new Promise((resolve) => socket.once('close', resolve));
  return text;
}

/** The body of the answer to a request on the socket. */
async function asked(socket: Socket): Promise<string | undefined> {
  socket.end(REQUEST);
  return (await heard(socket)).split('\r\n\r\n')[1];
}

test('requests come over TLS, by the certificate that their name has', async () => {
  const other = testCertificate({ names: ['*.other.test'], issuer: authority });
  await using served = await world({ pairs: [shop, other] });
  expect(served.server.url).toMatch(/^https:/);
  const socket = served.tls();
  await once(socket, 'secureConnect');
  expect(socket.getProtocol()).toBe('TLSv1.3');
  expect(socket.getPeerCertificate().subjectaltname).toContain('shop.test');
  expect(await asked(socket)).toBe('tls 127.0.0.1');
  const wild: TLSSocket = served.tls({ servername: 'a.other.test' });
  await once(wild, 'secureConnect');
  expect(wild.getPeerCertificate().subjectaltname).toContain('*.other.test');
  expect(await asked(wild)).toBe('tls 127.0.0.1');
});

test('a certificate that is renewed is shown to who comes next, named or not; open connections go on', async () => {
  await using served = await world();
  const before = served.tls();
  await once(before, 'secureConnect');
  served.held.splice(0, 1, testCertificate({ names: ['new.test'], issuer: authority }));
  await served.kept.reload();
  for (const servername of ['shop.test', '']) {
    const socket = served.tls({ servername, checkServerIdentity: () => undefined });
    await once(socket, 'secureConnect');
    expect(socket.getPeerCertificate().subjectaltname).toContain('new.test');
    socket.destroy();
  }
  expect(await asked(before)).toBe('tls 127.0.0.1');
});

test('old versions of TLS, and what is no TLS, are cut without an answer', async () => {
  await using served = await world();
  expect(await heard(served.tls({ maxVersion: 'TLSv1.1', minVersion: 'TLSv1' }))).toBe('');
  const plain = connectTcp(served.port, '127.0.0.1');
  plain.write(REQUEST);
  expect(await heard(plain)).not.toContain('HTTP/');
});

test('where clients must show a certificate, only those with one that is trusted are heard', async () => {
  await using served = await world({ tls: { clients: 'required' } });
  const friend = testCertificate({ uris: ['spiffe://shop/ns/a/sa/b'], issuer: authority });
  const stranger = testCertificate({ uris: ['spiffe://shop/ns/a/sa/b'] });
  expect(await asked(served.tls({ cert: friend.cert, key: friend.key }))).toBe('tls 127.0.0.1');
  expect(await asked(served.tls({ cert: stranger.cert, key: stranger.key }))).toBeUndefined();
  expect(await asked(served.tls())).toBeUndefined();
});

test('the client is who the PROXY header says, with TLS behind it or not', async () => {
  const header = 'PROXY TCP4 192.0.2.7 10.0.0.1 56156 443\r\n';
  await using plain = await world({ tls: false, hasProxyHeader: true });
  const socket = connectTcp(plain.port, '127.0.0.1');
  socket.end(header + REQUEST);
  expect((await heard(socket)).split('\r\n\r\n')[1]).toBe('plain 192.0.2.7');
  await using secure = await world({ hasProxyHeader: true });
  const raw = connectTcp(secure.port, '127.0.0.1');
  raw.write(header);
  expect(await asked(secure.tls({ socket: raw }))).toBe('tls 192.0.2.7');
});

test('a connection without the header that it should have is cut, and one that is slow with it too', async () => {
  await using served = await world({ tls: false, hasProxyHeader: true, headTimeoutMs: 50 });
  const without = connectTcp(served.port, '127.0.0.1');
  without.write(REQUEST);
  expect(await heard(without)).toBe('');
  const slow = connectTcp(served.port, '127.0.0.1');
  slow.write('PROXY TCP4 192.');
  expect(await heard(slow)).toBe('');
});

test('a handshake that is left half-way is cut when its time is over, also when its client has ended', async () => {
  await using served = await world({ headTimeoutMs: 20 });
  // The beginning of a ClientHello, which promises more.
  const hello = Buffer.from([0x16, 0x03, 0x01, 0x01, 0x00, 0x01, 0x00, 0x00, 0xfc, 0x03, 0x03]);
  for (const ends of [false, true]) {
    const socket = connectTcp({ port: served.port, host: '127.0.0.1', allowHalfOpen: true });
    if (ends) socket.end(hello);
    else socket.write(hello);
    socket.resume();
    await once(socket, 'end');
    socket.destroy();
  }
});

test.each(['/body', '/stream'])('a large body of %s is what was sent', async (target) => {
  await using there = await world({
    onRequest: (request) => {
      const body = request.head.target === '/body' ? request.body(1_000_000) : new Response(request.stream()).bytes();
      void Promise.resolve(body).then((bytes) => request.answer(200, {}, bytes));
    },
  });
  const body = Array.from({ length: 60_000 }, (_, at) => at.toString(36)).join('');
  const socket = there.tls();
  socket.write(`PUT ${target} HTTP/1.1\r\nhost: shop.test\r\nconnection: close\r\n`);
  socket.write(`content-length: ${body.length}\r\n\r\n${body}`);
  expect((await heard(socket)).endsWith(`\r\n\r\n${body}`)).toBe(true);
});
