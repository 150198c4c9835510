import { METHODS } from 'node:http';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ourRequests, ourResponse } from './differential.fixture.ts';
import { llhttpRequests, llhttpResponse, originForm } from './llhttp.fixture.ts';
import { requestBytes, responseBytes } from './message-grammar.fixture.ts';

test('a request that we take, llhttp takes too, and understands the same', async () => {
  let taken = 0;
  await fc.assert(
    fc.asyncProperty(requestBytes, async (bytes) => {
      const { seen, byteLength } = ourRequests(bytes);
      taken += seen.length;
      // llhttp has a list of methods; we leave it to the routes what is none.
      if (seen.length === 0 || !seen.every(({ start }) => METHODS.includes(start.split(' ', 1)[0] ?? ''))) return;
      const theirs = await llhttpRequests(bytes.subarray(0, byteLength));
      expect(theirs.map((one) => ({ ...one, start: originForm(one.start) }))).toEqual(seen);
    }),
    { numRuns: 400 },
  );
  // Else nothing was compared.
  expect(taken).toBeGreaterThan(50);
});

test('a response that we take, llhttp takes too, and understands the same', async () => {
  let taken = 0;
  await fc.assert(
    fc.asyncProperty(responseBytes, fc.constantFrom('GET', 'HEAD', 'POST'), async (bytes, method) => {
      const ours = ourResponse(bytes, method);
      if (ours === undefined) return;
      taken += 1;
      expect(await llhttpResponse(bytes, method)).toEqual(ours);
    }),
    { numRuns: 400 },
  );
  expect(taken).toBeGreaterThan(30);
});

describe('we are stricter than llhttp where', () => {
  const get = (...lines: string[]) =>
    `GET / HTTP/1.1\r\n${['Host: a', ...lines].map((line) => `${line}\r\n`).join('')}\r\n`;
  test.each([
    ['an empty line comes before the request', `\r\n${get()}`],
    ['a target has a fragment', get().replace('/', '/#a')],
    ['a target has a backslash, a quote or an angle bracket', get().replace('/', '/\\"<>')],
    ['an absolute target names another host than Host', get().replace('/', 'http://b/')],
    ['the Host is no host', get().replace('Host: a', 'Host: a b/c')],
    ['the Host is empty', get().replace('Host: a', 'Host:')],
    ['an HTTP/1.0 request comes in chunks', 'PUT / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'],
    [
      'trailers frame or route a message',
      `${get('Transfer-Encoding: chunked').replace('GET', 'PUT')}0\r\nHost: b\r\n\r\n`,
    ],
    [
      'a transfer encoding is more than chunked',
      `${get('Transfer-Encoding: gzip, chunked').replace('GET', 'PUT')}0\r\n\r\n`,
    ],
  ])('%s', async (_what, text) => {
    const bytes = Buffer.from(text, 'latin1');
    expect(ourRequests(bytes).seen).toEqual([]);
    expect(await llhttpRequests(bytes)).toHaveLength(1);
  });
});
