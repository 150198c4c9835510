import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { MessageLimits } from './limits.ts';
import { pieces, stepsOf } from './reading.fixture.ts';
import { RequestReader } from './request-reader.ts';

const read = (text: string, limits?: MessageLimits) =>
  stepsOf(new RequestReader(limits), [Buffer.from(text, 'latin1')]);
const faultOf = (text: string, limits?: MessageLimits) => /^! (\w+)/.exec(read(text, limits).at(-1) ?? '')?.[1];
const withFields = (...lines: string[]) =>
  `GET / HTTP/1.1\r\nHost: a\r\n${lines.map((line) => `${line}\r\n`).join('')}\r\n`;

test('a request is its head, its body and its end, and the next one follows on the same bytes', () => {
  expect(
    read(
      'POST /a?b=c HTTP/1.1\r\nHost: shop:80\r\nContent-Length: 5\r\nX-Odd:\t two  words \t\r\n\r\nhelloGET / HTTP/1.1\r\nhost: x\r\n\r\n',
    ),
  ).toEqual([
    'POST /a?b=c 1.1 host=shop:80 body=5 keep=true continue=false host|shop:80|content-length|5|x-odd|two  words',
    'body "hello"',
    'end ',
    'GET / 1.1 host=x body=0 keep=true continue=false host|x',
    'end ',
  ]);
});

test('chunks are joined, their extensions passed over, and trailers kept apart from fields', () => {
  expect(
    read(
      'PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n5\r\nhello\r\n00A;x="y z"\r\n, Fairlead\r\n0\r\nX-Sum: 1\r\n\r\n',
    ),
  ).toEqual([
    'PUT / 1.1 host=a body=-1 keep=true continue=false host|a|transfer-encoding|Chunked',
    'body "hello, Fairlead"',
    'end x-sum|1',
  ]);
});

test('names of any case are one name, and unknown ones are kept', () => {
  const reader = new RequestReader();
  reader.add(Buffer.from(withFields('X-ReQuest-ID: 1', 'ACCEPT: *', 'x_y^z: 2', 'x-requesT-ie: 3')));
  reader.read();
  expect(reader.head?.fields.list).toEqual([
    'host',
    'a',
    'x-request-id',
    '1',
    'accept',
    '*',
    'x_y^z',
    '2',
    'x-request-ie',
    '3',
  ]);
});

test('a record joins what came several times, and inherits nothing', () => {
  const reader = new RequestReader();
  reader.add(Buffer.from(withFields('A: 1', 'a: 2', 'Cookie: x=1', 'Cookie: y=2', '__proto__: p', 'Set-Cookie: q')));
  reader.read();
  const fields = reader.head?.fields;
  expect({ ...fields?.record }).toEqual({
    host: 'a',
    a: '1, 2',
    cookie: 'x=1; y=2',
    ['__proto__']: 'p',
    'set-cookie': 'q',
  });
  expect(fields?.record['constructor']).toBeUndefined();
  expect(fields?.record['toString']).toBeUndefined();
  expect([fields?.get('a'), fields?.get('cookie'), fields?.get('b')]).toEqual(['1, 2', 'x=1; y=2', undefined]);
});

describe('the connection lives on', () => {
  test.each([
    ['unless it is told to close', withFields('Connection: close'), false],
    ['unless close is one option of several', withFields('Connection: te, Close'), false],
    ['with other options', withFields('Connection: keep-alive, closed'), true],
    ['not with HTTP/1.0', 'GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n', false],
  ])('%s', (_what, text, lives) => {
    expect(read(text)[0]).toContain(`keep=${lives}`);
  });
});

test('100 is expected only where a body follows', () => {
  expect(read(withFields('Expect: 100-Continue', 'Content-Length: 1'))[0]).toContain('continue=true');
  expect(read(withFields('Expect: 100-continue', 'Content-Length: 0'))[0]).toContain('continue=false');
  expect(read('PUT / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n')[0]).toContain('continue=false');
});

test('an absolute target counts when it names the same host', () => {
  expect(read('GET http://Shop/a?b HTTP/1.1\r\nHost: shop\r\n\r\n')[0]).toContain('GET /a?b ');
  expect(read('GET http://shop?b HTTP/1.1\r\nHost: shop\r\n\r\n')[0]).toContain('GET /?b ');
  expect(read('OPTIONS * HTTP/1.1\r\nHost: shop\r\n\r\n')[0]).toContain('OPTIONS * ');
});

describe('what is refused', () => {
  test.each([
    ['a folded line', withFields('A: 1', ' 2')],
    ['a folded line after the request line', 'GET / HTTP/1.1\r\n Host: a\r\n\r\n'],
    ['a bare LF after the request line', 'GET / HTTP/1.1\nHost: a\r\n\r\n'],
    ['a bare LF after a field', 'GET / HTTP/1.1\r\nHost: a\n\r\n'],
    ['a bare LF as the empty line', 'GET / HTTP/1.1\r\nHost: a\r\n\n'],
    ['a bare CR in a value', withFields('A: 1\r2')],
    ['a NUL in a value', withFields('A: 1\0')],
    ['a DEL in a value', withFields('A: 1\x7f')],
    ['a blank before the colon', withFields('A : 1')],
    ['a tab before the colon', withFields('A\t: 1')],
    ['no name', withFields(': 1')],
    ['no colon', withFields('A')],
    ['a name of other letters', withFields('\xc4: 1')],
    ['an empty line before the request', '\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['two blanks in the request line', 'GET  / HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['a blank after the version', 'GET / HTTP/1.1 \r\nHost: a\r\n\r\n'],
    ['no target', 'GET HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['no version', 'GET /\r\nHost: a\r\n\r\n'],
    ['a version in small letters', 'GET / http/1.1\r\nHost: a\r\n\r\n'],
    ['a fragment', 'GET /#a HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['a backslash in the target', 'GET /\\a HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['octets beyond ASCII in the target', 'GET /\xe4 HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['a target that is neither path nor URL', 'GET a HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['a URL of another host', 'GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['a URL of another port', 'GET http://a:81/ HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['a URL with a user', 'GET http://u@a/ HTTP/1.1\r\nHost: u@a\r\n\r\n'],
    ['a URL of another scheme', 'GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['* for GET', 'GET * HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['no Host', 'GET / HTTP/1.1\r\nA: a\r\n\r\n'],
    ['two Hosts', withFields('Host: a')],
    ['an empty Host', 'GET / HTTP/1.1\r\nHost:\r\n\r\n'],
    ['a list of Hosts', 'GET / HTTP/1.1\r\nHost: a, b\r\n\r\n'],
    ['a Host with a path', 'GET / HTTP/1.1\r\nHost: a/b\r\n\r\n'],
    ['two lengths', withFields('Content-Length: 1', 'Content-Length: 1')],
    ['a list of lengths', withFields('Content-Length: 1, 1')],
    ['a signed length', withFields('Content-Length: +1')],
    ['a negative length', withFields('Content-Length: -1')],
    ['a length in hex', withFields('Content-Length: 0x1')],
    ['a length with a blank', withFields('Content-Length: 1 1')],
    ['no digits as length', withFields('Content-Length:')],
    ['a length beyond exact numbers', withFields('Content-Length: 1000000000000000')],
    ['a length and chunks', withFields('Content-Length: 1', 'Transfer-Encoding: chunked')],
    ['chunks and a length', withFields('Transfer-Encoding: chunked', 'Content-Length: 1')],
    ['chunks twice', withFields('Transfer-Encoding: chunked', 'Transfer-Encoding: chunked')],
    ['a tab after chunked', withFields('Transfer-Encoding: chunked\t')],
    ['a tab before a length', withFields('Content-Length:\t1')],
    ['chunks in HTTP/1.0', 'PUT / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n'],
    ['a method beyond all length', `${'A'.repeat(33)} / HTTP/1.1\r\nHost: a\r\n\r\n`],
    ['a TLS greeting', '\x16\x03\x01\x02\0\x01\0\x01'],
  ])('%s', (_what, text) => {
    expect(faultOf(text)).toBe('HTTP_MALFORMED');
  });

  test.each([
    ['another transfer encoding', withFields('Transfer-Encoding: gzip'), 'HTTP_UNSUPPORTED'],
    ['chunked as one of several', withFields('Transfer-Encoding: gzip, chunked'), 'HTTP_UNSUPPORTED'],
    ['chunked with a parameter', withFields('Transfer-Encoding: chunked;a'), 'HTTP_UNSUPPORTED'],
    ['chunked in quotes', withFields('Transfer-Encoding: "chunked"'), 'HTTP_UNSUPPORTED'],
    ['CONNECT', 'CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n', 'HTTP_UNSUPPORTED'],
    ['HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'HTTP_VERSION_UNSUPPORTED'],
    ['HTTP/1.2', 'GET / HTTP/1.2\r\nHost: a\r\n\r\n', 'HTTP_VERSION_UNSUPPORTED'],
    ['another expectation', withFields('Expect: 200-ok', 'Content-Length: 1'), 'HTTP_EXPECTATION_FAILED'],
  ])('%s, as what cannot be done', (_what, text, code) => {
    expect(faultOf(text)).toBe(code);
  });
});

describe('chunked bodies refuse', () => {
  const chunked = (text: string) => faultOf(`PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n${text}`);
  test.each([
    ['no size', '\r\n'],
    ['a signed size', '+1\r\na\r\n0\r\n\r\n'],
    ['a size with a prefix', '0x1\r\na\r\n0\r\n\r\n'],
    ['a blank before the extension', '1 ;a\r\na\r\n0\r\n\r\n'],
    ['a blank after the size', '1 \r\na\r\n0\r\n\r\n'],
    ['a bare LF after the size', '1\na\r\n0\r\n\r\n'],
    ['a bare LF in an extension', '1;a\nb\r\na\r\n0\r\n\r\n'],
    ['a bare LF after the data', '1\r\na\n0\r\n\r\n'],
    ['data that is longer than the size', '1\r\nab\r\n0\r\n\r\n'],
    ['a bare LF at the end', '0\r\n\n'],
    ['a size beyond exact numbers', '10000000000000\r\n'],
    ['extensions without end', `1;${'x'.repeat(300)}\r\na\r\n`],
    ['a length among the trailers', '0\r\nContent-Length: 1\r\n\r\n'],
    ['a Host among the trailers', '0\r\nHost: b\r\n\r\n'],
    ['a folded trailer', '0\r\nA: 1\r\n b\r\n\r\n'],
  ])('%s', (_what, text) => {
    expect(chunked(text)).toBe('HTTP_MALFORMED');
  });

  test('more extensions than a head may be large', () => {
    expect(chunked(`1;${'x'.repeat(200)}\r\na\r\n`.repeat(100))).toBe('HTTP_FIELDS_TOO_LARGE');
  });
});

describe('limits', () => {
  const limits = { maxHeadBytes: 100, maxTargetBytes: 20, maxFields: 3 };
  test.each([
    ['a head of exactly the limit', `GET / HTTP/1.1\r\nHost: a\r\nB: ${'x'.repeat(68)}\r\n\r\n`, undefined],
    ['a head of one byte more', `GET / HTTP/1.1\r\nHost: a\r\nB: ${'x'.repeat(69)}\r\n\r\n`, 'HTTP_FIELDS_TOO_LARGE'],
    ['a head that never ends', `GET / HTTP/1.1\r\nHost: a\r\nB: ${'x'.repeat(500)}`, 'HTTP_FIELDS_TOO_LARGE'],
    ['a target of the limit', `GET /${'x'.repeat(19)} HTTP/1.1\r\nHost: a\r\n\r\n`, undefined],
    ['a target of one byte more', `GET /${'x'.repeat(20)} HTTP/1.1\r\nHost: a\r\n\r\n`, 'HTTP_TARGET_TOO_LONG'],
    ['as many fields as may be', withFields('A: 1', 'B: 1'), undefined],
    ['a field more', withFields('A: 1', 'B: 1', 'C: 1'), 'HTTP_FIELDS_TOO_LARGE'],
    [
      'trailers beyond the limit',
      `PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nA: ${'x'.repeat(200)}\r\n\r\n`,
      'HTTP_FIELDS_TOO_LARGE',
    ],
  ])('%s', (_what, text, code) => {
    expect(faultOf(text, limits)).toBe(code);
  });

  test.each([
    ['a length beyond the limit', 'Content-Length: 6\r\n\r\nhello!', 'HTTP_BODY_TOO_LARGE'],
    ['a length of the limit', 'Content-Length: 5\r\n\r\nhello', undefined],
    ['chunks beyond the limit', 'Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n3\r\n', 'HTTP_BODY_TOO_LARGE'],
    ['chunks of the limit', 'Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n', undefined],
  ])('%s', (_what, rest, code) => {
    const reader = new RequestReader();
    reader.maxBodyBytes = 5;
    const lines = stepsOf(reader, [Buffer.from(`PUT / HTTP/1.1\r\nHost: a\r\n${rest}`)]);
    expect(/^! (\w+)/.exec(lines.at(-1) ?? '')?.[1]).toBe(code);
  });

  test('that make no sense are refused', () => {
    expect(() => new RequestReader({ maxFields: 1_001 })).toThrow('maxFields is 1001');
    expect(() => new RequestReader({ maxHeadBytes: 0 })).toThrow('maxHeadBytes is 0');
  });
});

test('after a fault nothing is read any more', () => {
  const reader = new RequestReader();
  reader.add(Buffer.from('nonsense\r\n\r\n'));
  expect(() => reader.read()).toThrow('request');
  reader.add(Buffer.from(withFields()));
  expect(() => reader.read()).toThrow('earlier message');
});

test('an end within a message is a fault, between two it is none', () => {
  const ended = (text: string) => stepsOf(new RequestReader(), [Buffer.from(text)], true).at(-1);
  expect(ended(withFields())).toBe('end ');
  expect(ended('GET')).toContain('HTTP_INCOMPLETE');
  expect(ended(withFields('Content-Length: 1'))).toContain('HTTP_INCOMPLETE');
});

const token = fc.stringMatching(/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,12}$/);
const value = fc.stringMatching(/^[\x21-\x7e\x80-\xff]([\t\x20-\x7e]{0,20}[\x21-\x7e])?$/);
const bodyPart = fc.stringMatching(/^[a-z\r\n]{1,30}$/);
const framed = fc.oneof(
  fc.constant('\r\n'),
  bodyPart.map((body) => `Content-Length: ${body.length}\r\n\r\n${body}`),
  fc
    .array(bodyPart, { maxLength: 4 })
    .map(
      (parts) =>
        `Transfer-Encoding: chunked\r\n\r\n${parts.map((part) => `${part.length.toString(16)}\r\n${part}\r\n`).join('')}0\r\n\r\n`,
    ),
);
const request = fc
  .tuple(token, fc.stringMatching(/^\/[\w/?=%.-]{0,20}$/), fc.array(fc.tuple(token, value), { maxLength: 6 }), framed)
  .map(
    ([method, target, fields, rest]) =>
      `${method} ${target} HTTP/1.1\r\nHost: a\r\n${fields.map(([name, text]) => `${name}: ${text}\r\n`).join('')}${rest}`,
  );
/** Requests, some with an octet that is something else. */
const damaged = fc
  .tuple(
    fc.array(request, { minLength: 1, maxLength: 3 }),
    fc.option(fc.tuple(fc.nat(), fc.constantFrom('\n', '\r', ' ', '\0', ':', '1', '\r\n', '\t'))),
  )
  .map(([requests, damage]) => {
    const text = requests.join('');
    if (damage === null) return text;
    const at = damage[0] % text.length;
    return text.slice(0, at) + damage[1] + text.slice(at + 1);
  });

test('wherever the bytes are cut, the same is read', () => {
  const lengths = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 5 });
  fc.assert(
    fc.property(damaged, lengths, fc.constantFrom(80, 300, 16_384), (text, cuts, maxHeadBytes) => {
      const bytes = Buffer.from(text, 'latin1');
      const limits = { maxHeadBytes, maxTargetBytes: 15, maxFields: 5 };
      const whole = stepsOf(new RequestReader(limits), [bytes], true);
      expect(stepsOf(new RequestReader(limits), pieces(bytes, cuts), true)).toEqual(whole);
      expect(stepsOf(new RequestReader(limits), pieces(bytes, [1]), true)).toEqual(whole);
    }),
    { numRuns: 1_000 },
  );
});
