import { expect, test } from 'vitest';
import { openEdge } from '../../fixtures/edge.ts';

test('a service that keeps failing is left alone: 503 at once, with when to come back, and nothing of what was measured', async () => {
  let asked = 0;
  await using edge = await openEdge({
    policies: { orders: { breaker: { window: 4, openFor: '5s', openJitter: '0%', probes: 1 }, retry: {} } },
    handler: (_request, response) => {
      asked += 1;
      response.writeHead(asked > 4 ? 200 : 500).end('{}');
    },
  });
  const token = await edge.token();
  for (let request = 0; request < 4; request++) expect((await edge.ask('GET', '/orders', { token })).status).toBe(500);
  const refused = await edge.ask('GET', '/orders', { token });
  expect(refused).toMatchObject({ status: 503, json: { code: 'OVERLOADED', processed: 'no' } });
  expect(Number(refused.headers['retry-after'])).toBe(5);
  expect(refused.text).not.toMatch(/failure|window|measured/);
  expect(asked).toBe(4);
  expect(await edge.telemetry.metrics.exposition()).toMatch(
    /fairlead_policy_rejections_total\{[^}]*cause="open"[^}]*\} 1/,
  );

  await edge.clock.advance(5_000);
  expect((await edge.ask('GET', '/orders', { token })).status).toBe(200);
  expect((await edge.ask('GET', '/orders', { token })).status).toBe(200);
});

test('a slot is held until the answer has been passed on', async () => {
  const held: { end(text: string): void }[] = [];
  const { promise: first, resolve: begun } = Promise.withResolvers<void>();
  await using edge = await openEdge({
    policies: { '*': { concurrency: { limit: 1, queue: 0 } } },
    handler: (_request, response) => {
      response.writeHead(200);
      response.write('half');
      held.push(response);
      begun();
    },
  });
  const token = await edge.token();
  const slow = edge.ask('GET', '/orders', { token });
  await first;
  expect(await edge.ask('GET', '/orders', { token })).toMatchObject({ status: 503, json: { code: 'OVERLOADED' } });
  held[0]?.end(' and half');
  expect(await slow).toMatchObject({ status: 200, text: 'half and half' });
});

test("a request that takes longer than its policy's total is a timeout of the service", async () => {
  const { promise: reached, resolve: reach } = Promise.withResolvers<void>();
  await using edge = await openEdge({ policies: { '*': { timeout: { total: '1s' } } }, handler: () => reach() });
  const answer = edge.ask('GET', '/orders', { token: await edge.token() });
  await reached;
  await edge.clock.advance(1_000);
  expect(await answer).toMatchObject({ status: 504, json: { code: 'UPSTREAM_TIMEOUT', processed: 'maybe' } });
});

test('a policy that can not be used stops the gateway from starting, with its place', async () => {
  const policies = { orders: { breaker: { failureRatio: '0%' } } } as const;
  await expect(openEdge({ policies })).rejects.toMatchObject({
    code: 'MISCONFIGURED',
    message: expect.stringContaining('gateway: policies.orders: breaker.failureRatio'),
  });
  const shared = { orders: { rateLimit: { rate: '10/s', shared: {} } } } as const;
  await expect(openEdge({ policies: shared })).rejects.toMatchObject({
    code: 'MISCONFIGURED',
    message: expect.stringContaining('gateway: policies.orders: rateLimit.shared: a gateway has no store'),
  });
});
