import { createContext, realClock, realRandom, seededRandom, virtualClock } from '@fairlead/core';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, test, type TestContext } from 'vitest';
import { realServer, type RealServer } from '../../../../tools/servers/real-server.ts';
import { redis } from '../../../../tools/servers/redis.ts';
import { Gcra } from '../gcra.ts';
import type { ResolvedRate } from '../rate-limit-options.ts';
import { policy } from '../policy.ts';
import { redisLimits } from './redis-limits.ts';

const ctx = createContext({ clock: realClock(), random: realRandom() });
/** `undefined` where Redis can't be had. */
let server: RealServer | undefined;
const clients: Redis[] = [];

async function connect(context: TestContext): Promise<Redis> {
  if (server === undefined) context.skip();
  const client = new Redis(server.url, { enableOfflineQueue: false, lazyConnect: true, retryStrategy: () => 50 });
  // Losing the connection is part of these tests.
  client.on('error', () => undefined);
  clients.push(client);
  await client.connect();
  return client;
}

/** When it is in Redis, in milliseconds. */
async function timeOf(client: Redis): Promise<number> {
  const [seconds, microseconds] = await client.time();
  return Number(seconds) * 1_000 + Number(microseconds) / 1_000;
}

beforeAll(async () => {
  server = await realServer(redis);
});
afterAll(async () => {
  for (const each of clients) each.disconnect();
  await server?.stop();
});

test('several clients together get no more than burst + rate × time', async (context) => {
  const pool = [await connect(context), await connect(context), await connect(context)];
  const rate: ResolvedRate = { count: 200, perMs: 1_000, burst: 20 };
  const limits = pool.map((client) => redisLimits(client));
  const startMs = await timeOf(pool[0]!);
  let admitted = 0;
  for (let round = 0; round < 60; round++) {
    const verdicts = await Promise.all(limits.map((each) => each.admit(ctx, 'together', rate, 1)));
    admitted += verdicts.filter(({ kind }) => kind === 'admitted').length;
  }
  const elapsedMs = (await timeOf(pool[0]!)) - startMs;
  expect(admitted).toBeGreaterThanOrEqual(20);
  expect(admitted).toBeLessThanOrEqual(20 + (elapsedMs * 200) / 1_000 + 1e-5);
});

test('decides what a limit of one process decides', async (context) => {
  const client = await connect(context);
  const limits = redisLimits(client);
  // So slow that what leaks during the test is far below what any cost differs by.
  const rate: ResolvedRate = { count: 1, perMs: 24 * 3_600_000, burst: 10 };
  const random = seededRandom('costs');
  for (let run = 0; run < 20; run++) {
    const local = new Gcra(rate);
    for (let step = 0; step < 12; step++) {
      const cost = Math.ceil(random.next() * 24) / 2;
      const verdict = await limits.admit(ctx, `same-${run}`, rate, cost);
      const afterMs = local.admitAfterMs(0, cost);
      expect(verdict.kind, `run ${run}, step ${step}, cost ${cost}`).toBe(afterMs === 0 ? 'admitted' : 'refused');
      expect(verdict.available).toBeCloseTo(local.inspect(0).available, 1);
      if (verdict.kind === 'refused' && afterMs !== Infinity) {
        expect(verdict.retryAfterMs / rate.perMs).toBeCloseTo(afterMs / rate.perMs, 2);
      } else if (verdict.kind === 'refused') expect(verdict.retryAfterMs).toBe(Infinity);
    }
  }
});

test('a key goes by itself when its debt has leaked, and one that only refuses is not kept longer', async (context) => {
  const client = await connect(context);
  const limits = redisLimits(client, { prefix: 'ttl:' });
  const rate: ResolvedRate = { count: 1, perMs: 60_000, burst: 3 };
  await limits.admit(ctx, 'k', rate, 2);
  const leftMs = await client.pttl('ttl:k');
  expect(leftMs).toBeGreaterThan(0);
  expect(leftMs).toBeLessThanOrEqual(120_001);
  await limits.admit(ctx, 'k', rate, 2);
  expect(await client.pttl('ttl:k')).toBeLessThanOrEqual(leftMs);
  expect(await limits.admit(ctx, 'never', rate, 4)).toMatchObject({ kind: 'refused', retryAfterMs: Infinity });
  expect(await client.exists('ttl:never')).toBe(0);
});

test('a server that has forgotten its scripts goes on deciding', async (context) => {
  const client = await connect(context);
  const limits = redisLimits(client);
  const rate: ResolvedRate = { count: 1, perMs: 3_600_000, burst: 2 };
  expect(await limits.admit(ctx, 'forgotten', rate, 1)).toMatchObject({ kind: 'admitted' });
  await client.script('FLUSH');
  expect(await limits.admit(ctx, 'forgotten', rate, 1)).toMatchObject({ kind: 'admitted' });
  expect(await limits.admit(ctx, 'forgotten', rate, 1)).toMatchObject({ kind: 'refused' });
});

test('what is kept under a key by somebody else is a failure, not a refusal', async (context) => {
  const client = await connect(context);
  await client.hset('fairlead:limit:other', 'a', '1');
  const rate: ResolvedRate = { count: 1, perMs: 1_000, burst: 1 };
  await expect(redisLimits(client).admit(ctx, 'other', rate, 1)).rejects.toThrow('WRONGTYPE');
});

test('while Redis is down nobody is told that a limit was reached, and afterwards it counts again', async (context) => {
  const client = await connect(context);
  // Time stands still for the policies, so that only Redis decides when it answers.
  const clock = virtualClock();
  const random = seededRandom('down');
  const limits = redisLimits(client);
  const of = (name: string, onFailure: 'open' | 'closed' | 'local') =>
    policy(
      name,
      { rateLimit: { rate: '2/h', shared: { onFailure, timeout: '5s', pause: '0ms' } } },
      { clock, random, limits },
    );
  const [open, closed, local] = [of('open', 'open'), of('closed', 'closed'), of('local', 'local')];
  const call = (guarded: ReturnType<typeof of>) =>
    guarded
      .attempt(createContext({ clock, random }), () => 'done')
      .then((it) => (it.kind === 'rejected' ? it.rejection.cause : it.kind));
  const thrice = async (guarded: ReturnType<typeof of>) => [
    await call(guarded),
    await call(guarded),
    await call(guarded),
  ];
  expect(await thrice(closed)).toEqual(['ok', 'ok', 'rate-limited']);

  await server?.stop();
  await expect.poll(() => client.status, { timeout: 30_000 }).not.toBe('ready');
  expect(await thrice(closed)).toEqual(['limit-unknown', 'limit-unknown', 'limit-unknown']);
  expect(await thrice(open)).toEqual(['ok', 'ok', 'ok']);
  expect(await thrice(local)).toEqual(['ok', 'ok', 'rate-limited']);

  server = await realServer(redis);
  const again = redisLimits(await connect(context));
  const guarded = policy(
    'again',
    { rateLimit: { rate: '2/h', shared: { onFailure: 'closed' } } },
    { clock, random, limits: again },
  );
  expect(await thrice(guarded)).toEqual(['ok', 'ok', 'rate-limited']);
  expect(clock.pending).toBe(0);
});
