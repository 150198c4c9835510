import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, test, type TestContext } from 'vitest';
import { realServer, type RealServer } from '../../../../../tools/servers/real-server.ts';
import { redis } from '../../../../../tools/servers/redis.ts';
import { get, running } from '../../engine/engine.fixture.ts';
import { answer, ask, origin } from './origin.fixture.ts';

/** As long as a machine that has much to do may take. */
const SOON = { timeout: 20_000 };

/** `undefined` where Redis can't be had. */
let stored: RealServer | undefined;
const clients: Redis[] = [];

async function connect(context: TestContext): Promise<Redis> {
  if (stored === undefined) context.skip();
  const client = new Redis(stored.url, { enableOfflineQueue: false, lazyConnect: true, retryStrategy: () => 50 });
  // Losing the connection is part of these tests.
  client.on('error', () => undefined);
  clients.push(client);
  await client.connect();
  return client;
}

beforeAll(async () => {
  stored = await realServer(redis);
});
afterAll(async () => {
  for (const each of clients) each.disconnect();
  await stored?.stop();
});

test('two gateways share what is stored, purge it for each other, and answer while Redis is down', async (context) => {
  let count = 0;
  const body = Buffer.from(Array.from({ length: 300_000 }, (_, at) => at % 256)).toString('latin1');
  const server = await origin(() =>
    answer(200, ['cache-control: max-age=600', 'cache-tag: all', 'etag: "a"'], `${(count += 1)}${body}`),
  );
  const what = {
    routes: [{ name: 'all', to: 'shop', filters: [{ type: 'cache', zone: 'pages', store: { redis: true } }] }],
    clusters: { shop: { endpoints: [server.origin] } },
  };
  const one = await running(what, { isReal: true, sharedCache: await connect(context) });
  const two = await running(what, { isReal: true, sharedCache: await connect(context) });
  const first = await ask(one.client(), get('/a'));
  expect(first.body).toBe(`1${body}`);
  // Nobody waits for what is written.
  await expect.poll(async () => (await two.engine.caches[0]!.entries(10)).length, SOON).toBe(1);
  const second = await ask(two.client(), get('/a'));
  expect(second.body).toBe(`1${body}`);
  expect(second.fields.get('cache-status')).toMatch(/^fairlead; hit; ttl=\d+$/);
  expect((await ask(two.client(), get('/a', 'if-none-match: "a"'))).status).toBe(304);
  expect((await ask(two.client(), get('/a', 'range: bytes=1-3'))).body).toBe(body.slice(0, 3));
  expect(await one.engine.caches[0]!.purge({ kind: 'tag', tag: 'all' })).toBe(1);
  expect((await ask(two.client(), get('/a'))).body).toBe(`2${body}`);
  const left = await clients[0]!.keys('fairlead:cache:pages:*');
  for (const key of left) expect(await clients[0]!.pttl(key)).toBeGreaterThan(0);

  await stored?.stop();
  await expect.poll(() => clients[1]!.status, { timeout: 30_000 }).not.toBe('ready');
  const asked = count;
  for (let index = 0; index < 3; index += 1) expect((await ask(two.client(), get('/b'))).status).toBe(200);
  expect(count).toBe(asked + 3);
});
