import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onDemand, realClock, realRandom } from '@fairlead/core';
import { recordingTelemetry } from '@fairlead/telemetry';
import { expect, onTestFinished, test } from 'vitest';
import { startGateway } from './gateway.ts';

function get(socketPath: string, path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const asking = onDemand.http.request({ socketPath, path, agent: false }, (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (part: string) => (text += part));
      answer.on('end', () => resolve(text));
    });
    asking.on('error', reject).end();
  });
}

test('operators of a platform ask its gateway at a socket, also one that was left behind, and change nothing', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'gateway-admin-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const socketPath = join(folder, 'admin.sock');
  const clock = realClock();
  const start = () =>
    startGateway({
      listen: { port: 0 },
      routes: [{ path: '/orders', service: 'orders', roles: ['buyer'] }],
      endpoints: { orders: { origin: 'http://127.0.0.1:9' } },
      jwks: async () => ({ keys: [] }),
      issuer: 'urn:yard',
      audience: 'urn:yard:gateway',
      telemetry: recordingTelemetry({ clock }),
      clock,
      random: realRandom(),
      admin: { socketPath },
    });
  const first = await start();
  expect(JSON.parse(await get(socketPath, '/status'))).toMatchObject({ origin: 'startGateway', changes: 'off' });
  expect(JSON.parse(await get(socketPath, '/snapshot'))).toMatchObject({
    routes: [{ filters: ['verifies the token of the platform', 'needs one of the roles buyer', expect.any(String)] }],
  });
  expect(await get(socketPath, '/metrics')).toContain('fairlead_cluster_endpoints{cluster="orders",state="serving"');
  expect(JSON.parse(await get(socketPath, '/config'))).not.toHaveProperty('written');
  await first.close({ graceMs: 0 });
  await writeFile(socketPath, '');
  const second = await start();
  expect(JSON.parse(await get(socketPath, '/health/ready'))).toEqual({ status: 'ok' });
  await second.close({ graceMs: 0 });
});
