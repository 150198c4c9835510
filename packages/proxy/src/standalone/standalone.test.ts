import { createServer, request as ask, type IncomingHttpHeaders } from 'node:http';
import { once } from 'node:events';
import { realClock, realRandom } from '@fairlead/core';
import { noTelemetry } from '@fairlead/telemetry';
import { expect, test } from 'vitest';
import { FILTER_KINDS } from '../snapshot/filter-kinds.ts';
import { readSnapshot } from '../snapshot/read-snapshot.ts';
import { startStandalone } from './standalone.ts';

interface Answer {
  readonly status: number;
  readonly body: string;
}

function get(url: string, headers: Readonly<Record<string, string>> = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = ask(url, { headers, agent: false }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (part: string) => (body += part));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body }));
    });
    request.on('error', reject).end();
  });
}

test('each listener has health, nothing else below /-, and no claims go through', async () => {
  const seen: IncomingHttpHeaders[] = [];
  const origin = createServer((request, response) => {
    seen.push(request.headers);
    response.end('origin');
  }).listen(0, '127.0.0.1');
  await once(origin, 'listening');
  const address = origin.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const clock = realClock();
  const snapshot = readSnapshot(
    `listeners: [{ name: a, address: '127.0.0.1:0' }]
routes: [{ name: all, to: origin }]
clusters: { origin: { endpoints: ['http://127.0.0.1:${port}'] } }`,
    { origin: 'test', loadedAtMs: 0, kinds: FILTER_KINDS },
  );
  const engine = await startStandalone({ snapshot, clock, random: realRandom(), telemetry: noTelemetry() });
  const url = engine.urls.get('a') ?? '';
  expect(await get(`${url}/-/health/live`)).toEqual({ status: 200, body: '{"status":"ok"}' });
  expect(await get(`${url}/-/health/ready`)).toEqual({ status: 200, body: '{"status":"ok"}' });
  expect((await get(`${url}/-/else`)).status).toBe(404);
  const claims = { 'x-original-url': '/admin', 'x-http-method-override': 'DELETE', 'true-client-ip': '10.0.0.1' };
  const kept = { authorization: 'Bearer x', 'grpc-timeout': '1S' };
  expect(await get(`${url}/x`, { ...claims, ...kept })).toEqual({ status: 200, body: 'origin' });
  expect(seen).toHaveLength(1);
  expect(seen[0]).toMatchObject(kept);
  for (const name of Object.keys(claims)) expect(seen[0]).not.toHaveProperty(name);
  await engine.close();
  origin.close();
});
