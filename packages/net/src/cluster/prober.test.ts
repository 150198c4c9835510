import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { realTurn, seededRandom, virtualClock } from '@fairlead/core';
import { expect, onTestFinished, test } from 'vitest';
import type { Endpoint } from '../client/options.ts';
import { resolveHealth, type HealthOptions } from './health-options.ts';
import { proberOf } from './prober.ts';

/** A server that does what a test says with each connection, and a prober of it. */
async function world(onSocket: (socket: Socket) => void, options: HealthOptions = {}) {
  const clock = virtualClock();
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {}).on('close', () => sockets.delete(socket));
    onSocket(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  // An address of a TCP server is an object.
  const { port } = server.address() as AddressInfo;
  const endpoint: Endpoint = { host: '127.0.0.1', port };
  const prober = proberOf({ clock, random: seededRandom('prober') })(endpoint, resolveHealth(options), 'orders');
  onTestFinished(async () => {
    for (const socket of sockets) socket.destroy();
    server.close();
    expect(clock.pending).toBe(0);
  });
  const close = async (): Promise<void> => {
    server.close();
    await once(server, 'close');
  };
  return { clock, prober, sockets, close };
}

const forever = (): AbortSignal => new AbortController().signal;

function answering(status: string, requests: string[] = []) {
  return (socket: Socket): void => {
    socket.on('data', (chunk) => {
      requests.push(chunk.toString());
      socket.write(`HTTP/1.1 ${status}\r\ncontent-length: 0\r\n\r\n`);
    });
  };
}

test('an expected status is a success, asked for by the path and host that were said', async () => {
  const requests: string[] = [];
  const { prober } = await world(answering('204 No Content', requests), { path: '/ready?deep=1' });
  expect(await prober.probe(forever())).toEqual({ kind: 'healthy' });
  expect(requests[0]).toMatch(/^GET \/ready\?deep=1 HTTP\/1\.1\r\n/);
  expect(requests[0]).toMatch(/\r\nhost: orders\r\n/);
});

test.each([
  ['500 Internal Server Error', false],
  ['503 Service Unavailable', true],
  ['301 Moved Permanently', false],
])('%s is none, and only 503 says so itself', async (status, isSaid) => {
  const { prober } = await world(answering(status));
  const why = `GET /health/ready was answered ${status.slice(0, 3)}`;
  expect(await prober.probe(forever())).toEqual({ kind: 'unhealthy', why, isSaid });
});

test('what is expected can be said', async () => {
  const { prober } = await world(answering('404 Not Found'), { expectedStatuses: [404, 404], method: 'HEAD' });
  expect(await prober.probe(forever())).toEqual({ kind: 'healthy' });
});

test.each(['http', 'tcp'] as const)('%s: who does not listen is unhealthy', async (kind) => {
  const { prober, close } = await world(() => {}, { kind });
  await close();
  expect(await prober.probe(forever())).toMatchObject({
    kind: 'unhealthy',
    why: expect.stringContaining('ECONNREFUSED'),
  });
});

test('who does not answer in time is unhealthy', async () => {
  const asked = Promise.withResolvers<void>();
  const { prober, clock } = await world((socket) => socket.on('data', () => asked.resolve()), { timeoutMs: 300 });
  const finding = prober.probe(forever());
  await asked.promise;
  await clock.advance(300);
  expect(await finding).toEqual({ kind: 'unhealthy', why: 'GET /health/ready took longer than 300 ms', isSaid: false });
});

test('a connection is enough for tcp', async () => {
  const { prober, sockets } = await world(() => {}, { kind: 'tcp' });
  expect(await prober.probe(forever())).toEqual({ kind: 'healthy' });
  while (sockets.size > 0) await realTurn();
});

test.each(['http', 'tcp'] as const)('%s: a check that is given up ends', async (kind) => {
  const { prober } = await world(() => {}, { kind });
  const end = new AbortController();
  const finding = prober.probe(end.signal);
  end.abort();
  expect(await finding).toMatchObject({ kind: 'unhealthy' });
  expect(await prober.probe(end.signal)).toMatchObject({ kind: 'unhealthy' });
});
