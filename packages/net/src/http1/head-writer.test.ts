import { describe, expect, test } from 'vitest';
import { requestHead, responseHead } from './head-writer.ts';

test('heads are lines that end in CRLF, and an empty one', () => {
  expect(responseHead(200, { a: 'b', c: ['d', 'é'], e: undefined }, 'content-length: 0\r\n')).toBe(
    'HTTP/1.1 200 OK\r\na: b\r\nc: d\r\nc: é\r\ncontent-length: 0\r\n\r\n',
  );
  expect(responseHead(599, {}, '')).toBe('HTTP/1.1 599 \r\n\r\n');
  expect(requestHead('GET', '/a?b', { host: 'c' }, '')).toBe('GET /a?b HTTP/1.1\r\nhost: c\r\n\r\n');
});

describe('what would break out of its line is not written', () => {
  test.each([
    ['a CR in a value', () => responseHead(200, { a: 'b\rc' }, '')],
    ['an LF in a value', () => responseHead(200, { a: 'b\nc' }, '')],
    ['an LF in one of several values', () => responseHead(200, { a: ['b', 'c\n'] }, '')],
    ['a NUL in a value', () => responseHead(200, { a: '\0' }, '')],
    ['a character beyond latin1', () => responseHead(200, { a: '\u0100' }, '')],
    ['a character whose low byte is an LF', () => responseHead(200, { a: '\u010a' }, '')],
    ['a blank in a name', () => responseHead(200, { 'a b': 'c' }, '')],
    ['a colon in a name', () => responseHead(200, { 'a:': 'c' }, '')],
    ['an empty name', () => responseHead(200, { '': 'c' }, '')],
    ['a length of somebody else', () => responseHead(200, { 'Content-Length': '1' }, '')],
    ['a transfer encoding of somebody else', () => requestHead('GET', '/', { 'transfer-encoding': 'chunked' }, '')],
    ['a provisional status', () => responseHead(100, {}, '')],
    ['a status that is none', () => responseHead(20.5, {}, '')],
    ['a blank in a method', () => requestHead('GET /', '/', {}, '')],
    ['no method', () => requestHead('', '/', {}, '')],
    ['a blank in a target', () => requestHead('GET', '/ HTTP/1.1', {}, '')],
    ['an LF in a target', () => requestHead('GET', '/\n', {}, '')],
    ['no target', () => requestHead('GET', '', {}, '')],
  ])('%s', (_what, write) => {
    expect(write).toThrow(expect.objectContaining({ code: 'UNSENDABLE' }));
  });
});
