import fc from 'fast-check';

const CRLF = fc.oneof(
  { weight: 60, arbitrary: fc.constant('\r\n') },
  { weight: 1, arbitrary: fc.constantFrom('\n', '\r', '\r\r\n', '\n\r', '') },
);
const blank = fc.oneof(
  { weight: 40, arbitrary: fc.constant(' ') },
  { weight: 1, arbitrary: fc.constantFrom('', '  ', '\t', '\v') },
);
const word = fc.constantFrom('a', 'x-y', 'A_b', 'content-lengt', 'host2', '0', "it's", 'accept');
const text = fc.constantFrom(
  '1',
  'a b',
  '',
  'é',
  'a,b',
  '"q"',
  'a\tb',
  ' padded ',
  '\x01',
  'a\0b',
  'x'.repeat(50),
  '\x7f',
  ':',
  'chunked',
);

const mostly = (usual: readonly string[], odd: readonly string[]) =>
  fc.oneof({ weight: 20, arbitrary: fc.constantFrom(...usual) }, { weight: 1, arbitrary: fc.constantFrom(...odd) });

const version = mostly(
  ['HTTP/1.1'],
  ['HTTP/1.0', 'HTTP/1.2', 'HTTP/2.0', 'http/1.1', 'HTTP/1.10', 'HTTP/01.1', 'HTTP1.1', 'RTSP/1.0', 'ICE/1.0'],
);
const host = mostly(
  ['Host: a', 'host:a', 'HOST: a:80 ', 'Host: [::1]:8'],
  [
    'Host:',
    'Host: a, b',
    'Host: a b',
    'Host: u@a',
    'Host: a/b',
    'Host: b',
    '',
    'Host: a\r\nHost: a',
    'Host: a\r\n b',
    'Host : a',
  ],
);
const colon = mostly([': ', ':', ':\t'], [' :', '\t:', '', ' : ', '\0:']);
const field = fc.tuple(word, colon, text).map((parts) => parts.join(''));
const plainField = mostly(
  [
    'Connection: keep-alive',
    'Accept: */*',
    'Cookie: a=b',
    'X-Long: 123456789012345678901234567890',
    'TE: trailers',
    'Upgrade: h2c',
  ],
  [
    'Connection: close',
    'Connection: upgrade, close',
    ' folded',
    '\tfolded',
    ': none',
    'no colon',
    'Expect: 100-continue',
    'Expect: other',
    'Trailer: x',
    'Connection: upgrade',
  ],
);

/** What says how long a body is, and a body that may fit. */
const framed = fc.oneof(
  { weight: 4, arbitrary: fc.constant({ lines: [] as string[], body: '' }) },
  {
    weight: 4,
    arbitrary: fc
      .tuple(
        fc.constantFrom('', 'a', 'hello', 'GET / HTTP/1.1\r\nHost: x\r\n\r\n', '0\r\n\r\n'),
        mostly(['Content-Length: ', 'content-length:'], ['Content-Length : ', 'Content_Length: ']),
        mostly(
          ['$'],
          [
            '+$',
            '-$',
            '$, $',
            '0x$',
            '$ $',
            '',
            '$;',
            '0$',
            '$0',
            '$\t',
            '9007199254740993',
            '18446744073709551616',
            '$.0',
          ],
        ),
      )
      .map(([body, name, length]) => ({ lines: [name + length.replaceAll('$', String(body.length))], body })),
  },
  {
    weight: 4,
    arbitrary: fc
      .tuple(
        mostly(
          ['Transfer-Encoding: chunked', 'transfer-encoding:Chunked'],
          [
            'Transfer-Encoding: chunked, chunked',
            'Transfer-Encoding: gzip, chunked',
            'Transfer-Encoding: identity',
            'Transfer-Encoding: xchunked',
            'Transfer-Encoding: chunked;q=1',
            'Transfer-Encoding : chunked',
            'Transfer-Encoding:\vchunked',
            'Transfer-Encoding: "chunked"',
            'Transfer-Encoding:',
            'Transfer-Encoding: chunked\r\nTransfer-Encoding: identity',
          ],
        ),
        fc.array(
          fc
            .tuple(
              fc.constantFrom('a', 'hello', 'x\r\ny', '0123456789abcdef'),
              mostly(
                ['$'],
                [
                  '0$',
                  '+$',
                  '0x$',
                  '$;a=b',
                  '$;',
                  '$ ;a',
                  '$ ',
                  ' $',
                  '$;"\n"',
                  '$;a\r',
                  '-$',
                  '',
                  'ffffffffffffffff',
                  '$g',
                ],
              ),
              CRLF,
              CRLF,
            )
            .map(
              ([data, size, first, second]) => size.replaceAll('$', data.length.toString(16)) + first + data + second,
            ),
          { maxLength: 3 },
        ),
        mostly(
          ['0\r\n\r\n', '00\r\n\r\n'],
          [
            '0\r\nX: y\r\n\r\n',
            '0\r\nContent-Length: 3\r\n\r\n',
            '0\n\n',
            '0\r\n\n',
            '0;x\r\n\r\n',
            '\r\n',
            '0\r\n X: y\r\n\r\n',
            '0\r\n',
            '0 \r\n\r\n',
            '0\r\nX : y\r\n\r\n',
          ],
        ),
      )
      .map(([line, chunks, last]) => ({ lines: [line], body: chunks.join('') + last })),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      { lines: ['Content-Length: 5', 'Transfer-Encoding: chunked'], body: '0\r\n\r\n' },
      { lines: ['Transfer-Encoding: chunked', 'Content-Length: 5'], body: '0\r\n\r\n' },
      { lines: ['Content-Length: 3', 'Content-Length: 3'], body: 'abc' },
      { lines: ['Content-Length: 3', 'content-length: 5'], body: 'abcde' },
    ),
  },
);

const headAndBody = fc
  .tuple(
    fc.array(fc.oneof(field, plainField, plainField), { maxLength: 4 }),
    framed,
    fc.nat(4),
    fc.array(CRLF, { minLength: 12, maxLength: 12 }),
  )
  .map(([plain, { lines, body }, at, ends]) => {
    const all = [...plain.slice(0, at), ...lines, ...plain.slice(at)];
    return `${all.map((line, index) => line + (ends[index] ?? '\r\n')).join('')}${ends[11] ?? ''}${body}`;
  });

/** Bytes that are requests, or nearly. */
export const requestBytes = fc
  .array(
    fc
      .tuple(
        mostly(
          ['GET', 'POST', 'PUT', 'DELETE', 'HEAD', 'OPTIONS'],
          ['get', 'G@T', '', 'PATCH', 'CONNECT', 'PRI', 'SOURCE', 'M-SEARCH', 'XYZ', '\r\nGET', '\nGET'],
        ),
        blank,
        mostly(
          ['/', '/a?b=c', '/a/%20/b;c', 'http://a/x'],
          [
            '*',
            'a',
            '/a#b',
            '/a\\b',
            'http://b/',
            '//a',
            '/é',
            '/a\x01',
            'http://a',
            'https://a:80/',
            '/a b',
            '',
            '/<>"',
          ],
        ),
        blank,
        version,
        CRLF,
        host,
        CRLF,
        headAndBody,
      )
      .map((parts) => parts.join('')),
    { minLength: 1, maxLength: 3 },
  )
  .map((messages) => Buffer.from(messages.join(''), 'latin1'));

/** Bytes that are a response, or nearly. */
export const responseBytes = fc
  .tuple(
    mostly(
      [''],
      ['HTTP/1.1 100 Continue\r\n\r\n', 'HTTP/1.1 103 Early\r\nLink: a\r\n\r\n', 'HTTP/1.1 101 No\r\n\r\n', '\r\n'],
    ),
    version,
    blank,
    mostly(['200', '201', '204', '304', '404', '500'], ['099', '20', '2000', '600', '-20', '2 0', '']),
    mostly([' OK', ' ', ''], ['  OK', '\tOK', ' O\0K', ' é', ' a\rb']),
    CRLF,
    headAndBody,
  )
  .map((parts) => Buffer.from(parts.join(''), 'latin1'));
