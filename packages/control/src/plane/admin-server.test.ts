import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { createServer, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Validator } from '@seriousme/openapi-schema-validator';
import { createLocalJWKSet, jwtVerify } from 'jose';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { adminClient } from '../admin-client.ts';
import { platformIdentity } from '../identity.ts';
import type { InstanceStatus } from '../running-platform.ts';
import { serveAdmin } from './admin-server.ts';
import type { AuditEntry } from './audit.ts';
import { openControlPlane, type ControlPlane } from './control-plane.ts';
import type { ControlServer } from './control-server.ts';
import { serveInternal } from './internal-server.ts';

const credential = 'a-credential-of-this-test';
let dir = '';
let plane: ControlPlane;
let admin: ControlServer;
const inside: unknown[] = [];
const audited: AuditEntry[] = [];

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'admin-test-'));
  plane = await openControlPlane({ platform: 'shop', secretsDir: dir, tenants: ['acme', 'globex'] });
  admin = await serveAdmin(plane, {
    port: 0,
    credential,
    onInternal: (error) => inside.push(error),
    audit: (entry) => audited.push(entry),
  });
});
afterEach(async () => {
  await admin.close({ graceMs: 0 });
  await rm(dir, { recursive: true });
  expect(inside.splice(0)).toEqual([]);
});

interface Asked {
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly body?: string;
}

function ask(
  path: string,
  { method = 'GET', headers = {}, body }: Asked = {},
): Promise<{ status: number; type: string; body: string }> {
  return new Promise((resolve, reject) => {
    const sent = request(new URL(path, admin.url), { method, headers, agent: false }, (response) => {
      let text = '';
      response.on('data', (chunk) => (text += String(chunk)));
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, type: response.headers['content-type'] ?? '', body: text }),
      );
    });
    sent.on('error', reject);
    sent.end(body);
  });
}
const bearer = { authorization: `Bearer ${credential}` };
const port = () => new URL(admin.url).port;
const client = () => adminClient({ url: admin.url, credential });

function instance(name: string, url: string, state: InstanceStatus['state'] = 'ready'): InstanceStatus {
  return { name, kind: 'service', state, pid: 1, url, restarts: 0, since: 0, lastExit: undefined };
}

test('without the right credential there is a problem document, and nothing else', async () => {
  for (const authorization of [undefined, 'Bearer wrong', `Basic ${credential}`, `Bearer ${credential}x`]) {
    const answer = await ask('/api/services', authorization === undefined ? {} : { headers: { authorization } });
    expect(answer.status).toBe(401);
    expect(answer.type).toContain('application/problem+json');
    expect(JSON.parse(answer.body)).toMatchObject({ code: 'UNAUTHENTICATED' });
  }
  expect((await ask('/api/nothing')).status).toBe(401);
  expect((await ask('/api/services', { headers: bearer })).status).toBe(200);
});

test('a rebound name is refused even with the credential', async () => {
  for (const host of ['evil.example', `evil.example:${port()}`, '127.0.0.1:1', `127.0.0.1.evil.example:${port()}`]) {
    const answer = await ask('/api/services', { headers: { ...bearer, host } });
    expect([answer.status, JSON.parse(answer.body).code]).toEqual([403, 'FORBIDDEN_HOST']);
  }
  expect((await ask('/api/services', { headers: { ...bearer, host: `localhost:${port()}` } })).status).toBe(200);
});

test("another origin's page is refused, the same origin is not", async () => {
  for (const origin of ['http://evil.example', 'null', `https://127.0.0.1:${port()}`]) {
    const answer = await ask('/.well-known/jwks.json', { headers: { origin } });
    expect([answer.status, JSON.parse(answer.body).code]).toEqual([403, 'FORBIDDEN_ORIGIN']);
  }
  expect((await ask('/.well-known/jwks.json', { headers: { origin: admin.url } })).status).toBe(200);
});

test('the description is valid OpenAPI 3.1 and names every path', async () => {
  const document = JSON.parse((await ask('/openapi.json')).body);
  expect(document.openapi).toBe('3.1.0');
  const result = await new Validator().validate(document);
  expect(result.errors ?? []).toEqual([]);
  expect(result.valid).toBe(true);
  expect(Object.keys(document.paths).toSorted()).toEqual([
    '/.well-known/jwks.json',
    '/api/dead-letters',
    '/api/dead-letters/{service}/{id}',
    '/api/dead-letters/{service}/{id}/discard',
    '/api/dead-letters/{service}/{id}/redrive',
    '/api/events',
    '/api/operations',
    '/api/services',
    '/api/services/{name}/openapi',
    '/api/services/{name}/operations/{operation}',
    '/api/tokens',
    '/api/traces',
    '/api/traces/{traceId}',
    '/openapi.json',
  ]);
});

test('a token is signed by the public key, for this platform, and says what was asked', async () => {
  const { token } = await client().token({ tenant: 'acme', subject: 'ada', roles: ['support'], ttlSeconds: 60 });
  const jwks = JSON.parse((await ask('/.well-known/jwks.json')).body);
  expect(Object.keys(jwks.keys[0])).not.toContain('d');
  const { payload, protectedHeader } = await jwtVerify(token, createLocalJWKSet(jwks), {
    ...platformIdentity('shop'),
    algorithms: ['ES256'],
  });
  expect(payload).toMatchObject({ sub: 'ada', tenant: 'acme', roles: ['support'] });
  expect((payload.exp ?? 0) - (payload.iat ?? 0)).toBe(60);
  expect(protectedHeader.kid).toBe(jwks.keys[0].kid);
});

test('the signing key is for its owner only and outlives the control plane', async () => {
  expect((await stat(join(dir, 'signing-key.json'))).mode & 0o777).toBe(0o600);
  const again = await openControlPlane({ platform: 'shop', secretsDir: dir, tenants: [] });
  expect(again.tokens.jwks).toEqual(plane.tokens.jwks);
  expect(JSON.parse(await readFile(join(dir, 'signing-key.json'), 'utf8'))).toHaveProperty('d');
});

test('a token for an unknown tenant, or with a wrong body, is refused', async () => {
  await expect(client().token({ tenant: 'acmee', subject: 'ada' })).rejects.toMatchObject({
    code: 'UNKNOWN_TENANT',
    message: expect.stringContaining('"acme"'),
  });
  const wrong = [
    '{}',
    '{',
    JSON.stringify({ tenant: 'acme', subject: 'ada', role: 'x' }),
    JSON.stringify({ tenant: 'acme', subject: 'a', ttlSeconds: 0 }),
  ];
  for (const body of wrong) {
    const answer = await ask('/api/tokens', {
      method: 'POST',
      headers: { ...bearer, 'content-type': 'application/json' },
      body,
    });
    expect([answer.status, JSON.parse(answer.body).code], body).toEqual([400, 'INVALID_INPUT']);
  }
});

test('traces come in over the internal socket and go out over the admin API', async () => {
  const socketPath = join(dir, 'control.sock');
  await using _internal = await serveInternal(plane, { socketPath, onInternal: (error) => inside.push(error) });
  expect((await stat(socketPath)).mode & 0o777).toBe(0o600);
  const traceId = 'ab'.repeat(16);
  const spans = [{ traceId, spanId: '12'.repeat(8), name: 'GET /orders' }, { traceId: 'broken' }];
  const answer = await new Promise<string>((resolve, reject) => {
    const headers = { 'content-type': 'application/json' };
    const sent = request({ socketPath, path: '/v1/traces', method: 'POST', headers, agent: false }, (response) => {
      let text = '';
      response.on('data', (chunk) => (text += String(chunk)));
      response.on('end', () => resolve(text));
    });
    sent.on('error', reject);
    sent.end(JSON.stringify({ resourceSpans: [{ scopeSpans: [{ spans }] }] }));
  });
  expect(JSON.parse(answer)).toMatchObject({ partialSuccess: { rejectedSpans: '1' } });
  expect(await client().trace(traceId)).toMatchObject({
    resourceSpans: [{ scopeSpans: [{ spans: [{ name: 'GET /orders' }] }] }],
  });
  await expect(client().trace('f'.repeat(32))).rejects.toMatchObject({ code: 'TRACE_NOT_FOUND', kind: 'not-found' });
  expect((await client().traces({ limit: 5 })).traces).toMatchObject([{ traceId }]);
});

test('dead letters are asked of every service; one that does not answer makes the list partial', async () => {
  const answering = createServer((_request, response) => response.end(JSON.stringify({ items: [{ id: 'e1' }] })));
  const socket = join(dir, 'orders.sock');
  await new Promise<void>((resolve) => answering.listen(socket, resolve));
  plane.setInstances([
    instance('orders', `unix:${socket}`),
    instance('payments', `unix:${join(dir, 'gone.sock')}`),
    instance('catalog', 'unix:/x', 'backoff'),
  ]);
  const answer = JSON.parse((await ask('/api/dead-letters', { headers: bearer })).body);
  answering.close();
  expect(answer).toMatchObject({ partial: true, items: [{ id: 'e1', service: 'orders' }] });
  expect(answer.unanswered).toEqual([
    { service: 'catalog', reason: 'it is backoff' },
    { service: 'payments', reason: expect.stringContaining('ENOENT') },
  ]);
});

test('a client says which address does not answer', async () => {
  const closed = adminClient({ url: 'http://127.0.0.1:1', credential: 'x' });
  await expect(closed.services()).rejects.toMatchObject({
    code: 'UNAVAILABLE',
    message: expect.stringContaining('http://127.0.0.1:1'),
  });
});
