import { AsyncLocalStorage } from 'node:async_hooks';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingHttpHeaders, request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { context as otelContext, ROOT_CONTEXT, trace, type Context as OtelContext } from '@opentelemetry/api';
import { createContext, realClock, realRandom, type Transport } from '@fairlead/core';
import { recordingTelemetry } from '@fairlead/telemetry';
import { afterEach, expect, onTestFinished, test } from 'vitest';
import { misbehaviours, weatherContract, weatherService } from './notes.fixture.ts';
import { callPolicies } from './call-policies.ts';
import { clients } from './client.ts';
import type { Uses } from './kit.ts';
import { serveHttp, type HttpServer, type ServeOptions } from './serve-http.ts';
import { createService } from './service.ts';
import { socketTransport } from './socket-transport.ts';

const clock = realClock();
const random = realRandom();

let folder: string | undefined;
afterEach(async () => {
  if (folder !== undefined) await rm(folder, { recursive: true, force: true });
  folder = undefined;
});

async function socketPath(): Promise<string> {
  folder = await mkdtemp(join(tmpdir(), 'fl-'));
  return join(folder, 's.sock');
}

function make(definition = weatherService) {
  const telemetry = recordingTelemetry({ clock });
  const transport = { send: () => Promise.reject(new Error('no calls here')) };
  return {
    telemetry,
    instance: createService(definition, { clock, random, telemetry, transport, env: {}, instance: 'weather-1' }),
  };
}

async function serve(options: Partial<ServeOptions> = {}, definition = weatherService) {
  const { instance, telemetry } = make(definition);
  await instance.start();
  const server = await serveHttp(instance, { listen: { host: '127.0.0.1', port: 0 }, ...options });
  onTestFinished(() => server.close({ graceMs: 0 }));
  return { server, instance, telemetry };
}

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

function ask(
  server: HttpServer,
  method: string,
  path: string,
  more: { body?: string | Buffer; headers?: Record<string, string>; signal?: AbortSignal } = {},
): Promise<Answer> {
  const where = server.url.startsWith('unix:')
    ? { socketPath: server.url.slice(5) }
    : { host: '127.0.0.1', port: new URL(server.url).port };
  return new Promise((resolve, reject) => {
    const sent = httpRequest(
      {
        ...where,
        method,
        path,
        agent: false,
        ...(more.signal ? { signal: more.signal } : {}),
        headers: { ...(more.body === undefined ? {} : { 'content-type': 'application/json' }), ...more.headers },
      },
      (response) => {
        let body = '';
        response.setEncoding('utf8').on('data', (chunk: string) => (body += chunk));
        response.on('error', reject);
        response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body }));
      },
    );
    sent.on('error', reject);
    sent.end(more.body);
  });
}

/** Clients whose calls are made as they are: once. */
function unpoliced(uses: Uses, transport: Transport, telemetry = recordingTelemetry({ clock })) {
  const policies = callPolicies({ uses, targets: { '*': {} }, ports: { clock, random, telemetry } });
  return clients({ service: 'orders', uses, transport, telemetry, policies });
}

test('operations answer over TCP and over a Unix socket', async () => {
  for (const listen of [{ host: '127.0.0.1', port: 0 }, { path: await socketPath() }]) {
    const { server } = await serve({ listen });
    const answer = await ask(server, 'GET', '/weather/S%C3%A3o%20Paulo?days=2');
    expect(answer.status).toBe(200);
    expect(JSON.parse(answer.body)).toEqual({ place: 'São Paulo', sky: 'clear', days: 2 });
  }
});

test('what HTTP refuses is a problem document that names its trace', async () => {
  const { server } = await serve({ maxBodyBytes: 64 });
  const cases = [
    [await ask(server, 'GET', '/nothing'), 404, 'NOT_FOUND'],
    [await ask(server, 'DELETE', '/weather/rome'), 405, 'METHOD_NOT_ALLOWED'],
    [
      await ask(server, 'POST', '/misbehave', { body: JSON.stringify({ how: 'x'.repeat(100) }) }),
      413,
      'BODY_TOO_LARGE',
    ],
    [
      await ask(server, 'POST', '/misbehave', { body: 'how=x', headers: { 'content-type': 'text/plain' } }),
      415,
      'UNSUPPORTED_MEDIA_TYPE',
    ],
    [await ask(server, 'POST', '/misbehave', { body: '{"how":' }), 400, 'INVALID_INPUT'],
    [await ask(server, 'POST', '/misbehave', { body: Buffer.from([0x22, 0xff, 0x22]) }), 400, 'INVALID_INPUT'],
    [await ask(server, 'GET', '/weather/%zz'), 400, 'INVALID_REQUEST'],
    [await ask(server, 'POST', '/nothing', { body: 'x', headers: { 'content-type': 'text/plain' } }), 404, 'NOT_FOUND'],
  ] as const;
  for (const [answer, status, code] of cases) {
    expect([answer.status, JSON.parse(answer.body).code]).toEqual([status, code]);
    expect(answer.headers['content-type']).toContain('application/problem+json');
    expect(JSON.parse(answer.body).type).toBe(`urn:fairlead:problem:${code.toLowerCase().replaceAll('_', '-')}`);
  }
  expect(cases[0][0].headers['traceparent']).toMatch(/^00-/);
  expect(cases[1][0].headers['allow']).toBe('OPTIONS, HEAD, GET');
});

test('HEAD is GET without the body, and OPTIONS tells the methods', async () => {
  const { server } = await serve();
  const head = await ask(server, 'HEAD', '/weather/rome');
  expect([head.status, head.body]).toEqual([200, '']);
  expect(Number(head.headers['content-length'])).toBeGreaterThan(0);
  const options = await ask(server, 'OPTIONS', '/weather/rome');
  expect([options.status, options.headers['allow']]).toEqual([204, 'OPTIONS, HEAD, GET']);
});

test('health, metrics and dead letters are there for the platform and not for the edge', async () => {
  const { server } = await serve();
  expect(JSON.parse((await ask(server, 'GET', '/health/live')).body)).toMatchObject({
    status: 'alive',
    service: 'weather',
  });
  expect(JSON.parse((await ask(server, 'GET', '/health/ready')).body)).toMatchObject({ ready: true });
  expect((await ask(server, 'GET', '/metrics')).headers['content-type']).toContain('text/plain');
  expect(JSON.parse((await ask(server, 'GET', '/internal/dead-letters')).body)).toEqual({ items: [] });
  const edge = { headers: { 'x-fairlead-caller': 'gateway' } };
  const openapi = JSON.parse((await ask(server, 'GET', '/internal/openapi')).body);
  expect(openapi.paths['/internal-weather'].get.operationId).toBe('weather.raw');
  expect(JSON.parse((await ask(server, 'GET', '/internal/events?after=7')).body)).toEqual({ items: [], position: '7' });
  for (const path of [
    '/health/live',
    '/health/ready',
    '/metrics',
    '/internal/openapi',
    '/internal/events',
    '/internal/dead-letters',
    '/internal/dead-letters/1',
    '/internal-weather',
  ]) {
    expect((await ask(server, 'GET', path, edge)).status).toBe(404);
  }
  expect((await ask(server, 'POST', '/internal-weather', edge)).status).toBe(404);
  expect((await ask(server, 'POST', '/internal/dead-letters/1/redrive', edge)).body).toContain('There is nothing at');
  for (const path of ['/internal/events?after=x', '/internal/events?limit=501', '/internal/dead-letters?limit=-1']) {
    expect(JSON.parse((await ask(server, 'GET', path)).body)).toMatchObject({ status: 400, code: 'INVALID_INPUT' });
  }
  for (const change of ['redrive', 'discard']) {
    const answer = await ask(server, 'POST', `/internal/dead-letters/1/${change}`);
    expect(JSON.parse(answer.body)).toMatchObject({ code: 'NOT_FOUND', detail: expect.stringContaining('letter 1') });
  }
});

test('a client that goes away aborts the handler', async () => {
  const { server } = await serve();
  const reached = Promise.withResolvers<void>();
  const aborted = Promise.withResolvers<unknown>();
  misbehaviours.set(
    'wait',
    (ctx) =>
      new Promise((_resolve, reject) => {
        ctx.signal.addEventListener('abort', () => {
          aborted.resolve(ctx.signal.reason);
          reject(ctx.signal.reason);
        });
        reached.resolve();
      }),
  );
  const gone = new AbortController();
  const answer = ask(server, 'POST', '/misbehave', { body: '{"how":"wait"}', signal: gone.signal });
  await reached.promise;
  gone.abort();
  await expect(answer).rejects.toThrow();
  expect(await aborted.promise).toMatchObject({ code: 'CANCELLED' });
});

test("third-party instrumentation sees our span as OpenTelemetry's current one", async () => {
  const storage = new AsyncLocalStorage<OtelContext>();
  otelContext.setGlobalContextManager({
    active: () => storage.getStore() ?? ROOT_CONTEXT,
    with: (context, fn, self, ...args) => storage.run(context, () => fn.apply(self, args)),
    bind: (_context, target) => target,
    enable() {
      return this;
    },
    disable() {
      return this;
    },
  });
  onTestFinished(() => otelContext.disable());
  let seen: unknown;
  misbehaviours.set('look', async () => {
    await Promise.resolve();
    seen = trace.getSpanContext(otelContext.active());
    return { ok: true };
  });
  const { server, telemetry } = await serve();
  await ask(server, 'POST', '/misbehave', { body: '{"how":"look"}' });
  const span = telemetry.spans.find((one) => one.kind === 'server');
  expect(seen).toMatchObject({ traceId: span?.traceId, spanId: span?.spanId });
});

test('closing stops readiness first, lets calls finish, and then nobody listens', async () => {
  const { server, instance } = await serve({ listen: { path: await socketPath() } });
  const reached = Promise.withResolvers<void>();
  let finish: (value: unknown) => void = () => {};
  misbehaviours.set(
    'slow',
    () =>
      new Promise((resolve) => {
        finish = resolve;
        reached.resolve();
      }),
  );
  const answer = ask(server, 'POST', '/misbehave', { body: '{"how":"slow"}' });
  await reached.promise;
  const closed = server.close({ graceMs: 60_000 });
  expect(await instance.ready()).toMatchObject({ ready: false, state: 'draining' });
  finish({ ok: true });
  expect((await answer).status).toBe(200);
  await closed;
  await expect(ask(server, 'GET', '/health/live')).rejects.toMatchObject({ code: 'ENOENT' });
});

test('what does not finish within the grace time is answered 503', async () => {
  const { server } = await serve();
  const reached = Promise.withResolvers<void>();
  misbehaviours.set('forever', () => {
    reached.resolve();
    return new Promise(() => {});
  });
  const answer = ask(server, 'POST', '/misbehave', { body: '{"how":"forever"}' });
  await reached.promise;
  await server.close({ graceMs: 0 });
  expect((await answer).status).toBe(503);
});

test('a socket that a killed process left behind is replaced, one that is in use and a file are not', async () => {
  const path = await socketPath();
  const dead = createServer();
  await new Promise<void>((resolve) => dead.listen(`${path}.old`, resolve));
  const { link } = await import('node:fs/promises');
  await link(`${path}.old`, path);
  await new Promise((resolve) => dead.close(resolve));
  const { server } = await serve({ listen: { path } });
  expect((await ask(server, 'GET', '/health/live')).status).toBe(200);
  await expect(serveHttp(make().instance, { listen: { path } })).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  expect((await ask(server, 'GET', '/health/live')).status).toBe(200);
  await writeFile(`${path}.txt`, 'mine');
  await expect(serveHttp(make().instance, { listen: { path: `${path}.txt` } })).rejects.toMatchObject({
    code: 'MISCONFIGURED',
  });
});

test('bytes that are no HTTP are answered 400 and the connection ends', async () => {
  const { server } = await serve();
  const text = await new Promise<string>((resolve, reject) => {
    let received = '';
    const socket = connect(Number(new URL(server.url).port), '127.0.0.1', () => socket.write('not http\r\n\r\n'));
    socket.setEncoding('utf8').on('data', (chunk: string) => (received += chunk));
    socket.on('error', reject).on('close', () => resolve(received));
  });
  expect(text).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/);
  expect(text).toContain('"code":"INVALID_REQUEST"');
});

test('a client over sockets reads answers and declared errors, and knows what was surely not processed', async () => {
  const { server } = await serve({ listen: { path: await socketPath() } });
  const path = server.url.slice(5);
  await using transport = socketTransport({
    resolve: (service) =>
      service === 'weather' ? { socketPath: path } : service === 'gone' ? { socketPath: `${path}.gone` } : undefined,
  });
  const gone = { ...weatherContract, name: 'gone' };
  const unknown = { ...weatherContract, name: 'unknown' };
  const telemetry = recordingTelemetry({ clock });
  const calls = unpoliced({ weather: weatherContract, gone, unknown }, transport, telemetry)('test');
  using ctx = createContext({ clock, random, timeoutMs: 10_000 });
  expect(await calls['weather']?.['today']?.(ctx, { place: 'rome' })).toEqual({ place: 'rome', sky: 'clear', days: 1 });
  expect(await calls['weather']?.['raw']?.(ctx, {})).toEqual({ who: 'orders' });
  await expect(calls['weather']?.['today']?.(ctx, { place: 'nowhere' })).rejects.toMatchObject({
    code: 'NO_SUCH_PLACE',
    kind: 'not-found',
  });
  await expect(calls['weather']?.['today']?.(ctx, { place: 7 })).rejects.toMatchObject({ code: 'INVALID_CALL' });
  for (const alias of ['gone', 'unknown']) {
    await expect(calls[alias]?.['raw']?.(ctx, {})).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      details: { processed: 'no' },
    });
  }
  expect(telemetry.spans.filter((span) => span.kind === 'client').length).toBeGreaterThan(3);
});

test('the deadline goes along, and an abort ends the request on the other side too', async () => {
  const { server } = await serve({ listen: { path: await socketPath() } });
  await using transport = socketTransport({ resolve: () => ({ socketPath: server.url.slice(5) }) });
  const calls = unpoliced({ weather: weatherContract }, transport)('test');
  const remaining = Promise.withResolvers<number>();
  const aborted = Promise.withResolvers<void>();
  misbehaviours.set(
    'wait',
    (ctx) =>
      new Promise((_resolve, reject) => {
        ctx.signal.addEventListener('abort', () => {
          aborted.resolve();
          reject(ctx.signal.reason);
        });
        remaining.resolve(ctx.remainingMs());
      }),
  );
  using ctx = createContext({ clock, random, timeoutMs: 60_000 });
  using scoped = ctx.withCancel();
  const answer = calls['weather']?.['misbehave']?.(scoped, { how: 'wait' });
  const left = await remaining.promise;
  expect(left).toBeGreaterThan(0);
  expect(left).toBeLessThanOrEqual(60_000);
  scoped.cancel();
  await expect(answer).rejects.toMatchObject({ code: 'CANCELLED' });
  await aborted.promise;
});

test('an answer that never ends within the connection is UNAVAILABLE and maybe processed', async () => {
  const broken = createServer((request) => request.socket.destroy());
  await new Promise<void>((resolve) => broken.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => new Promise((resolve) => void broken.close(() => resolve())));
  const address = broken.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  await using transport = socketTransport({ resolve: () => ({ origin: `http://127.0.0.1:${port}` }) });
  const calls = unpoliced({ weather: weatherContract }, transport)('test');
  using ctx = createContext({ clock, random, timeoutMs: 10_000 });
  await expect(calls['weather']?.['raw']?.(ctx, {})).rejects.toMatchObject({
    code: 'UNAVAILABLE',
    details: { processed: 'maybe' },
  });
});
