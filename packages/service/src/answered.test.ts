import { realRandom, virtualClock, type TransportRequest } from '@fairlead/core';
import { recordingTelemetry, type RecordingOptions } from '@fairlead/telemetry';
import { expect, test } from 'vitest';
import { weatherService } from './notes.fixture.ts';
import { createService } from './service.ts';

function weather(options: Omit<RecordingOptions, 'clock'>) {
  const clock = virtualClock();
  const telemetry = recordingTelemetry({ clock, ...options });
  const instance = createService(weatherService, {
    clock,
    random: realRandom(),
    telemetry,
    transport: { send: () => Promise.reject(new Error('no calls here')) },
    env: {},
    instance: 'weather-1',
  });
  const handle = (more: Partial<TransportRequest> = {}) =>
    instance.handle({
      service: 'weather',
      operation: 'today',
      method: 'GET',
      path: '/weather/rome',
      headers: {},
      body: undefined,
      ...more,
    });
  const misbehave = (how: string) =>
    handle({ operation: 'misbehave', method: 'POST', path: '/misbehave', body: JSON.stringify({ how }) });
  const lines = (from: string) => telemetry.logs.filter(({ msg }) => msg.startsWith(from));
  return { clock, telemetry, handle, misbehave, lines };
}

test('of a busy operation some lines are written, and they and the metrics tell of all', async () => {
  const { clock, telemetry, handle, lines } = weather({ accessLines: { firstPerSecond: 3, thenOneOf: 5 } });
  for (let at = 0; at < 14; at += 1) await handle();
  await clock.advance(1_000);
  await handle();
  const written = lines('GET /weather/{place} 200');
  expect(written.map(({ omitted }) => omitted)).toEqual([undefined, undefined, undefined, 4, 4, 1]);
  const stoodFor = written.reduce((sum, { omitted }) => sum + 1 + Number(omitted ?? 0), 0);
  expect(stoodFor).toBe(15);
  const metrics = await telemetry.metrics.exposition();
  expect(metrics).toMatch(/http_server_request_duration_seconds_count\{[^}]*operation="today"[^}]*\} 15$/m);
  expect(metrics).toMatch(/fairlead_telemetry_access_lines_omitted_total\{[^}]*operation="today"[^}]*\} 9$/m);
});

test("lines about failures, a caller's or ours, are all written", async () => {
  const { handle, misbehave, lines } = weather({ accessLines: { firstPerSecond: 0, thenOneOf: 0 } });
  for (let at = 0; at < 5; at += 1) {
    expect((await handle()).status).toBe(200);
    expect((await handle({ path: '/weather/rome?days=99' })).status).toBe(400);
    expect((await misbehave('throw')).status).toBe(500);
  }
  expect(lines('GET /weather/{place} 200')).toHaveLength(0);
  expect(lines('GET /weather/{place} 400')).toHaveLength(5);
  expect(lines('POST /misbehave 500')).toHaveLength(5);
  expect(lines('misbehave failed')).toHaveLength(5);
});

test('an answer of a trace that is not recorded says so, and a failure of it leaves its span', async () => {
  const { telemetry, handle, misbehave } = weather({ traces: { keep: 'nothing' } });
  const answer = await handle();
  expect(answer.headers['traceparent']).toMatch(/-00$/);
  expect(telemetry.spans).toEqual([]);
  expect((await misbehave('throw')).status).toBe(500);
  expect(telemetry.spans).toMatchObject([
    {
      name: 'POST /misbehave',
      status: { kind: 'error' },
      attributes: { 'fairlead.sampled': false, 'http.response.status_code': 500, 'rpc.method': 'misbehave' },
    },
  ]);
});
