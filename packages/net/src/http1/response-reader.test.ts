import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { pieces, stepsOf } from './reading.fixture.ts';
import { ResponseReader } from './response-reader.ts';

function read(text: string, method = 'GET', ends = false): string[] {
  const reader = new ResponseReader();
  reader.expect(method);
  return stepsOf(reader, [Buffer.from(text, 'latin1')], ends);
}

describe('a body is as long as', () => {
  test.each([
    [
      'its length',
      'GET',
      'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi',
      ['200 1.1 body=2 keep=true content-length|2', 'body "hi"', 'end '],
    ],
    [
      'its chunks',
      'GET',
      'HTTP/1.1 201 \r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\na: b\r\n\r\n',
      ['201 1.1 body=-1 keep=true transfer-encoding|chunked', 'body "hi"', 'end a|b'],
    ],
    ['the connection', 'GET', 'HTTP/1.1 200 OK\r\n\r\nhi', ['200 1.1 body=-2 keep=false ', 'body "hi"', 'end ']],
    [
      'nothing for HEAD',
      'HEAD',
      'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n',
      ['200 1.1 body=0 keep=true content-length|2', 'end '],
    ],
    ['nothing with 204', 'GET', 'HTTP/1.1 204 No Content\r\n\r\n', ['204 1.1 body=0 keep=true ', 'end ']],
    [
      'nothing with 304',
      'GET',
      'HTTP/1.1 304 Not Modified\r\nContent-Length: 2\r\n\r\n',
      ['304 1.1 body=0 keep=true content-length|2', 'end '],
    ],
  ])('%s', (_what, method, text, lines) => {
    expect(read(text, method, true)).toEqual(lines);
  });
});

test('a provisional answer comes before the one that counts', () => {
  expect(
    read('HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 \r\nLink: a\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'),
  ).toEqual([
    '100 1.1 body=0 keep=true ',
    '103 1.1 body=0 keep=true link|a',
    '200 1.1 body=0 keep=true content-length|0',
    'end ',
  ]);
});

test('provisional answers may be as large as a head together, before each answer anew', () => {
  const hint = `HTTP/1.1 103 Early Hints\r\nLink: ${'a'.repeat(4_000)}\r\n\r\n`;
  const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n';
  expect(read(hint.repeat(4) + ok).at(-1)).toBe('end ');
  expect(read(hint.repeat(5) + ok).at(-1)).toContain('HTTP_FIELDS_TOO_LARGE');
  expect(read('HTTP/1.1 102 \r\n\r\n'.repeat(2_000) + ok).at(-1)).toContain('HTTP_FIELDS_TOO_LARGE');
  const reader = new ResponseReader();
  for (let count = 0; count < 3; count += 1) {
    reader.expect('GET');
    reader.add(Buffer.from(hint.repeat(3) + ok));
    const steps = Array.from({ length: 5 }, () => reader.read());
    expect(steps).toEqual(['head', 'head', 'head', 'head', 'end']);
  }
});

test('the connection ends with HTTP/1.0 and with close', () => {
  expect(read('HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n')[0]).toContain('keep=false');
  expect(read('HTTP/1.1 200 OK\r\nConnection: Close\r\nContent-Length: 0\r\n\r\n')[0]).toContain('keep=false');
});

test('a connection that breaks within an answer is no end of it', () => {
  for (const text of [
    'HTTP/1.1 200',
    'HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nhi',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n',
  ]) {
    expect(read(text, 'GET', true).at(-1)).toContain('HTTP_INCOMPLETE');
  }
});

describe('what is refused', () => {
  test.each([
    ['no HTTP', 'SSH-2.0-OpenSSH\r\n'],
    ['a status of two digits', 'HTTP/1.1 20 OK\r\n\r\n'],
    ['a status of four digits', 'HTTP/1.1 2000 OK\r\n\r\n'],
    ['a status that is none', 'HTTP/1.1 600 OK\r\n\r\n'],
    ['a bare LF', 'HTTP/1.1 200 OK\n\r\n'],
    ['a control character in the reason', 'HTTP/1.1 200 O\0K\r\n\r\n'],
    ['a blank before the colon', 'HTTP/1.1 200 OK\r\nA : b\r\n\r\n'],
    ['a folded line', 'HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n'],
    ['a length and chunks', 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n'],
    ['two lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n'],
    ['chunks of nothing', 'HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n'],
    ['chunks in HTTP/1.0', 'HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'],
    ['a provisional answer of HTTP/1.0', 'HTTP/1.0 100 Continue\r\n\r\n'],
    ['a provisional answer that closes', 'HTTP/1.1 100 Continue\r\nConnection: close\r\n\r\n'],
    ['another protocol', 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n'],
  ])('%s', (_what, text) => {
    expect(read(text).at(-1)).toContain('HTTP_MALFORMED');
  });

  test('another transfer encoding', () => {
    expect(read('HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n').at(-1)).toContain('HTTP_UNSUPPORTED');
  });
});

test('wherever the bytes are cut, the same is read', () => {
  const answer = fc.constantFrom(
    'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX: y\r\n\r\nhello',
    'HTTP/1.1 200\r\nTransfer-Encoding: chunked\r\n\r\n5;x\r\nhello\r\n3\r\nyou\r\n0\r\nA: b\r\n\r\n',
    'HTTP/1.1 100 Continue\r\n\r\n',
    'HTTP/1.1 304 Not Modified\r\nETag: "a"\r\n\r\n',
    'HTTP/1.1 200 OK\r\n\r\nuntil the end',
    'HTTP/1.1 200 OK\nA: b\r\n\r\n',
  );
  const lengths = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 5 });
  fc.assert(
    fc.property(fc.array(answer, { maxLength: 4 }), lengths, (answers, cuts) => {
      const bytes = Buffer.from(answers.join(''), 'latin1');
      const whole = stepsOf(new ResponseReader(), [bytes], true);
      expect(stepsOf(new ResponseReader(), pieces(bytes, cuts), true)).toEqual(whole);
      expect(stepsOf(new ResponseReader(), pieces(bytes, [1]), true)).toEqual(whole);
    }),
  );
});
