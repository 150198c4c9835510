import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { expect, test } from 'vitest';
import { openEdge, textOf } from '../../fixtures/edge.ts';

/** A promise and its resolve, for what a test waits to see. */
function seen<T = void>() {
  return Promise.withResolvers<T>();
}

async function answerOf(outgoing: ReturnType<Awaited<ReturnType<typeof openEdge>>['open']>): Promise<IncomingMessage> {
  const [message] = await once(outgoing, 'response');
  return message as IncomingMessage;
}

test('a body of 8 MiB goes through both ways unchanged, when the route takes it', async () => {
  await using edge = await openEdge({
    routes: [{ path: '/orders', service: 'orders', maxBodyBytes: 16 * 1024 * 1024 }],
    handler: (request, response) => void request.pipe(response),
  });
  const body = Buffer.alloc(8 * 1024 * 1024, 'fairlead ');
  for (const headers of [{}, { 'transfer-encoding': 'chunked' }]) {
    const answer = await edge.ask('POST', '/orders', { token: await edge.token(), body, headers });
    expect(answer.status).toBe(200);
    expect(Buffer.from(answer.text).equals(body)).toBe(true);
  }
});

test('a body that is announced too large is refused unread, and the caller sees the answer', async () => {
  await using edge = await openEdge();
  const answer = await edge.ask('POST', '/orders', { token: await edge.token(), body: Buffer.alloc(1024 * 1024 + 1) });
  expect(answer).toMatchObject({ status: 413, json: { code: 'BODY_TOO_LARGE', maxBodyBytes: 1024 * 1024 } });
  expect(edge.seen).toEqual([]);
  expect(
    (await edge.ask('POST', '/orders', { token: await edge.token(), body: Buffer.alloc(1024 * 1024) })).status,
  ).toBe(200);
});

test('a chunked body that turns out too large is refused, and the service never sees its end', async () => {
  const broken = seen<boolean>();
  await using edge = await openEdge({
    handler: (request) => {
      request.on('error', () => undefined);
      request.on('close', () => broken.resolve(request.complete));
      request.resume();
    },
  });
  const headers = { 'transfer-encoding': 'chunked' };
  const answer = await edge.ask('POST', '/orders', {
    token: await edge.token(),
    headers,
    body: Buffer.alloc(1024 * 1024 + 1),
  });
  expect(answer).toMatchObject({ status: 413, json: { code: 'BODY_TOO_LARGE' } });
  expect(await broken.promise).toBe(false);
});

test('a route that takes no body refuses any', async () => {
  await using edge = await openEdge({ routes: [{ path: '/orders', service: 'orders', maxBodyBytes: 0 }] });
  const token = await edge.token();
  expect((await edge.ask('POST', '/orders', { token, body: 'x' })).status).toBe(413);
  expect(
    (await edge.ask('POST', '/orders', { token, body: 'x', headers: { 'transfer-encoding': 'chunked' } })).status,
  ).toBe(413);
  expect((await edge.ask('POST', '/orders', { token })).status).toBe(200);
});

test('who asks first is told to go on only when the service wants the body', async () => {
  await using edge = await openEdge();
  const outgoing = edge.open('POST', '/orders', {
    token: await edge.token(),
    headers: { expect: '100-continue', 'content-length': '5' },
  });
  outgoing.flushHeaders();
  await once(outgoing, 'continue');
  expect(edge.seen).toEqual([]);
  outgoing.end('hello');
  expect((await answerOf(outgoing)).statusCode).toBe(200);
  expect(edge.seen[0]?.body).toBe('hello');

  const refused = edge.open('POST', '/orders', { headers: { expect: '100-continue', 'content-length': '5' } });
  let continued = false;
  refused.on('continue', () => (continued = true));
  refused.flushHeaders();
  const answer = await answerOf(refused);
  expect([answer.statusCode, continued]).toEqual([401, false]);
  refused.destroy();

  const other = await edge.ask('GET', '/orders', { headers: { expect: 'tea' } });
  expect(other).toMatchObject({ status: 417, json: { code: 'EXPECTATION_FAILED' } });
});

test('an answer streams: its beginning arrives before its end is written', async () => {
  const arrived = seen();
  await using edge = await openEdge({
    handler: (_request, response) => {
      response.write('first');
      void arrived.promise.then(() => response.end(' last'));
    },
  });
  const outgoing = edge.open('GET', '/orders', { token: await edge.token() }).end();
  const answer = await answerOf(outgoing);
  const [first] = await once(answer, 'data');
  expect(String(first)).toBe('first');
  arrived.resolve();
  expect(await textOf(answer)).toBe(' last');
});

test('a caller that does not read holds the service back instead of filling the memory', async () => {
  const total = 64 * 1024 * 1024;
  let written = 0;
  const stalled = seen();
  await using edge = await openEdge({
    handler: (_request, response) => {
      const chunk = Buffer.alloc(256 * 1024);
      const more = (): void => {
        while (written < total) {
          written += chunk.length;
          if (!response.write(chunk)) {
            stalled.resolve();
            response.once('drain', more);
            return;
          }
        }
        response.end();
      };
      more();
    },
  });
  const outgoing = edge.open('GET', '/orders', { token: await edge.token() }).end();
  const answer = await answerOf(outgoing);
  answer.pause();
  await stalled.promise;
  // Writing has stopped when a good many turns bring nothing more.
  let before = -1;
  while (before !== written) {
    before = written;
    for (let turn = 0; turn < 200; turn++) await new Promise((resolve) => setImmediate(resolve));
  }
  expect(written).toBeLessThan(total / 2);
  let received = 0;
  for await (const chunk of answer) received += (chunk as Buffer).length;
  expect(received).toBe(total);
});

test('a service that does not read holds the caller back', async () => {
  const total = 64 * 1024 * 1024;
  const arrived = seen<IncomingMessage>();
  await using edge = await openEdge({
    routes: [{ path: '/orders', service: 'orders', maxBodyBytes: total }],
    handler: (request, response) => {
      request.on('end', () => response.end('done'));
      arrived.resolve(request);
    },
  });
  const outgoing = edge.open('POST', '/orders', { token: await edge.token() });
  const answered = answerOf(outgoing);
  let written = 0;
  const more = (): void => {
    while (written < total) {
      written += 256 * 1024;
      if (!outgoing.write(Buffer.alloc(256 * 1024))) return void outgoing.once('drain', more);
    }
    outgoing.end();
  };
  more();
  const request = await arrived.promise;
  let before = -1;
  while (before !== written) {
    before = written;
    for (let turn = 0; turn < 200; turn++) await new Promise((resolve) => setImmediate(resolve));
  }
  expect(written).toBeLessThan(total / 2);
  request.resume();
  expect((await answered).statusCode).toBe(200);
});
