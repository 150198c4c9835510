// The API gateway that an article shows, as it is.
import { createServer } from 'node:http';
import { once } from 'node:events';
import { request } from 'node:http';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { realClock, realRandom } from '@fairlead/core';
import { noTelemetry } from '@fairlead/telemetry';
import { expect, onTestFinished, test } from 'vitest';
import { followSnapshot, type FollowEvent } from '../../snapshot/follow-snapshot.ts';
import { loadSnapshot } from '../../snapshot/load-snapshot.ts';
import { startStandalone } from '../../standalone/standalone.ts';

const GATEWAY = `
upstream user_service {
    server user-service.default.svc.cluster.local:8080;
}
upstream order_service {
    server order-service.default.svc.cluster.local:8080;
}
server {
    listen 80;
    server_name api.example.com;
    location /users/ {
        auth_request /validate;
        proxy_pass http://user_service/;
        proxy_set_header Host $host;
        proxy_set_header X-Real-IP $remote_addr;
    }
    location /orders/ {
        auth_request /validate;
        proxy_pass http://order_service/;
        proxy_set_header Host $host;
        proxy_set_header X-Real-IP $remote_addr;
    }
    location = /validate {
        internal;
        proxy_pass http://auth-service.default.svc.cluster.local:8080/validate;
        proxy_pass_request_body off;
        proxy_set_header Content-Length "";
        proxy_set_header X-Original-URI $request_uri;
    }
}
`;
const clock = realClock();

/** A gateway on a configuration of nginx, at a socket of its own. */
async function edge(configuration: string) {
  const folder = mkdtempSync(join(tmpdir(), 'nginx-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, 'nginx.conf');
  const socketPath = join(folder, 'edge.sock');
  const write = (text: string) => writeFileSync(file, text.replace('listen 80;', `listen unix:${socketPath};`));
  write(configuration);
  const load = () => loadSnapshot(file, { clock, origin: 'nginx.conf' });
  const snapshot = await load();
  const engine = await startStandalone({ snapshot, clock, random: realRandom(), telemetry: noTelemetry() });
  onTestFinished(() => engine.close({ graceMs: 0 }));
  const ask = async (path: string, headers: Record<string, string> = {}) => {
    const asked = request({ socketPath, path, headers: { host: 'api.example.com', ...headers } }).end();
    const [response] = await once(asked, 'response');
    let body = '';
    for await (const part of response) body += String(part);
    return { status: Number(response.statusCode), body };
  };
  return { engine, snapshot, load, write, ask };
}

/** A service that says what it was asked, and refuses who has no ticket. */
async function service(name: string): Promise<string> {
  const server = createServer(({ url, headers }, response) => {
    const isAuth = name === 'auth';
    response.statusCode = isAuth && headers['x-ticket'] === undefined ? 401 : 200;
    response.end(isAuth ? '' : `${name} ${url} at ${headers.host} for ${headers['x-real-ip'] ?? 'nobody'}`);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  return `127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`;
}

test('it starts although no name resolves, and answers 503', async () => {
  const { ask, snapshot } = await edge(GATEWAY);
  expect(snapshot.imported).toMatchObject({ of: 'nginx' });
  expect((await ask('/users/7')).status).toBe(503);
  expect((await ask('/orders/7')).status).toBe(503);
  // What nobody has is not there, and what is internal neither.
  expect((await ask('/else')).status).toBe(404);
  expect((await ask('/validate')).status).toBe(404);
});

test('the service behind auth_request decides', async () => {
  const [users, orders, auth] = await Promise.all(['users', 'orders', 'auth'].map(service));
  const { ask } = await edge(
    GATEWAY.replace('user-service.default.svc.cluster.local:8080', users ?? '')
      .replace('order-service.default.svc.cluster.local:8080', orders ?? '')
      .replace('auth-service.default.svc.cluster.local:8080', auth ?? ''),
  );
  expect((await ask('/users/7')).status).toBe(401);
  const ticket = { 'x-ticket': '1' };
  // A client at a Unix socket has no address.
  expect(await ask('/users/7?x=1', ticket)).toEqual({
    status: 200,
    body: 'users /7?x=1 at api.example.com for nobody',
  });
  expect(await ask('/orders/', ticket)).toEqual({ status: 200, body: 'orders / at api.example.com for nobody' });
  expect((await ask('/validate', ticket)).status).toBe(404);
});

test('a file that can not be used leaves the last good one at work', async () => {
  const { engine, snapshot, load, write, ask } = await edge('server { listen 80; return 200 "one"; }');
  const events: FollowEvent[] = [];
  await using followed = await followSnapshot({
    hash: snapshot.hash,
    clock,
    look: async () => 'the same',
    load,
    take: (next) => engine.swap(next),
    onEvent: (event) => events.push(event),
  });
  for (const wrong of [
    'server { listen 80; return 200 "two";',
    'server { listen 80; retrun 200; }',
    'include nginx.conf;',
  ]) {
    write(wrong);
    await followed.reload();
    expect(events.pop()?.kind).toBe('kept');
    expect((await ask('/')).body).toBe('one');
  }
  write('server { listen 80; return 200 "three"; }');
  await followed.reload();
  expect(events.pop()?.kind).toBe('taken');
  expect((await ask('/')).body).toBe('three');
});
