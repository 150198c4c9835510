import {
  FairleadError,
  realClock,
  realRandom,
  seededRandom,
  virtualClock,
  type TransportRequest,
} from '@fairlead/core';
import { recordingTelemetry } from '@fairlead/telemetry';
import { expect, test } from 'vitest';
import { misbehaviours, weatherService } from './notes.fixture.ts';
import { createService } from './service.ts';
import type { ServicePorts } from './service-instance.ts';

const nowhere: ServicePorts['transport'] = { send: () => Promise.reject(new Error('no calls here')) };

function weather(overrides: Partial<ServicePorts> = {}) {
  const clock = overrides.clock ?? realClock();
  const telemetry = recordingTelemetry({ clock });
  const instance = createService(weatherService, {
    clock,
    random: realRandom(),
    telemetry,
    transport: nowhere,
    env: {},
    instance: 'weather-1',
    ...overrides,
  });
  return { instance, telemetry };
}

function call(operation: string, path: string, more: Partial<TransportRequest> = {}): TransportRequest {
  return { service: 'weather', operation, method: 'GET', path, headers: {}, body: undefined, ...more };
}

const misbehave = (how: string, headers: Record<string, string> = {}) =>
  call('misbehave', '/misbehave', { method: 'POST', body: JSON.stringify({ how }), headers });

test('path and query are decoded, and the answer is JSON that names its trace', async () => {
  const { instance } = weather();
  const answer = await instance.handle(call('today', '/weather/S%C3%A3o%20Paulo?days=3'));
  expect(answer.status).toBe(200);
  expect(JSON.parse(answer.body)).toEqual({ place: 'São Paulo', sky: 'clear', days: 3 });
  expect(answer.headers['content-type']).toContain('application/json');
  expect(answer.headers['traceparent']).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
  expect(answer.headers['x-request-id']).toBeTruthy();
});

test('what does not fit the contract is a 400 that says where', async () => {
  const { instance } = weather();
  const answer = await instance.handle(call('today', '/weather/rome?days=99'));
  expect(answer.status).toBe(400);
  expect(answer.headers['content-type']).toBe('application/problem+json');
  expect(JSON.parse(answer.body)).toMatchObject({
    code: 'INVALID_INPUT',
    issues: [{ path: expect.stringContaining('days') }],
  });
});

test('an internal operation does not exist for the gateway, and does for a service', async () => {
  const { instance } = weather();
  const hidden = await instance.handle(
    call('raw', '/internal-weather', { headers: { 'x-fairlead-caller': 'gateway' } }),
  );
  expect(hidden.status).toBe(404);
  const shown = await instance.handle(call('raw', '/internal-weather', { headers: { 'x-fairlead-caller': 'orders' } }));
  expect(JSON.parse(shown.body)).toEqual({ who: 'orders' });
});

test('one of the roles is enough, none is a 403', async () => {
  const { instance } = weather();
  const forecast = (roles: Record<string, string>) =>
    instance.handle(call('forecast', '/forecast', { method: 'POST', body: '{}', headers: roles }));
  expect((await forecast({})).status).toBe(403);
  expect((await forecast({ 'x-fairlead-roles': 'reader' })).status).toBe(403);
  expect((await forecast({ 'x-fairlead-roles': 'reader,admin' })).status).toBe(200);
});

test('a declared error passes with the kind that the contract declares', async () => {
  const { instance } = weather();
  const answer = await instance.handle(call('today', '/weather/nowhere'));
  expect(answer.status).toBe(404);
  expect(JSON.parse(answer.body)).toMatchObject({
    code: 'NO_SUCH_PLACE',
    detail: 'There is no such place.',
    place: 'nowhere',
  });
});

test.each([
  ['a bug', () => Promise.reject(new TypeError('secret-table is undefined')), 500, 'INTERNAL'],
  ['something that is no error', () => Promise.reject('secret-table'), 500, 'INTERNAL'],
  [
    'an undeclared code',
    () => Promise.reject(new FairleadError('not-found', 'SECRET_THING', 'secret-table')),
    500,
    'INTERNAL',
  ],
  [
    'a database that is away',
    () => Promise.reject(new FairleadError('unavailable', 'DATABASE_UNAVAILABLE', 'secret-table')),
    503,
    'UNAVAILABLE',
  ],
  [
    'a dependency that is too slow',
    () => Promise.reject(new FairleadError('deadline', 'DEADLINE_EXCEEDED', 'secret-table')),
    504,
    'DEADLINE_EXCEEDED',
  ],
  ['an answer that does not fit the contract', () => Promise.resolve({ ok: 'secret-table' }), 500, 'INTERNAL'],
  ['no answer', () => Promise.resolve(undefined), 500, 'INTERNAL'],
] as const)('%s tells the caller nothing of what is inside', async (_what, work, status, code) => {
  misbehaviours.set('it', work);
  const { instance, telemetry } = weather();
  const answer = await instance.handle(misbehave('it'));
  expect(answer.status).toBe(status);
  expect(JSON.parse(answer.body)).toMatchObject({ code, status });
  expect(answer.body).not.toContain('secret-table');
  expect(answer.body).not.toContain('.ts:');
  expect(telemetry.logs.some((line) => line.level === 'error')).toBe(true);
});

test('Retry-After is in whole seconds and never 0', async () => {
  misbehaviours.set('busy', () =>
    Promise.reject(new FairleadError('exhausted', 'BUSY_SKY', 'Later.', { retryAfterMs: 1_200 })),
  );
  const { instance } = weather();
  const answer = await instance.handle(misbehave('busy'));
  expect(answer.status).toBe(429);
  expect(answer.headers['retry-after']).toBe('2');
});

test('at the deadline the caller is answered although the handler does not notice', async () => {
  const clock = virtualClock({ startMs: 0 });
  const { instance } = weather({ clock, random: seededRandom(1) });
  let finish: (value: unknown) => void = () => {};
  misbehaviours.set('hang', () => new Promise((resolve) => (finish = resolve)));
  const answer = instance.handle(misbehave('hang', { 'x-fairlead-timeout-ms': '250' }));
  await clock.advance(250);
  expect((await answer).status).toBe(504);
  finish({ ok: true });
});

test('a request that has no time left is not worked on', async () => {
  let ran = false;
  misbehaviours.set('late', async () => (ran = true));
  const { instance } = weather();
  expect((await instance.handle(misbehave('late', { 'x-fairlead-timeout-ms': '0' }))).status).toBe(504);
  expect(ran).toBe(false);
});

test('a caller that goes away aborts the handler with CANCELLED', async () => {
  const { instance } = weather();
  const gone = new AbortController();
  const seen = Promise.withResolvers<unknown>();
  misbehaviours.set(
    'wait',
    (ctx) =>
      new Promise((_resolve, reject) =>
        ctx.signal.addEventListener('abort', () => {
          seen.resolve(ctx.signal.reason);
          reject(ctx.signal.reason);
        }),
      ),
  );
  const answer = instance.handle({ ...misbehave('wait'), signal: gone.signal });
  setImmediate(() => gone.abort());
  expect(await seen.promise).toMatchObject({ code: 'CANCELLED' });
  expect((await answer).status).toBe(499);
});

test('an unknown operation is 404', async () => {
  const { instance } = weather();
  for (const operation of ['tomorrow', '__proto__', 'constructor']) {
    expect((await instance.handle(call(operation, '/x'))).status).toBe(404);
  }
});

test('every call has a server span, an access line and a measurement', async () => {
  const { instance, telemetry } = weather();
  await instance.handle(
    call('today', '/weather/rome', {
      headers: { traceparent: '00-11111111111111111111111111111111-2222222222222222-01' },
    }),
  );
  await instance.handle(call('today', '/weather/nowhere'));
  const [span] = telemetry.spans;
  expect(span).toMatchObject({
    kind: 'server',
    name: 'GET /weather/{place}',
    traceId: '1'.repeat(32),
    parentSpanId: '2'.repeat(16),
  });
  expect(span?.attributes['http.response.status_code']).toBe(200);
  expect(telemetry.logs.filter((line) => line.msg.startsWith('GET /weather/{place} '))).toHaveLength(2);
  const metrics = await telemetry.metrics.exposition();
  expect(metrics).toMatch(
    /http_server_request_duration_seconds_count\{[^}]*operation="today"[^}]*outcome="ok"[^}]*\} 1/,
  );
  expect(metrics).toMatch(/http_server_request_duration_seconds_count\{[^}]*outcome="NO_SUCH_PLACE"[^}]*\} 1/);
});

test('closing lets a call finish, and refuses what comes after', async () => {
  const { instance } = weather();
  await instance.start();
  expect(await instance.ready()).toMatchObject({ ready: true, state: 'running' });
  let finish: (value: unknown) => void = () => {};
  const reached = Promise.withResolvers<void>();
  misbehaviours.set(
    'slow',
    () =>
      new Promise((resolve) => {
        finish = resolve;
        reached.resolve();
      }),
  );
  const answer = instance.handle(misbehave('slow'));
  await reached.promise;
  const closed = instance.close({ graceMs: 60_000 });
  expect(await instance.ready()).toMatchObject({ ready: false, state: 'draining' });
  finish({ ok: true });
  await closed;
  expect((await answer).status).toBe(200);
  const refused = await instance.handle(call('today', '/weather/rome'));
  expect(refused.status).toBe(503);
  expect(JSON.parse(refused.body)).toMatchObject({ code: 'UNAVAILABLE', processed: 'no' });
});

test('what has not finished within the grace time is aborted and answered 503', async () => {
  const { instance } = weather();
  await instance.start();
  const reached = Promise.withResolvers<void>();
  misbehaviours.set(
    'forever',
    (ctx) =>
      new Promise((_resolve, reject) => {
        ctx.signal.addEventListener('abort', () => reject(ctx.signal.reason));
        reached.resolve();
      }),
  );
  const answer = instance.handle(misbehave('forever'));
  await reached.promise;
  await instance.close({ graceMs: 0 });
  expect((await answer).status).toBe(503);
});
