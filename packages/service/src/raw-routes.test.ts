import { realClock, realRandom } from '@fairlead/core';
import { recordingTelemetry } from '@fairlead/telemetry';
import { describe, expect, onTestFinished, test } from 'vitest';
import { defineService } from './define-service.ts';
import type { ServiceDefinition } from './definition.ts';
import { weatherContract, weatherService } from './notes.fixture.ts';
import type { RawRoutes } from './raw-route.ts';
import { serveHttp } from './serve-http.ts';
import { createService } from './service.ts';

type Routes = RawRoutes<{}, {}>;

async function serving(routes: Routes) {
  const clock = realClock();
  const telemetry = recordingTelemetry({ clock });
  const transport = { send: () => Promise.reject(new Error('no calls here')) };
  // The fixture's handlers know nothing of configuration or calls.
  const definition = { ...weatherService, routes } as ServiceDefinition;
  const instance = createService(defineService(definition), {
    clock,
    random: realRandom(),
    telemetry,
    transport,
    env: {},
    instance: 'weather-1',
  });
  await instance.start();
  const server = await serveHttp(instance, { listen: { host: '127.0.0.1', port: 0 } });
  onTestFinished(() => server.close({ graceMs: 0 }));
  return { server, telemetry, ask: (path: string, init?: RequestInit) => fetch(server.url + path, init) };
}

test('a route gets its Context, the request, the decoded members and the kit', async () => {
  const { ask } = await serving({
    'PUT /files/{folder}/{name}': async (ctx, request, members, kit) =>
      Response.json(
        {
          tenant: ctx.tenant,
          members,
          query: new URL(request.url).search,
          type: request.headers.get('content-type'),
          body: await request.text(),
          id: kit.newId().length,
        },
        { status: 201, headers: { 'x-own': 'yes' } },
      ),
  });
  const answer = await ask('/files/S%C3%A3o/a%2Fb?x=1', {
    method: 'PUT',
    headers: { 'content-type': 'text/odd', 'x-fairlead-tenant': 'acme' },
    body: 'Ψ',
  });
  expect([answer.status, answer.headers.get('x-own')]).toEqual([201, 'yes']);
  expect(answer.headers.get('traceparent')).toMatch(/^00-/);
  expect(await answer.json()).toEqual({
    tenant: 'acme',
    members: { folder: 'São', name: 'a/b' },
    query: '?x=1',
    type: 'text/odd',
    body: 'Ψ',
    id: 36,
  });
});

test('bodies stream both ways, larger than an operation may take', async () => {
  const { ask } = await serving({ 'POST /echo': (_ctx, request) => new Response(request.body) });
  const size = 3 * 1024 * 1024;
  const answer = await ask('/echo', { method: 'POST', body: Buffer.alloc(size, 'x') });
  expect((await answer.text()).length).toBe(size);
});

test('the first part of an answer arrives before the last is made', async () => {
  const finish = Promise.withResolvers<void>();
  const { ask } = await serving({
    'GET /events': () =>
      new Response(
        new ReadableStream({
          async pull(controller) {
            controller.enqueue(Buffer.from('data: 1\n\n'));
            await finish.promise;
            controller.close();
          },
        }),
        { headers: { 'content-type': 'text/event-stream' } },
      ),
  });
  const reader = (await ask('/events')).body?.getReader();
  expect(Buffer.from((await reader?.read())?.value ?? []).toString()).toBe('data: 1\n\n');
  finish.resolve();
  expect((await reader?.read())?.done).toBe(true);
});

test('a body of a known length says it, and several cookies stay several', async () => {
  const { ask } = await serving({
    'GET /sized': () => {
      const headers = new Headers({ 'content-length': '5' });
      headers.append('set-cookie', 'a=1');
      headers.append('set-cookie', 'b=2');
      return new Response('hello', { headers });
    },
    'GET /empty': () => new Response(null, { status: 204 }),
  });
  const answer = await ask('/sized');
  expect([answer.headers.get('content-length'), await answer.text()]).toEqual(['5', 'hello']);
  expect(answer.headers.getSetCookie()).toEqual(['a=1', 'b=2']);
  const head = await ask('/sized', { method: 'HEAD' });
  expect([head.headers.get('content-length'), await head.text()]).toEqual(['5', '']);
  expect((await ask('/empty')).status).toBe(204);
});

describe('failures are problem documents that tell nothing', () => {
  test.each([
    ['an error', () => Promise.reject(new TypeError('secret-table'))],
    [
      'an error thrown at once',
      () => {
        throw new TypeError('secret-table');
      },
    ],
    ['no Response', () => 'secret-table' as unknown as Response],
    ['the Response of an error', () => Response.error()],
  ] as const)('%s', async (_what, handler) => {
    const { ask, telemetry } = await serving({ 'GET /broken': handler });
    const answer = await ask('/broken');
    const text = await answer.text();
    expect([answer.status, answer.headers.get('content-type')]).toEqual([500, 'application/problem+json']);
    expect(text).not.toContain('secret-table');
    expect(JSON.parse(text)).toMatchObject({ code: 'INTERNAL', instance: '/broken' });
    expect(telemetry.logs.some((line) => line.level === 'error')).toBe(true);
  });

  test('a body that fails breaks the connection, so that nobody takes it for whole', async () => {
    const { ask, telemetry } = await serving({
      'GET /torn': () =>
        new Response(
          new ReadableStream({
            start(controller) {
              controller.enqueue(Buffer.from('first'));
            },
            pull() {
              throw new TypeError('torn');
            },
          }),
        ),
    });
    await expect(ask('/torn').then((answer) => answer.text())).rejects.toThrow();
    await expect.poll(() => telemetry.logs.some((line) => line.level === 'error'), { timeout: 10_000 }).toBe(true);
  });
});

test('a client that goes away aborts the request, and its stream is let go', async () => {
  const aborted = Promise.withResolvers<unknown>();
  const cancelled = Promise.withResolvers<void>();
  const { ask } = await serving({
    'GET /wait': (ctx, request) => {
      request.signal.addEventListener('abort', () => aborted.resolve(request.signal.reason));
      return new Response(
        new ReadableStream({
          pull: (controller) => controller.enqueue(Buffer.from('x')),
          cancel: () => cancelled.resolve(),
        }),
        { headers: { 'x-left': String(ctx.remainingMs()) } },
      );
    },
  });
  const gone = new AbortController();
  const answer = await ask('/wait', { signal: gone.signal });
  expect(answer.headers.get('x-left')).toBe('Infinity');
  gone.abort();
  expect(await aborted.promise).toMatchObject({ code: 'CANCELLED' });
  await cancelled.promise;
});

test('a drain waits for a stream, and cuts it when there is no time left', async () => {
  const reached = Promise.withResolvers<void>();
  const { ask, server } = await serving({
    'GET /endless': () =>
      new Response(new ReadableStream({ pull: (controller) => controller.enqueue(Buffer.alloc(1_000)) })),
    'GET /hang': () => {
      reached.resolve();
      return new Promise(() => {});
    },
  });
  const endless = await ask('/endless');
  const hanging = ask('/hang');
  await reached.promise;
  await server.close({ graceMs: 50 });
  await expect(endless.text()).rejects.toThrow();
  expect(await hanging.then((answer) => answer.status).catch(() => 'cut')).toBe(503);
});

test('it is traced, measured and logged under its name', async () => {
  const { ask, telemetry } = await serving({ 'GET /files/{name}': () => new Response('ok') });
  await (await ask('/files/a')).text();
  expect(telemetry.spans[0]).toMatchObject({ kind: 'server', name: 'GET /files/{name}' });
  expect(telemetry.spans[0]?.attributes).toMatchObject({
    'http.route': '/files/{name}',
    'http.response.status_code': 200,
  });
  expect(telemetry.logs.some((line) => line.msg === 'GET /files/{name} 200')).toBe(true);
  expect(await telemetry.metrics.exposition()).toMatch(
    /http_server_request_duration_seconds_count\{[^}]*operation="GET \/files\/\{name\}"[^}]*outcome="ok"[^}]*\} 1/,
  );
});

test('it is listed where another method is tried', async () => {
  const { ask } = await serving({ 'GET /page': () => new Response('ok'), 'DELETE /page': () => new Response('ok') });
  const answer = await ask('/page', { method: 'POST' });
  expect([answer.status, answer.headers.get('allow')]).toEqual([405, 'OPTIONS, HEAD, GET, DELETE']);
  expect((await ask('/pag%zz')).status).toBe(400);
});

test.each([
  [{ 'FETCH /x': () => new Response() }, 'routes["FETCH /x"] is no route'],
  [{ 'GET x': () => new Response() }, 'routes["GET x"] is no route'],
  [{ 'GET /{a}/{a}': () => new Response() }, 'is no route'],
  [{ 'GET /metrics': () => new Response() }, 'which every service answers itself'.slice(6)],
  [{ 'GET /weather/{town}': () => new Response() }, 'answers what today answers already'],
  [
    { 'GET /a/{x}': () => new Response(), 'GET /a/{y}': () => new Response() },
    'answers what routes["GET /a/{x}"] answers',
  ],
  [{ 'GET /a': 'no' }, 'routes["GET /a"] is not a function'],
])('a definition with %o is refused', (routes, message) => {
  expect(() =>
    defineService({ ...weatherService, contract: weatherContract, routes: routes as unknown as Routes }),
  ).toThrow(message);
});
