import { expect, test } from 'vitest';
import { openEdge } from '../../fixtures/edge.ts';

test('a request with a good token reaches its service with the identity of the token', async () => {
  await using edge = await openEdge();
  const token = await edge.token({ roles: ['buyer', 'support'] });
  const answer = await edge.ask('POST', '/orders?dry=1', {
    token,
    headers: { 'content-type': 'application/json', 'idempotency-key': 'key-1' },
    body: '{"items":[]}',
  });
  expect(answer).toMatchObject({ status: 200, json: { ok: true } });
  expect(edge.seen).toHaveLength(1);
  expect(edge.seen[0]).toMatchObject({ method: 'POST', url: '/orders?dry=1', body: '{"items":[]}' });
  expect(edge.seen[0]?.headers).toMatchObject({
    host: 'orders',
    'content-type': 'application/json',
    'content-length': '12',
    'idempotency-key': 'key-1',
    'x-fairlead-tenant': 'acme',
    'x-fairlead-subject': 'ada',
    'x-fairlead-roles': 'buyer,support',
    'x-fairlead-caller': 'gateway',
    'x-fairlead-timeout-ms': '10000',
    'x-forwarded-for': '127.0.0.1',
    'x-forwarded-proto': 'http',
    'x-forwarded-host': new URL(edge.gateway.url).host,
  });
  expect(edge.seen[0]?.headers.authorization).toBeUndefined();
});

test('identity that is claimed from outside never reaches a service', async () => {
  await using edge = await openEdge();
  const smuggled = {
    'X-Fairlead-Tenant': 'globex',
    'x-fairlead-subject': 'root',
    'x-fairlead-roles': 'admin',
    'x-fairlead-caller': 'payments',
    'x-fairlead-criticality': 'critical',
    'x-fairlead-timeout-ms': '99999999',
    'x-fairlead-anything': '1',
    x_fairlead_tenant: 'globex',
    forwarded: 'for=10.0.0.1',
    'x-forwarded-for': '10.0.0.1',
    'x-forwarded-host': 'evil',
    'x-forwarded-user': 'root',
    'x-real-ip': '10.0.0.1',
    'x-original-url': '/admin',
    'x-http-method-override': 'DELETE',
    baggage: 'tenant=globex',
    'proxy-authorization': 'Basic x',
    connection: 'x-secret, x-fairlead-tenant',
    'x-secret': 'hop',
    te: 'trailers, deflate',
    'x-kept': 'yes',
  };
  await edge.ask('GET', '/orders', { token: await edge.token({ roles: [] }), headers: smuggled });
  const headers = edge.seen[0]?.headers ?? {};
  expect(headers).toMatchObject({
    'x-fairlead-tenant': 'acme',
    'x-fairlead-subject': 'ada',
    'x-fairlead-caller': 'gateway',
    'x-fairlead-timeout-ms': '10000',
    'x-forwarded-for': '127.0.0.1',
    // Said anew, for the gateway itself.
    te: 'trailers',
    'x-kept': 'yes',
  });
  for (const name of [
    'x-fairlead-roles',
    'x-fairlead-criticality',
    'x-fairlead-anything',
    'x_fairlead_tenant',
    'forwarded',
    'x-forwarded-user',
    'x-real-ip',
    'x-original-url',
    'x-http-method-override',
    'baggage',
    'proxy-authorization',
    'x-secret',
  ]) {
    expect(headers[name], name).toBeUndefined();
  }
  expect(JSON.stringify(headers)).not.toMatch(/globex|root|evil|10\.0\.0\.1/);
});

test('a subject outside ASCII goes on encoded, so that a service reads it as it was', async () => {
  await using edge = await openEdge();
  await edge.ask('GET', '/orders', { token: await edge.token({ sub: 'Zoë, Müller' }) });
  expect(decodeURIComponent(String(edge.seen[0]?.headers['x-fairlead-subject']))).toBe('Zoë, Müller');
});

test('the trace of a caller goes on, with a span of the gateway between', async () => {
  await using edge = await openEdge();
  const traceId = '0af7651916cd43dd8448eb211c80319c';
  const traceparent = `00-${traceId}-b7ad6b7169203331-01`;
  const headers = { traceparent, 'x-request-id': 'req-7' };
  const answer = await edge.ask('GET', '/orders', { token: await edge.token(), headers });
  await edge.gateway.close();
  const [client, server] = edge.telemetry.spans;
  expect(server).toMatchObject({ traceId, kind: 'server', name: 'GET /orders', parentSpanId: 'b7ad6b7169203331' });
  expect(client).toMatchObject({ traceId, kind: 'client', name: 'GET /orders', parentSpanId: server?.spanId });
  expect(answer.headers).toMatchObject({ traceparent: `00-${traceId}-${server?.spanId}-01`, 'x-request-id': 'req-7' });
  expect(edge.seen[0]?.headers).toMatchObject({
    traceparent: `00-${traceId}-${client?.spanId}-01`,
    'x-request-id': 'req-7',
  });
});

test('a malformed trace or request id is replaced', async () => {
  await using edge = await openEdge();
  const headers = { traceparent: '00-zz-b7ad6b7169203331-01', 'x-request-id': 'a b{}' };
  const answer = await edge.ask('GET', '/orders', { token: await edge.token(), headers });
  expect(answer.headers['traceparent']).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
  expect(answer.headers['x-request-id']).toBe(String(answer.headers['traceparent']).slice(3, 35));
  expect(edge.seen[0]?.headers['x-request-id']).toBe(answer.headers['x-request-id']);
});

test('the answer of a service goes through as it is, without what is only for its own hop', async () => {
  await using edge = await openEdge({
    handler: (_request, response) => {
      response.writeHead(418, {
        'content-type': 'text/plain',
        'set-cookie': ['a=1', 'b=2'],
        connection: 'x-hop',
        'x-hop': '1',
        'x-fairlead-tenant': 'acme',
        'x-request-id': 'forged',
        traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
      });
      response.end('short and stout');
    },
  });
  const answer = await edge.ask('GET', '/orders', { token: await edge.token() });
  expect(answer).toMatchObject({ status: 418, text: 'short and stout' });
  expect(answer.headers['set-cookie']).toEqual(['a=1', 'b=2']);
  expect(answer.headers['x-hop']).toBeUndefined();
  expect(answer.headers['x-fairlead-tenant']).toBeUndefined();
  expect(answer.headers['x-request-id']).not.toBe('forged');
  expect(answer.headers['traceparent']).not.toContain('b7ad6b7169203331');
});

test('HEAD goes where GET may go, and has no body', async () => {
  await using edge = await openEdge();
  const answer = await edge.ask('HEAD', '/catalog', { token: await edge.token() });
  expect(answer).toMatchObject({ status: 200, text: '' });
  expect(edge.seen[0]?.method).toBe('HEAD');
});

test('requests with an empty body keep it empty', async () => {
  await using edge = await openEdge();
  const token = await edge.token();
  for (const [method, headers] of [
    ['POST', { 'content-length': '0' }],
    ['DELETE', {}],
    ['GET', { 'content-length': '0' }],
  ] as const) {
    expect((await edge.ask(method, '/orders', { token, headers })).status).toBe(200);
  }
  expect(edge.seen.map(({ method, body }) => [method, body])).toEqual([
    ['POST', ''],
    ['DELETE', ''],
    ['GET', ''],
  ]);
});

test.each([
  ['GET', '/nowhere', 404, 'NO_ROUTE'],
  ['GET', '/', 404, 'NO_ROUTE'],
  ['GET', '/ordersheet', 404, 'NO_ROUTE'],
  ['GET', '/-/metrics', 404, 'NO_ROUTE'],
  ['POST', '/catalog', 405, 'METHOD_NOT_ALLOWED'],
  ['TRACE', '/orders', 405, 'METHOD_NOT_ALLOWED'],
  ['GET', '/orders%2Farchive', 400, 'BAD_REQUEST'],
  ['GET', '/orders/../catalog', 400, 'BAD_REQUEST'],
  ['GET', '/orders//archive', 400, 'BAD_REQUEST'],
])('%s %s is %d %s, a problem document that can be looked up', async (method, path, status, code) => {
  await using edge = await openEdge();
  const answer = await edge.ask(method, path, { token: await edge.token() });
  expect(answer.status).toBe(status);
  expect(answer.headers['content-type']).toBe('application/problem+json');
  expect(answer.headers['traceparent']).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
  expect(answer.headers['x-request-id']).toBeTruthy();
  if (status === 405 && path === '/catalog') expect(answer.headers['allow']).toBe('GET, HEAD');
  if (answer.text !== '')
    expect(answer.json).toMatchObject({
      code,
      status,
      type: `urn:fairlead:problem:${code.toLowerCase().replaceAll('_', '-')}`,
    });
  expect(edge.seen).toEqual([]);
});

test('a role that a longer route asks for is not got around by another spelling of its path', async () => {
  await using edge = await openEdge();
  const token = await edge.token({ roles: ['buyer'] });
  for (const path of [
    '/orders/archive',
    '/orders/archive/',
    '/orders/archive/7',
    '/orders/%61rchive',
    '/orders/archiv%65?x',
  ]) {
    const answer = await edge.ask('GET', path, { token });
    expect([path, answer.status, answer.json['code']]).toEqual([path, 403, 'FORBIDDEN']);
    expect(answer.headers['www-authenticate']).toContain('insufficient_scope');
  }
  expect(edge.seen).toEqual([]);
  const admin = await edge.token({ roles: ['admin'] });
  expect((await edge.ask('GET', '/orders/%61rchive', { token: admin })).status).toBe(200);
});

test('nothing below /- reaches a service, whatever the routes say', async () => {
  await using edge = await openEdge({ routes: [{ path: '/', service: 'orders' }] });
  const token = await edge.token();
  expect((await edge.ask('GET', '/-/secrets', { token })).status).toBe(404);
  expect((await edge.ask('GET', '/%2d/secrets', { token })).status).toBe(404);
  expect((await edge.ask('GET', '/anything', { token })).status).toBe(200);
  expect(edge.seen.map(({ url }) => url)).toEqual(['/anything']);
});

test('framing that two readers could understand differently is refused', async () => {
  await using edge = await openEdge();
  const head = `POST /orders HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${await edge.token()}\r\n`;
  for (const headers of [
    'content-length: 1\r\ntransfer-encoding: chunked\r\n',
    'content-length: 1\r\ncontent-length: 2\r\n',
    'transfer-encoding: ,chunked\r\n',
    'transfer-encoding: identity, chunked\r\n',
    'transfer-encoding: xchunked\r\n',
    'transfer-encoding : chunked\r\n',
    'host: y\r\n',
    'x-text: \xe9\r\n',
    'x-null: a\0b\r\n',
  ]) {
    const answer = await edge.raw(`${head}${headers}\r\n0\r\n\r\n`);
    expect(answer, headers).toMatch(/^HTTP\/1\.1 400 /);
    expect(answer.toLowerCase(), headers).toContain('\r\ntraceparent: 00-');
    expect(answer.toLowerCase(), headers).toContain('\r\nx-request-id: ');
    expect(answer, headers).toContain('"code":"BAD_REQUEST"');
  }
  // Which of two tokens counts is for nobody to choose.
  const twice = await edge.raw(`${head}authorization: Bearer other\r\ncontent-length: 0\r\n\r\n`);
  expect(twice).toMatch(/^HTTP\/1\.1 401 [^]*"code":"TOKEN_INVALID"/);
  expect(edge.seen).toEqual([]);
});

test('a head that is too large is refused, in bytes and in number', async () => {
  await using edge = await openEdge();
  const large = await edge.raw(`GET /orders HTTP/1.1\r\nhost: x\r\nx-large: ${'a'.repeat(20_000)}\r\n\r\n`);
  expect(large).toMatch(/^HTTP\/1\.1 431 [^]*HEADERS_TOO_LARGE/);
  const many = Object.fromEntries(Array.from({ length: 120 }, (_, index) => [`x-${index}`, '1']));
  expect(await edge.ask('GET', '/orders', { token: await edge.token(), headers: many })).toMatchObject({
    status: 431,
    json: { code: 'HEADERS_TOO_LARGE' },
  });
  expect(edge.seen).toEqual([]);
});

test('health tells whether it lives and whether it would serve', async () => {
  await using edge = await openEdge();
  await edge.ask('GET', '/orders', { token: await edge.token() });
  expect(await edge.ask('GET', '/-/health/live')).toMatchObject({ status: 200, json: { status: 'ok' } });
  expect(await edge.ask('GET', '/-/health/ready')).toMatchObject({ status: 200, json: { status: 'ok' } });
  expect(edge.gateway.ready()).toBe(true);
  await using keyless = await openEdge({ jwks: async () => ({ keys: [] }) });
  expect(await keyless.ask('GET', '/-/health/live')).toMatchObject({ status: 200 });
  expect(await keyless.ask('GET', '/-/health/ready')).toMatchObject({ status: 503, json: { status: 'no-keys' } });
});

test('every request leaves a line and a measurement', async () => {
  await using edge = await openEdge();
  await edge.ask('GET', '/orders/7?secret=1', { token: await edge.token() });
  await edge.ask('GET', '/orders');
  await edge.gateway.close();
  const lines = edge.telemetry.logs.filter((entry) => entry.msg === 'request');
  expect(lines).toMatchObject([
    {
      level: 'info',
      method: 'GET',
      path: '/orders/7',
      route: '/orders',
      to: 'orders',
      tenant: 'acme',
      subject: 'ada',
      status: 200,
    },
    { level: 'info', method: 'GET', path: '/orders', status: 401, code: 'TOKEN_MISSING' },
  ]);
  expect(JSON.stringify(edge.telemetry.logs)).not.toContain('secret=1');
  const exposition = await edge.telemetry.metrics.exposition();
  expect(exposition).toMatch(
    /http_server_request_duration_seconds_count\{[^}]*operation="GET \/orders"[^}]*outcome="ok"[^}]*\} 1/,
  );
  expect(exposition).toMatch(/http_server_request_duration_seconds_count\{[^}]*outcome="TOKEN_MISSING"[^}]*\} 1/);
});

test('wrong options are refused all at once, with what was meant', async () => {
  const routes = [{ path: '/a/', service: 'ordres', metods: [] }];
  await expect(openEdge({ issuer: '', routes, listn: {} } as object)).rejects.toMatchObject({
    code: 'MISCONFIGURED',
    message: expect.stringMatching(
      /listn is unknown; did you mean listen\?[^]*issuer must not be empty[^]*metods is unknown; did you mean routes\[0\]\.methods\?[^]*routes\[0\]\.path[^]*no endpoint for "ordres"/,
    ),
  });
});

test('a port that is taken is told, and nothing is left open', async () => {
  await using edge = await openEdge();
  await expect(openEdge({ listen: { port: Number(new URL(edge.gateway.url).port) } })).rejects.toMatchObject({
    code: 'LISTEN_FAILED',
  });
});
