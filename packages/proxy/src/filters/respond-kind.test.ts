import { expect, test } from 'vitest';
import { answering, get, OK, running } from '../engine/engine.fixture.ts';
import { respondKind } from './respond-kind.ts';

const spec = (options: object) => ({ type: 'respond', ...options });

test('answers are what was written, without any upstream', async () => {
  const shop = await answering(OK);
  const route = (name: string, options: object) => ({ name, match: { path: `/${name}` }, filters: [spec(options)] });
  const { client } = await running({
    routes: [
      route('text', { body: 'grüß dich\n', headers: { 'x-a': '1', 'set-cookie': ['b=1', 'c=2'] } }),
      route('json', { status: 201, json: { ok: true } }),
      route('typed', { body: '<p>', contentType: 'text/html' }),
      route('empty', { status: 204 }),
      route('bare', {}),
      route('gone', { status: 410, code: 'GONE_FOR_GOOD', detail: 'Sold out.' }),
      { name: 'rest', to: 'shop' },
    ],
    clusters: { shop: { endpoints: [shop.origin] } },
  });
  const ask = async (path: string, end: string, method = 'GET') =>
    client().send(get(path).replace('GET', method)).got(end);
  const text = await ask('/text', 'dich\n');
  expect(text).toMatch(/^HTTP\/1\.1 200 OK\r\nx-a: 1\r\nset-cookie: b=1\r\nset-cookie: c=2\r\n/);
  expect(text).toContain('content-type: text/plain; charset=utf-8\r\n');
  expect(text).toContain('content-length: 12\r\n');
  expect(await ask('/text', '\r\n\r\n', 'HEAD')).toContain('content-length: 12\r\n');
  expect(await ask('/json', '{"ok":true}')).toMatch(/^HTTP\/1\.1 201 Created\r\ncontent-type: application\/json\r\n/);
  expect(await ask('/typed', '<p>')).toContain('content-type: text/html\r\n');
  expect(await ask('/empty', '\r\n\r\n')).not.toContain('content-length');
  expect(await ask('/bare', '\r\n\r\n')).toContain('content-length: 0\r\n');
  expect(await ask('/gone', '"Sold out."')).toMatch(/^HTTP\/1\.1 410 Gone\r\ncontent-type: application\/problem\+json/);
  expect(await ask('/gone', '"code":"GONE_FOR_GOOD"')).toContain('cache-control: no-store');
  expect(shop.sockets).toHaveLength(0);
});

test.each([
  ['a body with 204', { status: 204, body: 'x' }, 'an answer with 204 has no body'],
  ['two bodies', { body: 'x', json: 1 }, 'write one of them'],
  ['what JSON has not', { json: () => 1 }, 'nothing that JSON has'],
  ['a type of no body', { contentType: 'text/html' }, 'is of a body, and there is none'],
  ['a code of no failure', { code: 'GONE' }, 'is of a failure'],
  ['a detail beside a body', { status: 410, body: 'x', detail: 'y' }, 'is of a problem document'],
  ['an interim status', { status: 103 }, '>=200'],
  ['a length', { headers: { 'content-length': '1' } }, 'written by the proxy itself'],
  ['a broken line', { headers: { 'x-a': 'a\r\nb: c' } }, 'printable ASCII'],
])('%s can not be written', (_what, options, message) => {
  expect(JSON.stringify(respondKind.schema.safeParse(spec(options)).error?.issues)).toContain(message);
});
