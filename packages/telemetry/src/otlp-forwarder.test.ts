import { createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { realClock, realRandom } from '@fairlead/core';
import { expect, test } from 'vitest';
import { otlpForwarder, type ForwardingChange } from './otlp-forwarder.ts';
import { otlpTarget } from './otlp-target.ts';

/** A collector that answers with `statuses` in turn, the last for ever. */
async function collector(statuses: number[]) {
  const received: { path: string | undefined; authorization: string | undefined; body: unknown }[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { authorization } = request.headers;
      received.push({ path: request.url, authorization, body: JSON.parse(Buffer.concat(chunks).toString()) });
      response.writeHead(statuses.length > 1 ? (statuses.shift() ?? 200) : (statuses[0] ?? 200)).end();
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { url, received, [Symbol.asyncDispose]: async () => void server.close() };
}

test('what is forwarded arrives unread, with the headers of the collector, also after it failed', async () => {
  await using peer = await collector([503, 200]);
  const changes: string[] = [];
  const onChange = (change: ForwardingChange) => void changes.push(change.kind);
  const target = otlpTarget({
    OTEL_EXPORTER_OTLP_ENDPOINT: peer.url,
    OTEL_EXPORTER_OTLP_HEADERS: 'authorization=Bearer%20abc',
  });
  if (target === undefined) throw new Error('there is an endpoint');
  const forwarder = otlpForwarder({ ...target, clock: realClock(), random: realRandom(), onChange });
  forwarder.forward([{ resource: { anything: 1 } }, { resource: { anything: 2 } }]);
  await expect.poll(() => peer.received.length, { timeout: 10_000 }).toBe(2);
  await forwarder.close();
  expect(peer.received[1]).toEqual({
    path: '/v1/traces',
    authorization: 'Bearer abc',
    body: { resourceSpans: [{ resource: { anything: 1 } }, { resource: { anything: 2 } }] },
  });
  expect(changes).toEqual(['failing', 'recovered']);
});

test('what a collector refuses is dropped and told', async () => {
  await using peer = await collector([400]);
  const changes: ForwardingChange[] = [];
  const forwarder = otlpForwarder({
    url: peer.url,
    clock: realClock(),
    random: realRandom(),
    onChange: (change) => void changes.push(change),
  });
  forwarder.forward([{}]);
  await forwarder.close();
  expect(changes.map((change) => change.kind)).toEqual(['failing', 'dropped']);
});

test('the endpoint for traces wins over the general one, and an empty one is none', () => {
  const general = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://a:4318' };
  expect(otlpTarget({ ...general, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://b:4318' })?.url).toBe('http://b:4318');
  expect(otlpTarget(general)?.url).toBe('http://a:4318');
  expect(otlpTarget({ OTEL_EXPORTER_OTLP_ENDPOINT: '' })).toBeUndefined();
  expect(otlpTarget({})).toBeUndefined();
});
