import { createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { seededRandom } from '@fairlead/core';
import { expect, onTestFinished, test } from 'vitest';
import { answering, get, linesOf, OK, running, upstream } from '../../engine/engine.fixture.ts';

const ASK = { type: 'ext-auth', cluster: 'login', path: '/verify' };
const LEAVE = 'HTTP/1.1 204 No Content\r\nx-user: ada\r\nset-cookie: sid=2\r\n\r\n';

const post = (body: string, ...lines: string[]) =>
  `POST /orders HTTP/1.1\r\nHost: shop.test\r\nContent-Length: ${body.length}\r\n${lines.map((line) => `${line}\r\n`).join('')}\r\n${body}`;

test('a request waits for its leave and goes on whole; the service sees its head only', async () => {
  const [shop, login] = [await answering(OK), await answering(LEAVE)];
  const { client } = await running({
    clusters: { shop: { endpoints: [shop.origin] }, login: { endpoints: [login.origin] } },
    filters: [{ ...ASK, upstream: ['x-user'], answer: ['set-cookie'] }],
  });
  const told = await client()
    .send(post('some body', 'Cookie: sid=1', 'X-User: root'))
    .got(/ok$/);
  expect(told).toContain('set-cookie: sid=2\r\n');
  const asked = (await login.socket(0)).text;
  expect(asked).toMatch(/^GET \/verify HTTP\/1.1\r\n/);
  expect(asked).toContain('x-original-uri: /orders\r\n');
  expect(asked).toContain('x-original-method: POST\r\n');
  expect(asked).toContain('cookie: sid=1\r\n');
  expect(asked).not.toMatch(/content-length|transfer-encoding|some body/i);
  const got = (await shop.socket(0)).text;
  expect(got).toContain('x-user: ada\r\n');
  expect(got).not.toContain('root');
  expect(got).toMatch(/\r\n\r\nsome body$/);
});

test('who is refused reaches nobody, and hears what the service demands', async () => {
  const shop = await answering(OK);
  const login = await answering(
    'HTTP/1.1 401 Unauthorized\r\nwww-authenticate: Basic realm="a"\r\nwww-authenticate: Negotiate\r\ncontent-length: 2\r\n\r\nno',
  );
  const { client, telemetry } = await running({
    clusters: { shop: { endpoints: [shop.origin] }, login: { endpoints: [login.origin] } },
    filters: [ASK],
  });
  const told = await client().send(get('/orders')).got('"detail"');
  expect(told).toMatch(/^HTTP\/1.1 401 /);
  expect(told).toContain('www-authenticate: Basic realm="a"\r\nwww-authenticate: Negotiate\r\n');
  expect(told).toContain('AUTH_REQUIRED');
  expect(shop.sockets).toHaveLength(0);
  expect(linesOf(telemetry)[0]).toMatchObject({ status: 401, code: 'AUTH_REQUIRED' });
});

test('a service that is not there lets nobody through, or everybody where that was asked for', async () => {
  const shop = await answering(OK);
  const { client } = await running({
    clusters: { shop: { endpoints: [shop.origin] }, login: { endpoints: ['http://127.0.0.1:1'] } },
    routes: [
      { name: 'closed', match: { path: '/closed' }, to: 'shop', filters: [ASK] },
      { name: 'nginx', match: { path: '/nginx' }, to: 'shop', filters: [{ ...ASK, failureStatus: 500 }] },
      { name: 'open', match: { path: '/open' }, to: 'shop', filters: [{ ...ASK, failOpen: true }] },
    ],
  });
  const closed = await client().send(get('/closed')).got('"detail"');
  expect(closed).toMatch(/^HTTP\/1.1 503 /);
  expect(closed).toContain('AUTH_UNAVAILABLE');
  expect(await client().send(get('/nginx')).got('"detail"')).toMatch(/^HTTP\/1.1 500 /);
  expect(await client().send(get('/open')).got(/ok$/)).toMatch(/^HTTP\/1.1 200 /);
});

test('a service that takes too long is not waited for', async () => {
  const [shop, login] = [await answering(OK), await upstream()];
  const { client, clock } = await running({
    clusters: { shop: { endpoints: [shop.origin] }, login: { endpoints: [login.origin] } },
    filters: [{ ...ASK, timeout: '500ms' }],
  });
  const asking = client().send(get('/orders'));
  await (await login.socket(0)).got('\r\n\r\n');
  await clock.advance(500);
  expect(await asking.got('"detail"')).toContain('AUTH_UNAVAILABLE');
  expect(shop.sockets).toHaveLength(0);
});

test('who goes away while it is asked about leaves nothing behind', async () => {
  const [shop, login] = [await answering(OK), await upstream()];
  const { client, telemetry } = await running({
    clusters: { shop: { endpoints: [shop.origin] }, login: { endpoints: [login.origin] } },
    filters: [{ ...ASK, failOpen: true }],
  });
  const gone = client().send(get('/orders'));
  const asked = await login.socket(0);
  await asked.got('\r\n\r\n');
  gone.socket.destroy();
  await asked.closed;
  expect(shop.sockets).toHaveLength(0);
  expect(linesOf(telemetry)[0]).toMatchObject({ status: 499 });
});

test('a cluster that is not there is a mistake of the configuration', async () => {
  const clusters = { shop: { endpoints: ['http://127.0.0.1:1'] } };
  await expect(running({ clusters, filters: [ASK] })).rejects.toMatchObject({
    code: 'SNAPSHOT_INVALID',
    message: /there is no cluster "login"/,
  });
  const within = { type: 'any-of', of: [ASK] };
  await expect(running({ clusters, filters: [within] })).rejects.toMatchObject({ message: /of\[0\]\.cluster/ });
});

test('requests that are decided on at the same time, on connections that are kept, never mix who asks', async () => {
  const people = ['ada', 'bob', 'eve', 'mary', 'paul', 'nobody'];
  const random = seededRandom('decisions');
  // The service answers when all have asked, in another order each time.
  let held: (() => void)[] = [];
  const login = createServer((request, response) => {
    const who = String(request.headers['authorization']);
    held.push(() => response.writeHead(who === 'nobody' ? 403 : 200, { 'x-user': who }).end());
    if (held.length < people.length) return;
    const all = held;
    held = [];
    while (all.length > 0) all.splice(Math.floor(random.next() * all.length), 1)[0]?.();
  });
  const shop = createServer((request, response) => response.end(String(request.headers['x-user'])));
  const originOf = async (server: typeof login): Promise<string> => {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    onTestFinished(() => (server.closeAllConnections(), void server.close()));
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  };
  const { client } = await running({
    clusters: { shop: { endpoints: [await originOf(shop)] }, login: { endpoints: [await originOf(login)] } },
    filters: [{ ...ASK, upstream: ['x-user'] }],
  });
  const wires = people.map(() => client());
  for (let round = 0; round < 20; round += 1) {
    const asked = wires.map(async (wire, at) => {
      const who = people[(at + round) % people.length] ?? '';
      wire.clear().send(get('/orders', `Authorization: ${who}`, 'X-User: root'));
      const told = await wire.got(who === 'nobody' ? '"instance"' : /\r\n\r\n[a-z]/);
      if (who === 'nobody') expect(told).toMatch(/^HTTP\/1.1 403 /);
      else expect(told.split('\r\n\r\n')[1]).toContain(who);
    });
    await Promise.all(asked);
  }
});
