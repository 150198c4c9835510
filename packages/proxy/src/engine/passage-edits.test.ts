import { expect, test } from 'vitest';
import { answering, get, OK, running } from './engine.fixture.ts';
import { filterOf } from './filter-of.fixture.ts';
import type { Filter } from './filter.ts';

async function behind(filter: Partial<Filter>, route: object = {}) {
  const origin = await answering(OK);
  const run = await running(
    {
      clusters: { orders: { endpoints: [origin.origin] } },
      routes: [{ name: 'all', to: 'orders', filters: [{ type: 'tested' }], ...route }],
    },
    { kinds: [filterOf('tested', () => filter)] },
  );
  return { ...run, origin };
}

const post = (body: string, chunks = false) =>
  chunks
    ? `POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`
    : `POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n${body}`;

test('lines are added beside those that came, until the field is set', async () => {
  const { client, origin } = await behind({
    request(passage) {
      passage.addUpstream('x-a', '1');
      passage.addUpstream('x-b', '1');
      passage.setUpstream('x-b', '2');
      passage.addAnswer('vary', 'cookie');
      passage.addAnswer('x-c', '1');
      passage.setAnswer('x-c', '2');
      passage.addAnswer('x-c', '3');
      return undefined;
    },
  });
  const answer = await client()
    .send(get('/', 'X-A: 0', 'X-B: 0'))
    .got('ok');
  const seen = (await origin.socket(0)).text;
  expect(seen.match(/x-[ab]: \d/gi)).toEqual(['X-A: 0', 'x-b: 2', 'x-a: 1']);
  expect(answer.match(/(?:vary|x-c): .*/g)).toEqual(['x-c: 2', 'vary: cookie', 'x-c: 3']);
});

test('the host that goes upstream is what a filter says, and nothing that would break its line', async () => {
  const { client, origin } = await behind({
    request(passage) {
      expect(() => (passage.upstreamHost = 'a\r\nb: c')).toThrow(TypeError);
      passage.upstreamHost = '[::1]:8080';
      return undefined;
    },
  });
  await client().send(get('/')).got('ok');
  expect((await origin.socket(0)).text).toMatch(/^GET \/ HTTP\/1\.1\r\nhost: \[::1\]:8080\r\n/);
});

test.each([false, true])('a filter reads the body, and it goes on from memory (in chunks: %s)', async (chunks) => {
  const read: string[] = [];
  const { client, origin } = await behind({
    async request(passage) {
      read.push((await passage.readBody(100)).toString(), (await passage.readBody(100)).toString());
      return undefined;
    },
  });
  await client().send(post('body', chunks)).got('ok');
  expect(read).toEqual(['body', 'body']);
  expect(await (await origin.socket(0)).got('body')).toContain('content-length: 4\r\n');
  await client().send(get('/')).got('ok');
  expect(read.slice(2)).toEqual(['', '']);
});

test.each([
  ['announced', post('x'.repeat(11)), 10, {}],
  ['found', post('x'.repeat(11), true), 10, {}],
  ['more than the route takes', post('x'.repeat(11)), 100, { maxBody: '10B' }],
])('a body that is %s to be too large is refused with 413', async (_how, asked, most, route) => {
  const { client, origin } = await behind(
    {
      async request(passage) {
        await passage.readBody(most);
        return undefined;
      },
    },
    route,
  );
  expect(await client().send(asked).got('"code"')).toMatch(/^HTTP\/1\.1 413 [^]*BODY_TOO_LARGE[^]*10 bytes/);
  expect(origin.sockets).toHaveLength(0);
});

test('a filter that doesn’t mind a body that could not be read does not make it go on', async () => {
  const { client, origin } = await behind({
    async request(passage) {
      await passage.readBody(10).catch(() => {});
      return undefined;
    },
  });
  expect(
    await client()
      .send(post('x'.repeat(11), true))
      .got('"code"'),
  ).toMatch(/^HTTP\/1\.1 413 /);
  expect(origin.sockets).toHaveLength(0);
  // What was announced was not begun to be read.
  await client()
    .send(post('x'.repeat(11)))
    .got('ok');
});
