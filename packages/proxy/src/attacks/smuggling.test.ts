import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { attackedGateway, get, LAST, quiet, statusesOf, type AttackedGateway } from './attacked-gateway.fixture.ts';

describe.each([
  ['streams', { http2: true }],
  ['private handles', { privateHandles: true }],
])('read by %s:', (_name, listener) => {
  let gateway: AttackedGateway;
  beforeAll(async () => {
    gateway = await attackedGateway((written) => ({
      ...written,
      listeners: [{ name: 'web', address: '127.0.0.1:0', ...listener }],
    }));
  });
  afterAll(() => gateway[Symbol.asyncDispose]());

  const HIDDEN = 'GET /hidden HTTP/1.1\r\nHost: shop.test\r\n\r\n';
  const post = (lines: string, body: string) => `POST /first HTTP/1.1\r\nHost: shop.test\r\n${lines}\r\n${body}`;
  const chunk = (data: string) => `${data.length.toString(16)}\r\n${data}\r\n`;

  /** Sends it, with a last request after it, and waits until the gateway has ended the connection. */
  async function sent(bytes: string) {
    gateway.begin();
    const client = gateway.attack(bytes + LAST);
    const statuses = statusesOf(await client.closed);
    await quiet();
    return { statuses, arrived: gateway.arrived.map(({ start, body }) => (body === '' ? start : `${start} ${body}`)) };
  }

  /** Whatever has been sent: what arrived is what is logged, and llhttp could read all of it. */
  function expectNothingHidden({ arrived }: { readonly arrived: readonly string[] }): void {
    expect(gateway.unreadable).toEqual([]);
    expect(gateway.logged).toEqual(arrived.map((each) => each.split(' ', 2).join(' ')));
  }

  const TE = 'Transfer-Encoding: chunked\r\n';
  const LENGTH_OF_CHUNKS = `Content-Length: ${chunk(HIDDEN).length + 5}\r\n`;

  /** What two servers in a row could take for different lengths. */
  const REFUSED: readonly (readonly [title: string, bytes: string])[] = [
    ['a length and chunks (CL.TE)', post(`Content-Length: 4\r\n${TE}`, `0\r\n\r\n${HIDDEN}`)],
    ['chunks and a length (TE.CL)', post(`${TE}Content-Length: 4\r\n`, `${chunk(HIDDEN)}0\r\n\r\n`)],
    ['a length of 0 and chunks (CL.0)', post(`Content-Length: 0\r\n${TE}`, `${chunk(HIDDEN)}0\r\n\r\n`)],
    ['two equal lengths', post('Content-Length: 3\r\nContent-Length: 3\r\n', `abc${HIDDEN}`)],
    ['two different lengths', post('Content-Length: 3\r\nContent-Length: 0\r\n', `abc${HIDDEN}`)],
    ['two lengths with a field between', post('Content-Length: 0\r\nX-A: b\r\ncontent-length: 43\r\n', HIDDEN)],
    ['chunks twice', post(TE + TE, `0\r\n\r\n${HIDDEN}`)],
    ['chunks of HTTP/1.0', post(TE, `0\r\n\r\n${HIDDEN}`).replace('HTTP/1.1', 'HTTP/1.0')],
    ...[
      '3, 3',
      '3,0',
      '+3',
      '-3',
      '0x3',
      '3.0',
      '3 0',
      '"3"',
      '3;',
      '٣',
      '9007199254740993',
      '18446744073709551619',
      '00000000000000000000000003',
      '',
      '3\v',
      '\v3',
      '3\x00',
      '3e0',
    ].map((length): readonly [string, string] => [
      `the length ${JSON.stringify(length)}`,
      post(`Content-Length: ${Buffer.from(length).toString('latin1')}\r\n`, `abc${HIDDEN}`),
    ]),
    ...[
      'Content-Length : 3',
      'Content-Length\t: 3',
      ' Content-Length: 3',
      '\tContent-Length: 3',
      'Content Length: 3',
    ].map((line): readonly [string, string] => [`a line ${JSON.stringify(line)}`, post(`${line}\r\n`, `abc${HIDDEN}`)]),
    // Names and values of transfer encodings that some take for chunks, and some don't.
    ...[
      'Transfer-Encoding: ,chunked',
      'Transfer-Encoding: chunked,',
      'Transfer-Encoding: , chunked',
      'Transfer-Encoding: xchunked',
      'Transfer-Encoding: chunkedx',
      'Transfer-Encoding: chunked chunked',
      'Transfer-Encoding: chunked, chunked',
      'Transfer-Encoding: chunked, identity',
      'Transfer-Encoding: identity, chunked',
      'Transfer-Encoding: identity',
      'Transfer-Encoding: gzip',
      'Transfer-Encoding: gzip, chunked',
      'Transfer-Encoding: chunked;q=0.5',
      'Transfer-Encoding: "chunked"',
      "Transfer-Encoding: 'chunked'",
      'Transfer-Encoding:\vchunked',
      'Transfer-Encoding: \vchunked',
      'Transfer-Encoding: chunked\v',
      'Transfer-Encoding:\fchunked',
      'Transfer-Encoding: \tchunked\t',
      'Transfer-Encoding: \x00chunked',
      'Transfer-Encoding: chunked\x00',
      'Transfer-Encoding: \x85chunked',
      'Transfer-Encoding: \xa0chunked',
      'Transfer-Encoding: chun\xe7ed',
      'Transfer-Encoding: chunked\xff',
      'Transfer-Encoding:',
      'Transfer-Encoding: cow\r\nTransfer-Encoding: chunked',
      'Transfer-Encoding: chunked\r\nTransfer-encoding: cow',
      'Transfer-Encoding:\r\n chunked',
      'Transfer-Encoding: chunked\r\n cow',
      'Transfer-Encoding : chunked',
      'Transfer-Encoding\t: chunked',
      'Transfer-Encoding\v: chunked',
      'Transfer-Encoding\x00: chunked',
      'Transfer Encoding: chunked',
      'Transfer-Encoding chunked',
      ' Transfer-Encoding: chunked',
      '\tTransfer-Encoding: chunked',
      '\vTransfer-Encoding: chunked',
      'X: y\nTransfer-Encoding: chunked',
      'X: y\rTransfer-Encoding: chunked',
      'X: y\r\r\nTransfer-Encoding: chunked',
      'X: y\n\rTransfer-Encoding: chunked',
      ': chunked',
      'Transfer-\r\nEncoding: chunked',
      'Transf\xc3\xa9r-Encoding: chunked',
      '\xefTransfer-Encoding: chunked',
    ].map((line): readonly [string, string] => [
      `a length and a line ${JSON.stringify(line)}`,
      post(`${LENGTH_OF_CHUNKS}${line}\r\n`, `${chunk(HIDDEN)}0\r\n\r\n`),
    ]),
    // Heads.
    ['a bare LF after the request line', `GET / HTTP/1.1\nHost: shop.test\r\n\r\n${HIDDEN}`],
    ['bare LFs only', HIDDEN.replaceAll('\r\n', '\n')],
    ['a bare LF before the empty line', `GET / HTTP/1.1\r\nHost: shop.test\n\r\n${HIDDEN}`],
    ['an empty line of a bare LF', `GET / HTTP/1.1\r\nHost: shop.test\r\n\n${HIDDEN}`],
    ['a bare CR within a value', get('/', 'X-A: b\rX-B: c')],
    ['a NUL within a value', get('/', 'X-A: b\x00c')],
    ['a NUL within a name', get('/', 'X-\x00A: b')],
    ['a NUL within the target', get('/a\x00b')],
    ['a folded line', get('/', 'X-A: b', ' c')],
    ['a field that begins the head with a blank', `GET / HTTP/1.1\r\n Host: shop.test\r\nHost: a\r\n\r\n`],
    ['a name without a colon', get('/', 'X-A')],
    ['an empty name', get('/', ': b')],
    ['a name with a blank', get('/', 'X A: b')],
    ['DEL within a value', get('/', 'X-A: b\x7fc')],
    ['an empty line before the request', `\r\n${HIDDEN}`],
    ['HTTP/0.9', 'GET /hidden\r\n\r\n'],
    ['HTTP/0.9 with a version', 'GET /hidden HTTP/0.9\r\n\r\n'],
    ['HTTP/2.0 in text', HIDDEN.replace('HTTP/1.1', 'HTTP/2.0')],
    ['HTTP/1.2', HIDDEN.replace('HTTP/1.1', 'HTTP/1.2')],
    ['HTTP/1.10', HIDDEN.replace('HTTP/1.1', 'HTTP/1.10')],
    ['a version in lower case', HIDDEN.replace('HTTP/1.1', 'http/1.1')],
    ['two blanks before the version', HIDDEN.replace(' HTTP', '  HTTP')],
    ['two blanks after the method', HIDDEN.replace('GET ', 'GET  ')],
    ['a tab in the request line', HIDDEN.replace('GET ', 'GET\t')],
    ['a blank after the version', HIDDEN.replace('1.1\r', '1.1 \r')],
    ['a request line within the target', 'GET /first HTTP/1.1\rGET /hidden HTTP/1.1\r\nHost: shop.test\r\n\r\n'],
    ['a blank within the target', get('/a HTTP/1.1 /b')],
    ['no host', 'GET / HTTP/1.1\r\n\r\n'],
    ['an empty host', 'GET / HTTP/1.1\r\nHost:\r\n\r\n'],
    ['two hosts', get('/', 'Host: admin.test')],
    ['two equal hosts', get('/', 'Host: shop.test')],
    ['a host with a list', 'GET / HTTP/1.1\r\nHost: shop.test, admin.test\r\n\r\n'],
    ['a host with a path', 'GET / HTTP/1.1\r\nHost: shop.test/admin\r\n\r\n'],
    ['a host with a user', 'GET / HTTP/1.1\r\nHost: shop.test@admin.test\r\n\r\n'],
    ['a host with a blank', 'GET / HTTP/1.1\r\nHost: shop.test admin.test\r\n\r\n'],
    ['a port that is none', 'GET / HTTP/1.1\r\nHost: shop.test:80@admin.test\r\n\r\n'],
    ['a URL of another host than Host', get('http://admin.test/')],
    ['a URL with a user', get('http://shop.test@admin.test/')],
    ['a URL of another scheme', get('ftp://shop.test/')],
    ['an authority as target', get('shop.test:80')],
    ['a target without a slash', get('hidden')],
    ['a target with a fragment', get('/a#b')],
    ['a target with a backslash', get('/a\\..\\b')],
    ['a target of octets beyond ASCII', get('/caf\xe9')],
    ['CONNECT', 'CONNECT shop.test:443 HTTP/1.1\r\nHost: shop.test:443\r\n\r\n'],
    ['an empty method', ' / HTTP/1.1\r\nHost: shop.test\r\n\r\n'],
    ['a method with a separator', 'G(T / HTTP/1.1\r\nHost: shop.test\r\n\r\n'],
    ['another expectation', post('Expect: 200-ok\r\nContent-Length: 0\r\n', '')],
  ];

  test.each(REFUSED)('%s is refused, with the connection, and nothing arrives', async (_title, bytes) => {
    const result = await sent(bytes);
    expect(result.arrived).toEqual([]);
    expect(gateway.bytes).toBe('');
    expect(result.statuses).toHaveLength(1);
    expect([400, 417, 505]).toContain(result.statuses[0]);
    expectNothingHidden(result);
  });

  /** Targets that are read in more than one way: refused one by one, and the connection may live on. */
  test.each([
    '//admin',
    '/a//b',
    '/a/../admin',
    '/a/./b',
    '/a/%2e%2e/admin',
    '/a/.%2E/admin',
    '/a%2fadmin',
    '/a%5cadmin',
    '/a%00',
    '/a%0d%0ax',
    '/%',
    '/%zz',
    '/a;/../admin',
  ])('the target %s is refused', async (target) => {
    const result = await sent(get(target));
    expect(result).toEqual({ arrived: ['GET /last'], statuses: [400, 200] });
    expectNothingHidden(result);
  });

  /** Chunks that are none: the request has gone on when it is found out, and is never whole at the origin. */
  const BROKEN_CHUNKS: readonly (readonly [title: string, chunks: string])[] = [
    ['a size that overflows 32 bits', `100000003\r\nabc\r\n0\r\n\r\n`],
    ['a size that overflows 64 bits', `10000000000000003\r\nabc\r\n0\r\n\r\n`],
    ['a size with a sign', '+3\r\nabc\r\n0\r\n\r\n'],
    ['a negative size', '-3\r\nabc\r\n0\r\n\r\n'],
    ['a size with 0x', '0x3\r\nabc\r\n0\r\n\r\n'],
    ['a size with a letter that is no digit', '3g\r\nabc\r\n0\r\n\r\n'],
    ['a size after a blank', ' 3\r\nabc\r\n0\r\n\r\n'],
    ['a size before a blank', '3 \r\nabc\r\n0\r\n\r\n'],
    ['a size before a tab and an extension', '3\t;a\r\nabc\r\n0\r\n\r\n'],
    ['no size', '\r\nabc\r\n0\r\n\r\n'],
    ['a size that ends with LF', '3\nabc\r\n0\r\n\r\n'],
    ['an extension that ends with LF', '3;a\nabc\r\n0\r\n\r\n'],
    ['an extension with a CR within', '3;a\rb\r\nabc\r\n0\r\n\r\n'],
    ['an extension with a NUL', '3;a\x00\r\nabc\r\n0\r\n\r\n'],
    ['data that is longer than it says', '3\r\nabcd\r\n0\r\n\r\n'],
    ['data that ends with LF', '3\r\nabc\n0\r\n\r\n'],
    ['data without an end', '3\r\nabc0\r\n\r\n'],
    ['trailers that end with LF', '3\r\nabc\r\n0\r\nX-A: b\n\r\n'],
    ['an end of LF', '3\r\nabc\r\n0\r\n\n'],
    ['a folded trailer', '3\r\nabc\r\n0\r\nX-A: b\r\n c\r\n\r\n'],
    ['a trailer that frames', '3\r\nabc\r\n0\r\nContent-Length: 40\r\n\r\n'],
    ['a trailer that routes', '3\r\nabc\r\n0\r\nHost: admin.test\r\n\r\n'],
    ['a trailer with a blank before its colon', '3\r\nabc\r\n0\r\nX-A : b\r\n\r\n'],
  ];

  test.each(BROKEN_CHUNKS)('of chunks with %s no whole request arrives, and none after it', async (_title, chunks) => {
    const result = await sent(post(TE, `${chunks}${HIDDEN}`));
    expect(result.arrived).toEqual([]);
    // One that says it is too large is told so.
    expect([[400], [413]]).toContainEqual(result.statuses);
    expectNothingHidden(result);
  });

  /** What is allowed, and looks like an attack: each arrives as what it is. */
  const TAKEN: readonly (readonly [title: string, bytes: string, arrived: string])[] = [
    [
      'a request within a body with a length',
      post(`Content-Length: ${HIDDEN.length}\r\n`, HIDDEN),
      `POST /first ${HIDDEN}`,
    ],
    ['a request within a chunk', post(TE, `${chunk(HIDDEN)}0\r\n\r\n`), `POST /first ${HIDDEN}`],
    ['a last chunk within a chunk', post(TE, `${chunk('0\r\n\r\n')}0\r\n\r\n`), 'POST /first 0\r\n\r\n'],
    ['chunks with extensions', post(TE, '3;a=b;c="d"\r\nabc\r\n0;last\r\n\r\n'), 'POST /first abc'],
    ['trailers', post(TE, '3\r\nabc\r\n0\r\nX-Trailer: a\r\n\r\n'), 'POST /first abc'],
    ['sizes with zeros before them', post(TE, '003\r\nabc\r\n000\r\n\r\n'), 'POST /first abc'],
    ['chunks in capitals', post('TRANSFER-ENCODING: Chunked\r\n', '3\r\nabc\r\n0\r\n\r\n'), 'POST /first abc'],
    ['blanks around chunked', post('Transfer-Encoding:   chunked  \r\n', '3\r\nabc\r\n0\r\n\r\n'), 'POST /first abc'],
    [
      'GET with a body',
      `GET /first HTTP/1.1\r\nHost: a\r\nContent-Length: ${HIDDEN.length}\r\n\r\n${HIDDEN}`,
      `GET /first ${HIDDEN}`,
    ],
    [
      'a name like a framing one',
      post('Content_Length: 40\r\nTransfer_Encoding: chunked\r\nContent-Length: 3\r\n', 'abc'),
      'POST /first abc',
    ],
    ['a URL of the host that Host names', get('http://shop.test/first'), 'GET /first'],
    [
      'a length that Connection names',
      post('Connection: content-length\r\nContent-Length: 3\r\n', 'abc'),
      'POST /first abc',
    ],
    [
      'chunks that Connection names',
      post(`Connection: transfer-encoding\r\n${TE}`, '3\r\nabc\r\n0\r\n\r\n'),
      'POST /first abc',
    ],
    ['octets beyond ASCII in a value', get('/first', 'X-A: caf\xe9 \x80\xff'), 'GET /first'],
    ['a length of zeros', post('Content-Length: 000\r\n', ''), 'POST /first'],
  ];

  test.each(TAKEN)('%s arrives as one request, and the next one after it', async (_title, bytes, arrived) => {
    const result = await sent(bytes);
    expect(result).toEqual({ arrived: [arrived, 'GET /last'], statuses: [200, 200] });
    expectNothingHidden(result);
  });

  test('requests in one piece arrive one by one, and what is refused among them ends those after it', async () => {
    const result = await sent(get('/1') + post('Content-Length: 3\r\n', 'abc') + get('/2', 'X-A : b') + get('/3'));
    expect(result).toEqual({ arrived: ['GET /1', 'POST /first abc'], statuses: [200, 200, 400] });
    expectNothingHidden(result);
  });

  test('what comes right behind an offer of another protocol is not read', async () => {
    const offer = ['Connection: Upgrade, HTTP2-Settings', 'Upgrade: h2c', 'HTTP2-Settings: AAMAAABk'];
    const result = await sent(get('/first', ...offer) + HIDDEN);
    expect(result).toEqual({ arrived: ['GET /first'], statuses: [200] });
    expect(gateway.bytes).not.toMatch(/h2c|http2-settings|upgrade/i);
    expectNothingHidden(result);
  });

  test('a body that is not all there holds nothing back from others, and never becomes whole', async () => {
    gateway.begin();
    const half = gateway.attack(post('Content-Length: 100\r\n', HIDDEN));
    while (!gateway.bytes.includes('/hidden')) await quiet();
    const other = gateway.attack(LAST);
    expect(statusesOf(await other.closed)).toEqual([200]);
    half.socket.destroy();
    await half.closed;
    await quiet();
    expect(gateway.arrived.map(({ start }) => start)).toEqual(['GET /last']);
  });

  test.each([
    [1, 'octet by octet'],
    [7, 'in parts of seven'],
  ])('the meaning is the same when it comes %i at a time', async (size) => {
    const bytes = post(TE, `${chunk(HIDDEN)}0\r\n\r\n`) + post('Content-Length: 3\r\n', 'abc') + LAST;
    gateway.begin();
    const client = gateway.attack('');
    for (let at = 0; at < bytes.length; at += size) {
      client.send(bytes.slice(at, at + size));
      await quiet();
    }
    expect(statusesOf(await client.closed)).toEqual([200, 200, 200]);
    expect(gateway.arrived.map(({ start, body }) => `${start} ${body}`)).toEqual([
      `POST /first ${HIDDEN}`,
      'POST /first abc',
      'GET /last ',
    ]);
  });
});
