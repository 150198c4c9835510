import { expect, test } from 'vitest';
import { openEdge } from '../../fixtures/edge.ts';

const STRANGER = '0af7651916cd43dd8448eb211c80319c';
const OF_STRANGER = { traceparent: `00-${STRANGER}-b7ad6b7169203331-01` };

test('the gateway decides for the platform which traces are recorded, whatever strangers say', async () => {
  await using edge = await openEdge({ traces: { keep: { perSecond: 1, burst: 1 } } });
  const token = await edge.token();
  const first = await edge.ask('GET', '/orders', { token });
  const second = await edge.ask('GET', '/orders', { token, headers: OF_STRANGER });
  expect(first.headers['traceparent']).toMatch(/-01$/);
  expect(second.headers['traceparent']).toMatch(new RegExp(`^00-${STRANGER}-[0-9a-f]{16}-00$`));
  // What the service is told is what the gateway has decided.
  expect(edge.seen.map(({ headers }) => String(headers['traceparent']).slice(-2))).toEqual(['01', '00']);
  expect(edge.telemetry.spans.map(({ kind }) => kind)).toEqual(['client', 'server']);
});

test('a failure is recorded although its trace is not, with its cause', async () => {
  await using edge = await openEdge({ traces: { keep: 'nothing' }, withoutService: true, connectPatienceMs: 0 });
  const answer = await edge.ask('GET', '/orders', { token: await edge.token(), headers: OF_STRANGER });
  expect(answer.status).toBe(503);
  await expect.poll(() => edge.telemetry.spans, { timeout: 10_000 }).toHaveLength(1);
  expect(edge.telemetry.spans[0]).toMatchObject({
    traceId: STRANGER,
    kind: 'server',
    status: { kind: 'error' },
    events: [{ name: 'failure' }],
    attributes: {
      'fairlead.sampled': false,
      'http.response.status_code': 503,
      'http.route': '/orders',
      'url.path': '/orders',
      'fairlead.tenant': 'acme',
      'error.type': 'UPSTREAM_UNAVAILABLE',
    },
  });
});

test('lines of a busy route are thinned, those of refusals are not, and metrics count all', async () => {
  await using edge = await openEdge({ accessLines: { firstPerSecond: 2, thenOneOf: 3 } });
  const token = await edge.token();
  for (let at = 0; at < 8; at += 1) await edge.ask('GET', '/orders', { token });
  for (let at = 0; at < 4; at += 1) await edge.ask('GET', '/orders');
  const lines = () => edge.telemetry.logs.filter(({ msg }) => msg === 'request');
  await expect.poll(lines, { timeout: 10_000 }).toHaveLength(4 + 4);
  expect(lines().map(({ status, omitted }) => [status, omitted])).toEqual([
    [200, undefined],
    [200, undefined],
    [200, 2],
    [200, 2],
    ...Array.from({ length: 4 }, () => [401, undefined]),
  ]);
  const metrics = await edge.telemetry.metrics.exposition();
  expect(metrics).toMatch(/_count\{[^}]*operation="GET \/orders",outcome="ok"[^}]*\} 8$/m);
  expect(metrics).toMatch(/access_lines_omitted_total\{[^}]*operation="GET \/orders"[^}]*\} 4$/m);
});
