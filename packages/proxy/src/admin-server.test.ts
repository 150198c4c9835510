import { realClock } from '@fairlead/core';
import { recordingTelemetry } from '@fairlead/telemetry';
import { expect, test } from 'vitest';
import { serveAdmin } from './admin-server.ts';
import { readYard, yardWith } from './snapshot/yard.fixture.ts';

test('operators are told what is at work and how it is, and can change nothing', async () => {
  const clock = realClock();
  const telemetry = recordingTelemetry({ clock });
  telemetry.metrics.counter({ name: 'yard_ships_total', help: 'Ships.' }).inc();
  const engine = { isDraining: false };
  let snapshot = readYard(yardWith('  - { name: a, to: orders }'));
  const listen = { host: '127.0.0.1', port: 0 };
  await using admin = await serveAdmin({ listen, clock, telemetry, engine, snapshot: () => snapshot });
  const get = async (path: string, method = 'GET') => {
    const answer = await fetch(`${admin.url}${path}`, { method });
    return { status: answer.status, body: await answer.text() };
  };
  expect((await get('/metrics')).body).toContain('yard_ships_total');
  expect(JSON.parse((await get('/snapshot')).body)).toMatchObject({ hash: snapshot.hash, routes: [{ name: 'a' }] });
  snapshot = readYard(yardWith('  - { name: b, to: orders }'));
  expect(JSON.parse((await get('/snapshot?pretty')).body)).toMatchObject({ routes: [{ name: 'b' }] });
  expect(await get('/health/ready')).toEqual({ status: 200, body: '{"status":"ok"}' });
  engine.isDraining = true;
  expect((await get('/health/ready')).status).toBe(503);
  expect((await get('/health/live')).status).toBe(200);
  expect((await get('/snapshot', 'PUT')).status).toBe(405);
  expect(await get('/')).toMatchObject({ status: 404, body: expect.stringContaining('/metrics') });
});

test('what can not be told is said to be so, and the reason is in the log', async () => {
  const clock = realClock();
  const telemetry = recordingTelemetry({ clock });
  const fail = () => {
    throw new Error('torn');
  };
  const listen = { host: '127.0.0.1', port: 0 };
  await using admin = await serveAdmin({ listen, clock, telemetry, engine: { isDraining: false }, snapshot: fail });
  const answer = await fetch(`${admin.url}/snapshot`);
  expect([answer.status, await answer.text()]).toEqual([500, 'It could not be told; the log says why.\n']);
  expect(JSON.stringify(telemetry.logs)).toContain('the admin server could not answer');
});
