import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createContext, realClock, realRandom, seededRandom, virtualClock } from '@fairlead/core';
import { serve, type ClusterEvent, type NetServer } from '@fairlead/net';
import { recordingTelemetry } from '@fairlead/telemetry';
import { expect, onTestFinished, test } from 'vitest';
import { endpointLine } from './endpoint-line.ts';
import type { Endpoint } from './service-endpoint.ts';
import { socketTransport, type SocketTransport } from './socket-transport.ts';

/** Answers with its own name, or with a status that a test sets. */
interface Instance {
  readonly endpoint: Endpoint;
  readonly server: NetServer;
  status: number;
}

async function instances(...names: string[]): Promise<Instance[]> {
  const folder = await mkdtemp(join(tmpdir(), 'fl-'));
  const made = await Promise.all(
    names.map(async (name): Promise<Instance> => {
      const socketPath = join(folder, `${name}.sock`);
      const server = await serve({
        listen: { path: socketPath },
        clock: realClock(),
        onRequest: (request) => request.answer(instance.status, {}, `${name} ${request.head.target}`),
        refusal: ({ code }) => ({ status: 400, fields: {}, body: code }),
      });
      const instance: Instance = { endpoint: { socketPath }, server, status: 200 };
      return instance;
    }),
  );
  onTestFinished(async () => {
    await Promise.all(made.map(({ server }) => server.close({ graceMs: 0 })));
    await rm(folder, { recursive: true, force: true });
  });
  return made;
}

/** Time that stands still, so that all endpoints are equally fast and chance decides. */
function transportTo(resolve: () => readonly Endpoint[] | Endpoint | undefined) {
  const events: (readonly [string, ClusterEvent])[] = [];
  const clock = virtualClock();
  const transport = socketTransport({
    resolve,
    clock,
    random: seededRandom('transport'),
    observe: (service, event) => events.push([service, event]),
  });
  onTestFinished(() => transport.close());
  return { transport, clock, events };
}

async function call(transport: SocketTransport, path = '/x', attemptOf: object = {}): Promise<string> {
  using ctx = createContext({ clock: realClock(), random: realRandom(), timeoutMs: 30_000 });
  const { status, body } = await transport.send(ctx, {
    service: 'orders',
    operation: 'get',
    method: 'GET',
    path,
    headers: {},
    body: undefined,
    call: attemptOf,
  });
  return `${status} ${body}`;
}

async function calls(transport: SocketTransport, count: number): Promise<Set<string>> {
  const heard = new Set<string>();
  for (let i = 0; i < count; i++) heard.add(await call(transport).catch((error: { code: string }) => error.code));
  return heard;
}

test('calls of a service with several endpoints go to all of them', async () => {
  const [a, b] = (await instances('a', 'b')) as [Instance, Instance];
  const endpoints = [a.endpoint, b.endpoint];
  const { transport } = transportTo(() => endpoints);
  expect(await calls(transport, 40)).toEqual(new Set(['200 a /x', '200 b /x']));
});

test('who stops answering is left out after five calls, and the rest of them go to the others', async () => {
  const [a, b] = (await instances('a', 'b')) as [Instance, Instance];
  const endpoints = [a.endpoint, b.endpoint];
  const { transport, events } = transportTo(() => endpoints);
  await calls(transport, 20);
  await a.server.close({ graceMs: 0 });
  // One more request in a row counts against who misses, so it is asked again when the other has something to do.
  for (let i = 0; i < 100 && !events.some(([, { kind }]) => kind === 'ejected'); i++) {
    await Promise.allSettled(Array.from({ length: 10 }, () => call(transport)));
  }
  expect(events.filter(([, { kind }]) => kind === 'ejected')).toMatchObject([
    ['orders', { address: `unix:${'socketPath' in a.endpoint ? a.endpoint.socketPath : ''}`, times: 1 }],
  ]);
  expect(await calls(transport, 40)).toEqual(new Set(['200 b /x']));
});

test('another list is another cluster, with what is known of those that stay', async () => {
  const [a, b, c] = (await instances('a', 'b', 'c')) as [Instance, Instance, Instance];
  let endpoints = [a.endpoint, b.endpoint];
  const { transport, events } = transportTo(() => endpoints);
  await calls(transport, 10);
  endpoints = [b.endpoint, c.endpoint];
  expect(await calls(transport, 40)).toEqual(new Set(['200 b /x', '200 c /x']));
  expect(events.at(-1)?.[1]).toMatchObject({
    kind: 'updated',
    added: [expect.anything()],
    removed: [expect.anything()],
  });
  endpoints = [];
  await expect(call(transport)).rejects.toMatchObject({
    code: 'UNAVAILABLE',
    message: "orders can't be reached: nobody knows where it is.",
    details: { processed: 'no', why: 'no-endpoints' },
  });
});

test('each attempt of a call goes to somebody else', async () => {
  const [a, b] = (await instances('a', 'b')) as [Instance, Instance];
  const endpoints = [a.endpoint, b.endpoint];
  const { transport } = transportTo(() => endpoints);
  for (let i = 0; i < 20; i++) {
    const one = {};
    const heard = [await call(transport, '/x', one), await call(transport, '/x', one)];
    expect(new Set(heard)).toEqual(new Set(['200 a /x', '200 b /x']));
  }
});

test('being turned away is no failure', async () => {
  const [a, b] = (await instances('a', 'b')) as [Instance, Instance];
  const endpoints = [a.endpoint, b.endpoint];
  const { transport, events } = transportTo(() => endpoints);
  a.status = 429;
  b.status = 429;
  expect(await calls(transport, 40)).toEqual(new Set(['429 a /x', '429 b /x']));
  expect(events.map(([, { kind }]) => kind)).toEqual(['updated']);
  a.status = 500;
  b.status = 500;
  await calls(transport, 40);
  expect(events.some(([, { kind }]) => kind === 'ejected')).toBe(true);
});

test('what stands before paths is that of the endpoint that was picked', async () => {
  const server = await serve({
    listen: { host: '127.0.0.1', port: 0 },
    clock: realClock(),
    onRequest: (request) => request.answer(200, {}, request.head.target),
    refusal: ({ code }) => ({ status: 400, fields: {}, body: code }),
  });
  onTestFinished(() => server.close({ graceMs: 0 }));
  const [a] = (await instances('a')) as [Instance];
  const endpoints = [{ origin: `${server.url}/base/` }, a.endpoint];
  const { transport } = transportTo(() => endpoints);
  expect(await calls(transport, 40)).toEqual(new Set(['200 /base/x', '200 a /x']));
  const single = transportTo(() => endpoints[0]);
  expect(await call(single.transport)).toBe('200 /base/x');
});

test('lines tell people what they should know, and nothing else', () => {
  const { logs, log } = recordingTelemetry({ clock: virtualClock() });
  const why = { kind: 'consecutive-5xx', count: 5, threshold: 5 } as const;
  const events: ClusterEvent[] = [
    { kind: 'updated', added: ['http://a:80'], removed: [] },
    { kind: 'ejected', address: 'http://a:80', untilMs: 1_700_000_030_000, times: 1, why },
    { kind: 'spared', address: 'http://b:80', why, ejected: 1, mayBeEjected: 1 },
    { kind: 'returned', address: 'http://a:80', because: 'time' },
    { kind: 'panic', isPanicking: true, healthy: 1, endpoints: 4 },
    { kind: 'panic', isPanicking: false, healthy: 2, endpoints: 4 },
  ];
  for (const event of events) endpointLine(log, 'orders', event);
  expect(logs.map(({ level, msg }) => `${level} ${msg}`)).toEqual([
    'warn orders: http://a:80 is left out until 2023-11-14T22:13:50.000Z, because it fails',
    'info orders: http://a:80 is asked again',
    'warn orders: so few endpoints are well that all are asked',
    'info orders: enough endpoints are well again',
  ]);
});
