import { expect, test } from 'vitest';
import { get, linesOf, OK, running, upstream } from '../engine/engine.fixture.ts';
import { statusesOf } from './attacked-gateway.fixture.ts';

const FORGED = 'HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nforged';

/** Two requests of one client, to an upstream whose first connection answers `bytes` and whose others are honest. */
async function answeredBy(bytes: string, method = 'GET') {
  const service = await upstream((wire, index) => {
    wire.socket.on('data', () => {
      if (index > 0) return wire.send(OK);
      wire.send(bytes);
      if (bytes.endsWith('\0end')) wire.socket.end();
      return wire;
    });
  });
  const { client, telemetry } = await running({ clusters: { odd: { endpoints: [service.origin] } } });
  const wire = client().send(get('/first').replace('GET', method));
  return { wire, service, client, telemetry };
}

/** What is no answer, or two of them: the client gets one of the gateway's own, and the connection is used no more. */
test.each([
  ['no HTTP', 'SSH-2.0-OpenSSH_9.9\r\n'],
  ['another version', OK.replace('1.1', '2.0')],
  ['HTTP/0.9', '<html>ok</html>'],
  ['a status of two digits', OK.replace('200', '20')],
  ['a status of four digits', OK.replace('200', '2000')],
  ['a status below 100', OK.replace('200', '099')],
  ['a status that is no number', OK.replace('200', '2x0')],
  ['two different lengths', 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\nok!'],
  ['two equal lengths', 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 2\r\n\r\nok'],
  ['a list of lengths', 'HTTP/1.1 200 OK\r\ncontent-length: 2, 2\r\n\r\nok'],
  ['a length with a sign', 'HTTP/1.1 200 OK\r\ncontent-length: +2\r\n\r\nok'],
  ['a length that overflows', 'HTTP/1.1 200 OK\r\ncontent-length: 18446744073709551618\r\n\r\nok'],
  [
    'a length and chunks',
    `HTTP/1.1 200 OK\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n${FORGED}`,
  ],
  ['chunks twice', `HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n`],
  ['other transfer encodings', `HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n`],
  ['chunks of HTTP/1.0', `HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n`],
  ['a bare LF', OK.replace('OK\r\n', 'OK\n')],
  ['a bare CR in a value', 'HTTP/1.1 200 OK\r\nx-a: b\rset-cookie: forged\r\ncontent-length: 2\r\n\r\nok'],
  ['a NUL in a value', 'HTTP/1.1 200 OK\r\nx-a: b\0c\r\ncontent-length: 2\r\n\r\nok'],
  ['a folded line', 'HTTP/1.1 200 OK\r\nx-a: b\r\n c\r\ncontent-length: 2\r\n\r\nok'],
  ['a blank before a colon', 'HTTP/1.1 200 OK\r\ncontent-length : 2\r\n\r\nok'],
  ['a CR in its reason', 'HTTP/1.1 200 O\rK\r\ncontent-length: 2\r\n\r\nok'],
  [
    '101 that nobody has asked for',
    'HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n',
  ],
  ['a head that is too long', `HTTP/1.1 200 OK\r\nx-a: ${'a'.repeat(300 * 1024)}\r\n\r\n`],
  ['more fields than are taken', `HTTP/1.1 200 OK\r\n${'x-a: b\r\n'.repeat(1_500)}\r\n`],
])('an answer with %s is 502, and no other request gets anything of it', async (_title, bytes) => {
  const { wire, service } = await answeredBy(bytes);
  const answer = await wire.got(/HTTP\/1\.1 \d{3} [^]*\r\n\r\n[^]*\}/);
  expect(answer).toMatch(/^HTTP\/1\.1 502 [^]*"code":"UPSTREAM_/);
  expect(answer).not.toMatch(/forged|set-cookie/);
  await (
    await service.socket(0)
  ).closed;
  await wire.clear().send(get('/second')).got('ok');
  expect(statusesOf(wire.text)).toEqual([200]);
});

/** Answers behind an answer wait for the next request of whoever trusts the connection. */
test.each([
  ['a second answer', OK + FORGED],
  [
    'a second answer behind chunks',
    `HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n${FORGED}`,
  ],
  ['more than its length', `${OK}more`],
  ['a second answer behind 204', `HTTP/1.1 204 No Content\r\n\r\n${FORGED}`],
  ['a body with 304', `HTTP/1.1 304 Not Modified\r\ncontent-length: 6\r\n\r\nforged`],
])('of %s the next request sees nothing', async (_title, bytes) => {
  const { wire, client } = await answeredBy(bytes);
  await wire.got('\r\n\r\n');
  for (const path of ['/second', '/third']) {
    const next = client().send(get(path, 'Connection: close'));
    const answer = await next.closed;
    expect(answer).toMatch(/^HTTP\/1\.1 200 [^]*\r\n\r\nok$/);
  }
  expect(wire.text).not.toContain('forged');
});

test('an answer to HEAD has no body, and what an upstream sends as one reaches nobody', async () => {
  const { wire, client } = await answeredBy(
    `HTTP/1.1 200 OK\r\ncontent-length: ${FORGED.length}\r\n\r\n${FORGED}`,
    'HEAD',
  );
  await wire.got('\r\n\r\n');
  expect(await client().send(get('/second', 'Connection: close')).closed).toMatch(/\r\n\r\nok$/);
  expect(wire.text).not.toContain('forged');
});

/** Line ends that an application has let into a field are for it to answer for; what is well-formed goes on as it is. */
test('what is for one connection, or the gateway’s to say, goes no further', async () => {
  const { wire } = await answeredBy(
    [
      'HTTP/1.1 200 OK',
      'connection: keep-alive, x-hop',
      'keep-alive: timeout=5',
      'x-hop: forged',
      'proxy-authenticate: forged',
      'proxy-connection: forged',
      'trailer: forged',
      'upgrade: forged',
      'x-fairlead-tenant: forged',
      'traceparent: forged',
      'x-request-id: forged',
      'set-cookie: a=1',
      'set-cookie: b=2',
      'content-length: 2',
      '',
      'ok',
    ].join('\r\n'),
  );
  const answer = await wire.got('ok');
  expect(answer).not.toMatch(/forged|keep-alive: timeout/);
  expect(answer.match(/set-cookie: .=./g)).toEqual(['set-cookie: a=1', 'set-cookie: b=2']);
});

test.each([
  ['with a length', 'HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf'],
  ['in chunks', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n'],
  [
    'with a chunk that is none',
    'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\nzz\r\nno\r\n0\r\n\r\n',
  ],
  [
    'with a chunk longer than it says',
    'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalfhalf\r\n0\r\n\r\n',
  ],
])('an answer %s that is cut off does not look whole', async (_title, bytes) => {
  const { wire, service, telemetry } = await answeredBy(bytes);
  const there = await service.socket(0);
  await there.got('\r\n\r\n');
  there.socket.end();
  const text = await wire.closed;
  expect(text).not.toMatch(/\r\n0\r\n\r\n$/);
  if (text.startsWith('HTTP/1.1 200')) expect(text).toMatch(/half(\r\n)?$/);
  else expect(text).toMatch(/^HTTP\/1\.1 502 /);
  await expect.poll(() => linesOf(telemetry)).toMatchObject([{ status: 502 }]);
});
