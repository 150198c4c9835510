import { expect, test } from 'vitest';
import { createMetrics } from './create-metrics.ts';

const metrics = () => createMetrics({ service: 'orders', processMetrics: false });
const linesOf = async (from: { exposition(): Promise<string> }, start: string) =>
  (await from.exposition()).split('\n').filter((line) => line.startsWith(start));

test('an operation is counted and timed by outcome, in seconds', async () => {
  const all = metrics();
  const server = all.red({ kind: 'server' });
  server.observe({ labels: { operation: 'placeOrder' }, outcome: 'ok', durationMs: 20 });
  server.observe({ labels: { operation: 'placeOrder' }, outcome: 'ok', durationMs: 30 });
  server.observe({ labels: { operation: 'placeOrder' }, outcome: 'OUT_OF_STOCK', durationMs: 1 });
  const ok = 'service="orders",operation="placeOrder",outcome="ok"';
  expect(await linesOf(all, 'http_server_request_duration_seconds')).toEqual(
    expect.arrayContaining([
      `http_server_request_duration_seconds_bucket{le="0.025",${ok}} 1`,
      `http_server_request_duration_seconds_sum{${ok}} 0.05`,
      `http_server_request_duration_seconds_count{${ok}} 2`,
      `http_server_request_duration_seconds_count{service="orders",operation="placeOrder",outcome="OUT_OF_STOCK"} 1`,
    ]),
  );
});

test('clients and consumers have names and labels of their own', async () => {
  const all = metrics();
  all
    .red({ kind: 'client' })
    .observe({ labels: { peer: 'catalog', operation: 'price' }, outcome: 'ok', durationMs: 1 });
  all
    .red({ kind: 'consumer' })
    .observe({ labels: { source: 'orders', type: 'order.placed' }, outcome: 'ok', durationMs: 1 });
  expect(await linesOf(all, 'http_client_request_duration_seconds_count{')).toEqual([
    'http_client_request_duration_seconds_count{service="orders",peer="catalog",operation="price",outcome="ok"} 1',
  ]);
  expect(await linesOf(all, 'messaging_process_duration_seconds_count{')).toEqual([
    'messaging_process_duration_seconds_count{service="orders",source="orders",type="order.placed",outcome="ok"} 1',
  ]);
});

test('what is counted under a series is seen at once, however many there are', async () => {
  const all = metrics();
  const server = all.red({ kind: 'server' });
  const series = Array.from({ length: 50 }, (_, at) => server.series({ operation: `o${at}` }, 'ok'));
  for (let turn = 0; turn < 7; turn += 1) for (const [at, each] of series.entries()) server.count(each, at);
  server.count(series[49]!, -1);
  const ofLast = 'service="orders",operation="o49",outcome="ok"';
  expect(await linesOf(all, 'http_server_request_duration_seconds')).toEqual(
    expect.arrayContaining([
      'http_server_request_duration_seconds_count{service="orders",operation="o0",outcome="ok"} 7',
      `http_server_request_duration_seconds_bucket{le="0.001",${ofLast}} 1`,
      `http_server_request_duration_seconds_bucket{le="0.05",${ofLast}} 8`,
      `http_server_request_duration_seconds_sum{${ofLast}} 0.343`,
      `http_server_request_duration_seconds_count{${ofLast}} 8`,
    ]),
  );
});

test('asking again gives the same metric; other labels or another type are refused', () => {
  const all = metrics();
  expect(all.red({ kind: 'server' })).toBe(all.red({ kind: 'server', labels: ['operation'] }));
  expect(() => all.red({ kind: 'server', labels: ['route'] })).toThrow('use the same labels everywhere');
  const sent = all.counter({ name: 'sent_total', help: 'Sent.' });
  expect(all.counter({ name: 'sent_total', help: 'Sent.' })).toBe(sent);
  expect(() => all.gauge({ name: 'sent_total', help: 'Sent.' })).toThrow('choose another name');
});

test('what a caller makes up can not fill the memory', async () => {
  const all = metrics();
  const server = all.red({ kind: 'server' });
  for (let i = 0; i < 2100; i++) server.observe({ labels: { operation: `o${i}` }, outcome: 'ok', durationMs: 1 });
  server.observe({ labels: { operation: 'o7' }, outcome: 'ok', durationMs: 1 });
  const counts = await linesOf(all, 'http_server_request_duration_seconds_count{');
  expect(counts).toHaveLength(2001);
  expect(counts.find((line) => line.includes('operation="_other"'))).toMatch(/outcome="_other"} 100$/);
  expect(counts.find((line) => line.includes('operation="o7"'))).toMatch(/ 2$/);
});

test('two services in one process do not share metrics', async () => {
  const [one, two] = [metrics(), metrics()];
  one.counter({ name: 'sent_total', help: 'Sent.' }).inc();
  one.gauge({ name: 'open', help: 'Open.' }).set(3);
  one.histogram({ name: 'size_bytes', help: 'Size.', buckets: [10] }).observe(4);
  expect(await linesOf(two, 'sent_total')).toEqual([]);
  expect(await linesOf(one, 'open')).toEqual(['open{service="orders"} 3']);
  expect(await linesOf(one, 'size_bytes_count')).toEqual(['size_bytes_count{service="orders"} 1']);
  expect(one.contentType).toContain('text/plain');
});

test('a process can tell about itself', async () => {
  const all = createMetrics({ service: 'orders', processMetrics: true });
  expect(await linesOf(all, 'process_resident_memory_bytes')).toHaveLength(1);
});
