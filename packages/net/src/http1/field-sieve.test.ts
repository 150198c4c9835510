import fc from 'fast-check';
import { expect, test } from 'vitest';
import { FieldSieve } from './field-sieve.ts';
import { RequestReader } from './request-reader.ts';

const SIEVE = new FieldSieve({ drop: ['x-secret'], dropPrefixes: ['x-internal-'], dropUnderscores: true });

function readHead(lines: string, sieve?: FieldSieve) {
  const reader = new RequestReader({}, sieve);
  reader.add(Buffer.from(`GET / HTTP/1.1\r\nHost: a\r\n${lines}\r\n`, 'latin1'));
  expect(reader.read()).toBe('head');
  if (reader.head === undefined) throw new Error('there is a head');
  return reader.head;
}

test('what goes on keeps its order and case, without what is for this hop or was dropped', () => {
  const head = readHead(
    'User-Agent: curl\r\nX-Secret: 1\r\nAccept: */*\r\nX-Internal-Role: root\r\nTE: trailers\r\nX_Y: z\r\nX-App: b\r\n',
    SIEVE,
  );
  expect(head.kept).toBe('User-Agent: curl\r\nAccept: */*\r\nX-App: b\r\n');
});

test('fields that Connection names go no further, and what frames the message does not either', () => {
  const head = readHead('Connection: close, X-Hop\r\nX-Hop: 1\r\nX-App: 2\r\nContent-Length: 0\r\n', SIEVE);
  expect(head.kept).toBe('X-App: 2\r\n');
  expect(head.keepsAlive).toBe(false);
});

test('blanks around a value go on as one space before it', () => {
  const head = readHead('A:1\r\nB: 2\r\nC:\t3 \r\nD:  4\r\nE:\r\nF: 6\t\r\n', SIEVE);
  expect(head.kept).toBe('A: 1\r\nB: 2\r\nC: 3\r\nD: 4\r\nE: \r\nF: 6\r\n');
});

const name = fc.oneof(
  fc.stringMatching(/^[A-Za-z][A-Za-z0-9_-]{0,12}$/),
  fc.constantFrom('Accept', 'X-Secret', 'x-internal-a', 'Cookie', 'Keep-Alive', 'TE', 'a_b'),
);
const blanks = fc.constantFrom('', ' ', '  ', '\t', ' \t');
const value = fc.stringMatching(/^[!-~\xa0-\xff]([ -~\xa0-\xff]{0,10}[!-~\xa0-\xff])?$/);
const line = fc
  .tuple(name, blanks, value, blanks)
  .filter(([each]) => !/^(host|connection|content-length|expect|transfer-encoding)$/i.test(each));

test('a head with a sieve has the same fields as one without, and keeps exactly those that pass', () => {
  fc.assert(
    fc.property(fc.array(line, { maxLength: 12 }), (lines) => {
      const text = lines.map(([each, before, said, after]) => `${each}:${before}${said}${after}\r\n`).join('');
      const plain = readHead(text);
      const sieved = readHead(text, SIEVE);
      expect(sieved.fields.list).toEqual(plain.fields.list);
      const passed = lines.filter(([each]) => !SIEVE.drops(each.toLowerCase()));
      expect(sieved.kept).toBe(passed.map(([each, , said]) => `${each}: ${said}\r\n`).join(''));
    }),
  );
});
