import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { createServer, request, type IncomingHttpHeaders } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Validator } from '@seriousme/openapi-schema-validator';
import { createLocalJWKSet, jwtVerify } from 'jose';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { adminClient } from '../admin-client.ts';
import { platformIdentity } from '../identity.ts';
import type { InstanceStatus } from '../running-platform.ts';
import { ADMIN_OPERATIONS } from './admin-schema.ts';
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
  audited.length = 0;
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
  const paths = new Set(Object.values(ADMIN_OPERATIONS).map(({ path }) => path));
  expect(Object.keys(document.paths).toSorted()).toEqual([...paths].toSorted());
  expect(paths).toContain('/api/services/{name}/operations/{operation}');
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

test('policies are asked of every service, or of one', async () => {
  const trouble = 'open for 8 s: 12 of 12 calls failed';
  await using payments = await answering('payments', {
    'GET /internal/policies': { body: { items: [{ target: 'billing', trouble, state: { policy: 'billing' } }] } },
  });
  plane.setInstances([payments.instance, instance('orders', `unix:${join(dir, 'gone.sock')}`)]);
  const item = { service: 'payments', target: 'billing', trouble, state: { policy: 'billing' } };
  expect(await client().policies({ service: 'payments' })).toEqual({ items: [item], partial: false, unanswered: [] });
  expect(await client().policies()).toMatchObject({
    items: [item],
    partial: true,
    unanswered: [{ service: 'orders' }],
  });
  await expect(client().policies({ service: 'paiments' })).rejects.toMatchObject({ code: 'UNKNOWN_SERVICE' });
});

test('a client says which address does not answer', async () => {
  const closed = adminClient({ url: 'http://127.0.0.1:1', credential: 'x' });
  await expect(closed.services()).rejects.toMatchObject({
    code: 'UNAVAILABLE',
    message: expect.stringContaining('http://127.0.0.1:1'),
  });
});

/** A service on a socket: what it is asked, and its answers by method and path. */
async function answering(name: string, answers: Record<string, { status?: number; body: unknown }>) {
  const asked: { line: string; headers: IncomingHttpHeaders; body: string }[] = [];
  const server = createServer((incoming, response) => {
    let body = '';
    incoming.on('data', (chunk) => (body += String(chunk)));
    incoming.on('end', () => {
      const line = `${incoming.method} ${incoming.url}`;
      asked.push({ line, headers: incoming.headers, body });
      const { status = 200, body: answer } = answers[line] ?? { status: 404, body: {} };
      response.writeHead(status, { 'content-type': status < 400 ? 'application/json' : 'application/problem+json' });
      response.end(JSON.stringify(answer));
    });
  });
  const socket = join(dir, `${name}.sock`);
  await new Promise<void>((resolve) => server.listen(socket, resolve));
  return {
    asked,
    instance: instance(name, `unix:${socket}`),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const document = {
  openapi: '3.1.0',
  paths: {
    '/shelves/{shelf}': {
      post: {
        operationId: 'books.put',
        summary: 'Put a book there',
        'x-fairlead-visibility': 'internal',
        parameters: [
          { name: 'shelf', in: 'path', required: true, schema: { type: 'string' } },
          { name: 'Idempotency-Key', in: 'header', required: false, schema: { type: 'string' } },
        ],
        requestBody: {
          content: { 'application/json': { schema: { $ref: '#/components/schemas/books.put.body' } } },
        },
        responses: { 201: {} },
      },
      get: {
        operationId: 'books.look',
        parameters: [{ name: 'shelf', in: 'path', required: true, schema: { type: 'string' } }],
        responses: { 200: {} },
      },
    },
  },
  components: {
    schemas: {
      'books.put.body': { type: 'object', properties: { title: { type: 'string' } }, required: ['title'] },
    },
  },
};

test('an operation is called as the contract says, for whom was asked, and is the root of its trace', async () => {
  await using books = await answering('books', {
    'GET /internal/openapi': { body: document },
    'POST /shelves/a%2Fb': { status: 201, body: { id: 'b1' } },
    'GET /shelves/a': { status: 404, body: { code: 'NO_SUCH_SHELF', status: 404 } },
  });
  plane.setInstances([books.instance]);
  const who = { tenant: 'acme', subject: 'ada', roles: ['reader'], idempotencyKey: 'k-1', timeoutMs: 5_000 };
  const put = await client().call('books', 'put', { input: { shelf: 'a/b', title: 'T' }, ...who });
  expect(put).toMatchObject({ status: 201, body: { id: 'b1' }, idempotencyKey: 'k-1' });
  const sent = books.asked.at(-1)!;
  expect(sent.body).toBe('{"title":"T"}');
  expect(sent.headers).toMatchObject({
    'x-fairlead-caller': 'cli',
    'x-fairlead-tenant': 'acme',
    'x-fairlead-subject': 'ada',
    'x-fairlead-roles': 'reader',
    'idempotency-key': 'k-1',
    'content-type': 'application/json',
  });
  expect(Number(sent.headers['x-fairlead-timeout-ms'])).toBeLessThanOrEqual(5_000);
  const { resourceSpans } = await client().trace(put.traceId);
  const root = resourceSpans[0]?.scopeSpans[0]?.spans[0];
  expect(root).toMatchObject({ name: 'books.put' });
  expect(sent.headers['traceparent']).toBe(`00-${put.traceId}-${root?.spanId}-01`);

  const long = await client().call('books', 'put', { input: { shelf: 'a/b', title: 'T'.repeat(200_000) } });
  expect(long.status).toBe(201);

  // It takes no key, so none is sent.
  const look = await client().call('books', 'look', { input: { shelf: 'a' }, idempotencyKey: 'k-2' });
  expect(look).toMatchObject({ status: 404, body: { code: 'NO_SUCH_SHELF' } });
  expect(look.idempotencyKey).toBeUndefined();
  expect(books.asked.at(-1)?.headers['idempotency-key']).toBeUndefined();
  expect(audited.map(({ action, target, details }) => [action, target, details?.['outcome']])).toEqual([
    ['operation.call', 'put', '201'],
    ['operation.call', 'put', '201'],
    ['operation.call', 'look', '404'],
  ]);
  expect(JSON.stringify(audited)).not.toContain('title');
});

test('a call that can not be made says why, and nothing is sent', async () => {
  await using books = await answering('books', { 'GET /internal/openapi': { body: document } });
  plane.setInstances([books.instance, instance('gone', `unix:${join(dir, 'gone.sock')}`)]);
  const refused = async (service: string, operation: string, input = {}) =>
    client()
      .call(service, operation, { input })
      .catch((error: unknown) => error);
  expect(await refused('book', 'put')).toMatchObject({
    code: 'UNKNOWN_SERVICE',
    message: expect.stringContaining('Did you mean "books"?'),
  });
  expect(await refused('books', 'pt')).toMatchObject({
    code: 'NOT_FOUND',
    message: expect.stringContaining('Did you mean books.put?'),
  });
  expect(await refused('books', 'put', { shelf: 'a', titel: 'T' })).toMatchObject({
    code: 'INVALID_INPUT',
    kind: 'invalid',
    details: { issues: expect.arrayContaining([expect.objectContaining({ path: '$.titel' })]) },
  });
  expect(await refused('gone', 'put')).toMatchObject({ code: 'UNAVAILABLE', details: { processed: 'no' } });
  expect(books.asked.every(({ line }) => line === 'GET /internal/openapi')).toBe(true);
  const { operations, partial, unanswered } = await client().operations();
  expect(operations.map(({ service, operation }) => `${service}.${operation}`)).toEqual(['books.look', 'books.put']);
  expect([partial, unanswered.map(({ service }) => service)]).toEqual([true, ['gone']]);
});

test('an external is called by the contract of the blueprint', async () => {
  await using books = await answering('books', { 'GET /shelves/a': { body: { ok: true } } });
  const { url } = books.instance;
  const described = await openControlPlane({
    platform: 'shop',
    secretsDir: dir,
    tenants: [],
    externals: { books: { document, url } },
  });
  const options = { port: 0, credential, onInternal: (error: unknown) => inside.push(error), audit: () => undefined };
  await using server = await serveAdmin(described, options);
  const external = adminClient({ url: server.url, credential });
  expect(await external.call('books', 'look', { input: { shelf: 'a' } })).toMatchObject({ body: { ok: true } });
  expect(await external.openapi('books')).toEqual(document);
});

test('a dead letter is shown, redriven and discarded, and each change is written down once it is made', async () => {
  await using stock = await answering('stock', {
    'GET /internal/dead-letters/3': { body: { id: '3', waitingEvents: [] } },
    'POST /internal/dead-letters/3/redrive': { body: { id: '3' } },
    'POST /internal/dead-letters/3/discard': { body: { id: '3' } },
    'POST /internal/dead-letters/4/discard': { status: 404, body: { code: 'NOT_FOUND', detail: 'no dead letter 4' } },
  });
  plane.setInstances([stock.instance]);
  const letter = { service: 'stock', id: '3' };
  expect(await client().deadLetter(letter)).toEqual({ id: '3', service: 'stock', waitingEvents: [] });
  await client().redrive(letter);
  await client().discard(letter);
  await expect(client().discard({ service: 'stock', id: '4' })).rejects.toMatchObject({ code: 'NOT_FOUND' });
  await expect(client().redrive({ service: 'stok', id: '3' })).rejects.toMatchObject({ code: 'UNKNOWN_SERVICE' });
  expect(audited).toEqual([
    { action: 'dead-letter.redrive', service: 'stock', target: '3' },
    { action: 'dead-letter.discard', service: 'stock', target: '3' },
  ]);
  for (const path of ['/api/dead-letters/stock/3/redrive', '/api/services/stock/operations/x'])
    expect((await ask(path, { method: 'POST' })).status).toBe(401);
});
