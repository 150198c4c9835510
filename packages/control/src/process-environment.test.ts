import { createContext, seededRandom, virtualClock } from '@fairlead/core';
import { expect, test } from 'vitest';
import { telemetryOf, type House } from './inside-service.ts';
import { baseEnvironment } from './process-environment.ts';

test("a process is told how much to record and how many connections it has, and nothing that is the platform's", () => {
  const env = {
    PATH: '/bin',
    OTEL_TRACES_SAMPLER: 'always_on',
    FAIRLEAD_ACCESS_LINES: 'everything',
    FAIRLEAD_ACCESS_LINES_FILE: '/x',
    FAIRLEAD_DATABASE_CONNECTIONS: '6',
    FAIRLEAD_BROKER_CONNECTIONS: '4',
    FAIRLEAD_DATABASE_URL: 'postgres://y',
    FAIRLEAD_DATABASE_LISTEN_URL: 'postgres://z',
    FAIRLEAD_LISTEN: 'tcp:127.0.0.1:1',
    OTEL_EXPORTER_OTLP_HEADERS: 'x-api-key=1',
    POSTGRES_URL: 'postgres://x',
    nothing: undefined,
  };
  expect(baseEnvironment(env)).toEqual({
    PATH: '/bin',
    OTEL_TRACES_SAMPLER: 'always_on',
    FAIRLEAD_ACCESS_LINES: 'everything',
    FAIRLEAD_DATABASE_CONNECTIONS: '6',
    FAIRLEAD_BROKER_CONNECTIONS: '4',
  });
});

test('services of one process record what the environment says', async () => {
  const clock = virtualClock();
  const random = seededRandom('house');
  const env = baseEnvironment({ OTEL_TRACES_SAMPLER: 'parentbased_always_off', FAIRLEAD_ACCESS_LINES: 'everything' });
  // Neither lines nor spans come about here.
  const house = { clock, random, env } as unknown as House;
  await using telemetry = telemetryOf(house, 'orders');
  const ctx = createContext({ clock, random });
  const trace = await telemetry.tracer.span(ctx, { name: 'x', kind: 'server' }, async (inner) => inner.trace);
  expect(trace.sampled).toBe(false);
  const lines = telemetry.accessLines.of('place');
  expect(Array.from({ length: 500 }, () => lines.pass(0)).filter((omitted) => omitted !== 0)).toEqual([]);
});
