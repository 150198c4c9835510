import { connect } from 'node:http2';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { attackedGateway, quiet, type AttackedGateway } from './attacked-gateway.fixture.ts';
import { RawHttp2, type RawField, type StreamEnd } from './raw-http2.fixture.ts';

let gateway: AttackedGateway;
beforeAll(async () => {
  gateway = await attackedGateway();
});
afterAll(() => gateway[Symbol.asyncDispose]());

const HIDDEN = 'GET /hidden HTTP/1.1\r\nHost: shop.test\r\n\r\n';
const pseudo = (path: string, method = 'GET', authority = 'shop.test'): RawField[] => [
  [':method', method],
  [':scheme', 'http'],
  [':path', path],
  [':authority', authority],
];

type Row = readonly [title: string, fields: readonly RawField[], body?: string];
const rows = (table: readonly Row[]) => table.map(([title, fields, body]) => ({ title, fields, body }));

/** One stream, and then an honest one on a connection of its own; what arrived. */
async function asked(fields: readonly RawField[], body?: string) {
  gateway.begin();
  const client = new RawHttp2(gateway.port);
  const id = client.begin(fields, body !== undefined);
  if (body !== undefined) client.data(id, body);
  const end = await client.end(id);
  client.destroy();
  const honest = new RawHttp2(gateway.port);
  expect(await honest.end(honest.begin(pseudo('/last')))).toBe('ok');
  honest.destroy();
  await quiet();
  expect(gateway.unreadable).toEqual([]);
  const arrived = gateway.arrived.map((each) => (each.body === '' ? each.start : `${each.start} ${each.body}`));
  expect(gateway.logged).toEqual(arrived.map((each) => each.split(' ', 2).join(' ')));
  expect(arrived.pop()).toBe('GET /last');
  return { end, arrived };
}

const OF_NO_USE: readonly StreamEnd[] = ['reset', 'goaway', 'closed', 'answered'];

/** What would become another request, or another field, when it is written as HTTP/1.1. */
test.each(
  rows([
    ['a name in capitals', [...pseudo('/'), ['X-A', 'b']]],
    ['a request in the path', [...pseudo(`/ HTTP/1.1\r\nHost: a\r\n\r\n${HIDDEN}`)]],
    ['a version in the path', pseudo('/a HTTP/1.1')],
    ['a line end in the path', pseudo('/a\r\nx-injected: b')],
    ['a path without a slash', pseudo('hidden')],
    ['an empty path', pseudo('')],
    ['a path with //', pseudo('//admin')],
    ['a path with dot segments', pseudo('/a/../admin')],
    ['a request in the method', pseudo('/', `GET /hidden HTTP/1.1\r\nHost: a\r\n\r\nGET`)],
    ['a blank in the method', pseudo('/', 'GET /hidden')],
    ['an empty method', pseudo('/', '')],
    ['a line end in the authority', pseudo('/', 'GET', 'shop.test\r\nx-injected: a')],
    ['a path in the authority', pseudo('/', 'GET', 'shop.test/admin')],
    ['a user in the authority', pseudo('/', 'GET', 'shop.test@admin.test')],
    ['a blank in the authority', pseudo('/', 'GET', 'shop.test admin.test')],
    ['an empty authority', pseudo('/', 'GET', '')],
    ['a host that is not the authority', [...pseudo('/'), ['host', 'admin.test']]],
    ['two authorities', [...pseudo('/'), [':authority', 'admin.test']]],
    ['two paths', [...pseudo('/'), [':path', '/admin']]],
    ['two methods', [...pseudo('/'), [':method', 'POST']]],
    [
      'a pseudo-field after a field',
      [
        [':method', 'GET'],
        ['x-a', 'b'],
        [':scheme', 'http'],
        [':path', '/'],
        [':authority', 'shop.test'],
      ],
    ],
    ['a pseudo-field that is none', [...pseudo('/'), [':injected', 'b']]],
    [
      'no path',
      [
        [':method', 'GET'],
        [':scheme', 'http'],
        [':authority', 'shop.test'],
      ],
    ],
    [
      'no method',
      [
        [':scheme', 'http'],
        [':path', '/'],
        [':authority', 'shop.test'],
      ],
    ],
    [
      'CONNECT',
      [
        [':method', 'CONNECT'],
        [':authority', 'admin.test:443'],
      ],
    ],
    ['chunks (H2.TE)', [...pseudo('/', 'POST'), ['transfer-encoding', 'chunked']], `0\r\n\r\n${HIDDEN}`],
    ['a length that is too short by a little', [...pseudo('/', 'POST'), ['content-length', '3']], `abc${HIDDEN}`],
    ['a length that is too long', [...pseudo('/', 'POST'), ['content-length', '100']], 'abc'],
    ['two lengths', [...pseudo('/', 'POST'), ['content-length', '3'], ['content-length', '0']], 'abc'],
    ['a length with a sign', [...pseudo('/', 'POST'), ['content-length', '+3']], 'abc'],
    ['a list of lengths', [...pseudo('/', 'POST'), ['content-length', '3, 3']], 'abc'],
    ['connection', [...pseudo('/'), ['connection', 'keep-alive, x-a'], ['x-a', 'b']]],
    ['keep-alive', [...pseudo('/'), ['keep-alive', 'timeout=5']]],
    ['upgrade', [...pseudo('/'), ['upgrade', 'websocket']]],
    ['proxy-connection', [...pseudo('/'), ['proxy-connection', 'keep-alive']]],
    ['te other than trailers', [...pseudo('/'), ['te', 'gzip']]],
  ]),
)('a stream with $title becomes no request', async ({ fields, body }) => {
  const { end, arrived } = await asked(fields, body);
  expect(OF_NO_USE).toContain(end);
  expect(arrived).toEqual([]);
  expect(gateway.bytes).not.toMatch(/hidden|injected/);
});

/** What would break out of its line in HTTP/1.1. Node's own module leaves such fields out; the rest is a request. */
test.each(
  rows([
    ['a line end in a value', [...pseudo('/'), ['x-a', `b\r\nx-injected: c`]]],
    ['a bare LF in a value', [...pseudo('/'), ['x-a', 'b\nx-injected: c']]],
    ['a bare CR in a value', [...pseudo('/'), ['x-a', 'b\rx-injected: c']]],
    ['a NUL in a value', [...pseudo('/'), ['x-a', 'b\x00c']]],
    ['a request in a value', [...pseudo('/'), ['x-a', `b\r\n\r\n${HIDDEN}`]]],
    ['a line end in a name', [...pseudo('/'), ['x-a\r\nx-injected', 'b']]],
    ['a colon in a name', [...pseudo('/'), ['x-a: b\r\nx-injected', 'c']]],
    ['a blank in a name', [...pseudo('/'), ['x a', 'b']]],
    ['an empty name', [...pseudo('/'), ['', 'b']]],
    [
      'chunks after a line end',
      [...pseudo('/', 'POST'), ['x-a', 'b\r\ntransfer-encoding: chunked'], ['content-length', `${HIDDEN.length}`]],
      HIDDEN,
    ],
  ]),
)('a field with $title does not arrive, and its stream is one request', async ({ fields, body }) => {
  const { end, arrived } = await asked(fields, body);
  expect(end).toBe('ok');
  expect(arrived).toEqual([body === undefined ? 'GET /' : `POST / ${body}`]);
  expect(gateway.bytes).not.toMatch(/injected|x-a|transfer-encoding/i);
});

test('a body where its length says that there is none (H2.CL) never arrives', async () => {
  gateway.begin();
  const client = new RawHttp2(gateway.port);
  const id = client.begin([...pseudo('/first', 'POST'), ['content-length', '0']], true);
  client.data(id, HIDDEN);
  await client.end(id);
  client.destroy();
  await quiet();
  expect(gateway.bytes).not.toContain('hidden');
  // The request that its head makes may have gone on by then.
  expect(gateway.arrived.filter(({ start, body }) => start !== 'POST /first' || body !== '')).toEqual([]);
});

test.each<readonly [title: string, fields: readonly RawField[], body: string | undefined, arrived: string]>([
  ['a request as its body', pseudo('/first', 'POST'), HIDDEN, `POST /first ${HIDDEN}`],
  ['a last chunk as its body', pseudo('/first', 'POST'), `0\r\n\r\n${HIDDEN}`, `POST /first 0\r\n\r\n${HIDDEN}`],
  ['a length that is right', [...pseudo('/first', 'POST'), ['content-length', '3']], 'abc', 'POST /first abc'],
  ['GET with a body', pseudo('/first'), HIDDEN, `GET /first ${HIDDEN}`],
  ['te: trailers', [...pseudo('/first'), ['te', 'trailers']], undefined, 'GET /first'],
  ['an expectation', [...pseudo('/first', 'POST'), ['expect', '100-continue']], 'abc', 'POST /first abc'],
  ['a host that is the authority', [...pseudo('/first'), ['host', 'shop.test']], undefined, 'GET /first'],
  ['names with underscores', [...pseudo('/first'), ['transfer_encoding', 'chunked']], undefined, 'GET /first'],
])('a stream with %s arrives as one request', async (_title, fields, body, arrived) => {
  expect(await asked(fields, body)).toEqual({ end: 'ok', arrived: [arrived] });
  expect(gateway.bytes).not.toMatch(/transfer_encoding|^expect:/im);
});

test('trailers of a stream frame and route nothing', async () => {
  gateway.begin();
  const client = new RawHttp2(gateway.port);
  const id = client.begin(pseudo('/first', 'POST'), true);
  client.data(id, 'abc', false);
  client.trailers(id, [
    ['content-length', '40'],
    ['x-fairlead-tenant', 'forged'],
  ]);
  await client.end(id);
  client.destroy();
  await quiet();
  expect(gateway.bytes).not.toMatch(/forged|content-length/);
});

test('who stands before us says who it is by HTTP/2 as little as by HTTP/1.1', async () => {
  await asked([
    ...pseudo('/first'),
    ['x-forwarded-for', '10.0.0.1'],
    ['x-fairlead-tenant', 'forged'],
    ['x_real_ip', 'forged'],
  ]);
  const fields = gateway.arrived[0]?.fields ?? [];
  expect(fields).not.toContain('forged');
  expect(fields[fields.indexOf('x-forwarded-for') + 1]).toBe('127.0.0.1');
});

test('a head that never ends is cut, and so is one with too many fields', async () => {
  gateway.begin();
  const endless = new RawHttp2(gateway.port);
  endless.endlessHead(2_000, 1_024);
  await endless.gone();
  const many = new RawHttp2(gateway.port);
  const id = many.begin([...pseudo('/first'), ...Array.from({ length: 200 }, (_, at): RawField => [`x-${at}`, 'a'])]);
  expect(OF_NO_USE).toContain(await many.end(id));
  many.destroy();
  expect(gateway.arrived).toEqual([]);
});

test('streams that are reset as soon as they have begun end the connection, leave nothing under way, and hold up nobody', async () => {
  gateway.begin();
  const flood = new RawHttp2(gateway.port);
  for (let count = 0; count < 3_000 && !flood.isGone; count += 1) {
    flood.reset(flood.begin(pseudo('/flood', 'POST'), true));
    if (count % 50 === 0) await quiet();
  }
  await flood.gone();
  flood.destroy();
  const session = connect(`http://127.0.0.1:${gateway.port}`);
  const stream = session.request({ ':path': '/after', ':authority': 'shop.test' });
  const status = await new Promise((resolve) => stream.on('response', (headers) => resolve(headers[':status'])));
  expect(status).toBe(200);
  session.destroy();
  expect(gateway.arrived.map(({ start }) => start)).toEqual(['GET /after']);
});
