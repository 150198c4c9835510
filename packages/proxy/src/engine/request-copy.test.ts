import { expect, test } from 'vitest';
import { get, OK, answering, running, upstream, type Upstream, type Written } from './engine.fixture.ts';

const to = (origin: Upstream, next: Upstream, mirror: object = {}, more: object = {}): Written => ({
  clusters: { orders: { endpoints: [origin.origin] }, next: { endpoints: [next.origin], outliers: 'off', ...more } },
  routes: [{ name: 'all', to: 'orders' }],
  filters: [
    { type: 'headers', request: { set: { 'x-set': 'here' } } },
    { type: 'mirror', to: 'next', ...mirror },
  ],
});

const post = (body: string) => `POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n${body}`;

test('a copy goes with all that the request goes with, and is marked', async () => {
  const [origin, next] = [await answering(OK), await upstream()];
  const { client } = await running(to(origin, next));
  await client().send(post('body')).got('ok');
  const copy = await (await next.socket(0)).got('body');
  const sent = (await origin.socket(0)).text;
  expect(copy).toContain('x-fairlead-mirror: 1\r\n');
  expect(copy).toContain('x-set: here\r\n');
  expect(sent).not.toContain('mirror');
  const host = (text: string) => text.replace(/host: .*\r\n/, '').replace('x-fairlead-mirror: 1\r\n', '');
  expect(host(copy)).toBe(host(sent));
});

test('nobody waits for a copy, whatever becomes of it', async () => {
  const next = await upstream((wire, index) => {
    if (index === 0) wire.socket.destroy();
  });
  const { client, clock } = await running(to(await answering(OK), next, { timeout: '1s' }));
  const wire = client();
  for (let count = 1; count <= 3; count += 1) {
    wire.clear().send(get('/'));
    expect(await wire.got('ok')).toMatch(/^HTTP\/1\.1 200 /);
  }
  const silent = await next.socket(1);
  await silent.got('x-fairlead-mirror');
  await clock.advance(1_000);
  await silent.closed;
});

test('an answer to a copy is dropped, and its connection is used again', async () => {
  const [origin, next] = [await answering(OK), await answering('HTTP/1.1 500 No\r\ncontent-length: 3\r\n\r\nbad')];
  const { client } = await running(to(origin, next));
  const wire = client();
  for (let count = 1; count <= 3; count += 1) {
    wire.clear().send(get(`/${count}`));
    expect(await wire.got('ok')).not.toContain('bad');
    await (await next.socket(0)).got(`/${count} `);
  }
});

test('no more copies than allowed are under way', async () => {
  const [origin, next] = [await answering(OK), await upstream()];
  const { client, clock } = await running(to(origin, next, { maxInFlight: 1, timeout: '5s' }));
  const wire = client().send(get('/1'));
  const first = await next.socket(0);
  await first.got('/1 ');
  wire.clear().send(get('/2'));
  await wire.got('ok');
  await clock.advance(5_000);
  wire.clear().send(get('/3'));
  const second = await next.socket(1);
  expect(await second.got('HTTP/1.1')).toContain('GET /3 ');
});

test('a body that streams has no copy; the request goes through', async () => {
  const [origin, next] = [await upstream(), await upstream()];
  const { client } = await running(to(origin, next));
  const wire = client().send('POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n');
  const there = await origin.socket(0);
  await there.got('0\r\n\r\n');
  there.send(OK);
  await wire.got('ok');
  wire.clear().send(get('/whole'));
  await (await next.socket(0)).got('/whole');
  expect(next.sockets).toHaveLength(1);
  expect((await next.socket(0)).text).not.toContain('POST');
});

test('who is mirrored to and isn’t there changes nothing', async () => {
  const origin = await answering(OK);
  const what = to(origin, origin, { to: 'nobody' });
  const { client } = await running({ ...what, clusters: { ...what.clusters, nobody: { endpoints: [] } } });
  expect(await client().send(get('/')).got('ok')).toMatch(/^HTTP\/1\.1 200 /);
});
