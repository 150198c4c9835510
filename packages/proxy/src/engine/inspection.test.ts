import { expect, test } from 'vitest';
import { answering, get, OK, running, upstream, written } from './engine.fixture.ts';
import { quantile } from './duration-buckets.ts';

test('routes tell what happened to their requests on the clock, and another snapshot changes nothing of it', async () => {
  const slow = await upstream();
  const clusters = { slow: { endpoints: [slow.origin] } };
  const routes = [{ name: 'orders', match: { path: '/orders' }, to: 'slow', timeout: '2s' }];
  const { engine, clock, client } = await running({ clusters, routes });
  const wire = client();
  for (const [at, pauseMs] of [100, 200, 1_900].entries()) {
    wire.clear().send(get('/orders'));
    const socket = await slow.socket(0);
    await socket.got('GET /orders');
    await clock.advance(pauseMs);
    socket.clear().send(OK);
    await wire.got('200 OK');
    expect(at).toBeLessThan(3);
  }
  wire.clear().send(get('/orders'));
  await (await slow.socket(0)).got('GET /orders');
  await clock.advance(2_000);
  await wire.got('UPSTREAM_TIMEOUT');
  wire.clear().send(get('/else'));
  await wire.got('NO_ROUTE');

  const told = () => new Map(engine.inspection.routes().map(({ name, lately }) => [name, lately]));
  const orders = told().get('orders');
  expect(orders).toMatchObject({
    requests: 4,
    failed: 1,
    refused: 0,
    causes: { UPSTREAM_TIMEOUT: 1 },
    windowMs: 4_200,
  });
  expect(quantile(orders?.durations ?? [], 0.5)).toBeGreaterThan(175);
  expect(quantile(orders?.durations ?? [], 0.5)).toBeLessThan(225);
  const garbage = client().send('GET / HTTP/1.1\r\nHost : shop.test\r\n\r\n');
  await garbage.got('400');
  expect(told().get('')).toMatchObject({ requests: 2, refused: 2, causes: { NO_ROUTE: 1, BAD_REQUEST: 1 } });

  await engine.swap(written({ clusters, routes: [...routes, { name: 'more', match: { path: '/more' }, to: 'slow' }] }));
  expect(told().get('orders')?.requests).toBe(4);
  expect([...told().keys()]).toEqual(['orders', 'more', '']);
  await engine.swap(written({ clusters, routes: [{ name: 'more', match: { path: '/more' }, to: 'slow' }] }));
  await engine.swap(written({ clusters, routes }));
  expect(told().get('orders')).toBeUndefined();
});

test('listeners, consumers, policies and limits tell how they are', async () => {
  const origin = await answering(OK);
  const { engine, clock, client } = await running({
    clusters: { origin: { endpoints: [origin.origin], policy: { retry: { attempts: 2 } } } },
    filters: [
      { type: 'rate-limit', by: 'ip', rates: ['4/m'] },
      { type: 'rate-limit', by: { header: 'x-session' }, rates: ['2/m'], name: 'sessions' },
    ],
  });
  const wire = client();
  for (let at = 0; at < 3; at += 1) {
    wire.clear().send(get('/', 'X-Session: very-secret'));
    await wire.got(/ok$|RATE_LIMITED/);
  }
  const { inspection } = engine;
  expect(inspection.listeners()).toMatchObject([{ name: 'web', connections: 1, certificates: [] }]);
  expect(inspection.policies()).toMatchObject([{ policy: 'origin' }]);
  expect(inspection.consumers(10)).toMatchObject({
    consumers: [{ kind: 'nobody', requests: 3, refused: { RATE_LIMITED: 1 }, lastAtMs: clock.now() }],
  });
  const limits = inspection.limits({ share: 0.5, most: 5 });
  expect(limits).toMatchObject([
    {
      name: 'all',
      by: 'ip',
      keys: 1,
      admitted: 3,
      rates: [{ rate: '4/m', near: [{ key: '127.0.0.1', available: 1 }] }],
    },
    { name: 'sessions', by: 'header x-session', refused: 1, rates: [{ near: [{ used: 1 }] }] },
  ]);
  expect(limits[1]?.rates[0]?.near[0]?.key).toMatch(/^sha256:[0-9a-f]{12}$/);
  expect(JSON.stringify(limits)).not.toContain('very-secret');
});

test('how long an endpoint takes is in the metrics', async () => {
  const origin = await upstream();
  const { clock, telemetry, client } = await running({ clusters: { orders: { endpoints: [origin.origin] } } });
  const wire = client();
  for (const tookMs of [250, 500]) {
    wire.clear().send(get('/'));
    const behind = await origin.socket(0);
    await behind.got('\r\n\r\n');
    await clock.advance(tookMs);
    behind.clear().send(OK);
    await wire.got(/ok$/);
  }
  const text = (await telemetry.metrics.exposition()).replaceAll(',service="test"', '');
  const labels = `{cluster="orders",endpoint="${origin.origin}"}`;
  expect(text).toContain(`fairlead_endpoint_requests_total${labels} 2`);
  expect(text).toContain(`fairlead_endpoint_request_seconds_total${labels} 0.75`);
});

test('clusters are in the metrics, and what happens to them in the log', async () => {
  const origin = await answering(OK);
  const gone = await answering(OK);
  const { engine, clock, telemetry, client } = await running({
    clusters: {
      orders: { balancer: 'round-robin', endpoints: [origin.origin, gone.origin, 'http://127.0.0.1:9'] },
      nobody: { endpoints: [] },
    },
    routes: [
      { name: 'orders', match: { path: '/orders' }, to: 'orders' },
      { name: 'nobody', match: { path: '/nobody' }, to: 'nobody' },
    ],
  });
  const wire = client();
  const ask = async (path: string) => {
    wire.clear().send(get(path));
    await wire.got(/ok$|"code"/);
  };
  for (let at = 0; at < 6; at += 1) await ask('/orders');
  await ask('/nobody');
  const cluster = engine.cluster('orders');
  expect(cluster?.eject(gone.origin, { forMs: 60_000 })).toBe('ejected');
  const metrics = async () => (await telemetry.metrics.exposition()).replaceAll(',service="test"', '');
  const text = await metrics();
  for (const line of [
    'fairlead_cluster_endpoints{cluster="orders",state="serving"} 2',
    'fairlead_cluster_endpoints{cluster="orders",state="ejected"} 1',
    'fairlead_cluster_ejections_total{cluster="orders",reason="operator"} 1',
    'fairlead_cluster_refusals_total{cluster="nobody",reason="no-endpoints"} 1',
    'fairlead_cluster_connect_failures_total{cluster="orders"} 2',
    'fairlead_cluster_connections_active{cluster="orders"} 2',
    'fairlead_cluster_requests_active{cluster="orders"} 0',
    'fairlead_cluster_panic{cluster="orders"} 0',
    `fairlead_endpoint_healthy{cluster="orders",endpoint="${gone.origin}"} 0`,
    `fairlead_endpoint_requests_total{cluster="orders",endpoint="${origin.origin}"} 2`,
    'fairlead_endpoint_failures_total{cluster="orders",endpoint="http://127.0.0.1:9"} 2',
  ]) {
    expect(text).toContain(line);
  }
  // Told again, nothing is counted twice.
  expect(await metrics()).toContain('fairlead_cluster_refusals_total{cluster="nobody",reason="no-endpoints"} 1');
  expect(telemetry.logs.some(({ msg }) => msg === 'cluster orders: an endpoint is left out')).toBe(true);
  await clock.advance(60_000);
  expect(engine.inspection.incidents().map(({ event }) => event.kind)).toEqual(['ejected', 'returned']);

  // An endpoint that is not there any more has no series.
  await engine.swap(
    written({
      clusters: { orders: { balancer: 'round-robin', endpoints: [origin.origin] } },
      routes: [{ name: 'orders', match: { path: '/orders' }, to: 'orders' }],
    }),
  );
  const after = await metrics();
  expect(after).not.toContain(gone.origin);
  expect(after).toContain(`fairlead_endpoint_requests_total{cluster="orders",endpoint="${origin.origin}"} 2`);
});
