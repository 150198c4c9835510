import { seededRandom, virtualClock } from '@fairlead/core';
import { Fields } from '@fairlead/net';
import { expect, test } from 'vitest';
import { fakeRedis } from './redis.fixture.ts';
import { RedisStore } from './redis-store.ts';
import { bodyOf, recordOfTest } from './stores.fixture.ts';

const START = Date.UTC(2030, 0, 1);
const NONE = new Fields([]);

function stores(count: number, startMs = START) {
  const clock = virtualClock({ startMs });
  const redis = fakeRedis();
  const errors: unknown[] = [];
  const made = Array.from({ length: count }, (_, index) => {
    return new RedisStore({
      client: redis.client,
      clock,
      random: seededRandom(index),
      prefix: 'c:',
      maxObjectBytes: 1_000,
      maxWaitingBytes: 2_000,
      failed: (error) => errors.push(error),
    });
  });
  return { clock, redis, errors, stores: made };
}

async function stored(store: RedisStore, resource: string, body: string, more = {}) {
  const spool = store.begin(recordOfTest(resource, more), body.length);
  spool?.append(Buffer.from(body));
  await spool?.commit();
  // What is written is not waited for.
  for (let turn = 0; turn < 50; turn += 1) await Promise.resolve();
}

test('what one process stores another one gives, by its variant and as old as it is', async () => {
  const { clock, stores: both } = stores(2);
  const [one, two] = both;
  await stored(one!, '/a', 'de', { selecting: [['accept-language', 'de']], initialAgeMs: 1_000 });
  await stored(one!, '/a', 'en', { selecting: [['accept-language', 'en']] });
  await clock.advance(5_000);
  const [entry] = await two!.find('/a', 'shop', new Fields(['accept-language', 'de']));
  expect(await bodyOf(entry)).toBe('de');
  expect(entry?.ageMs(clock.monotonic())).toBe(6_000);
  expect(await two!.find('/a', 'shop', new Fields(['accept-language', 'fr']))).toEqual([]);
  expect(await two!.find('/a', 'other', new Fields(['accept-language', 'de']))).toEqual([]);
});

test('a head whose body has gone is nothing, nor is one from a clock ahead of ours fresh', async () => {
  const { redis, clock, stores: both } = stores(1);
  await stored(both[0]!, '/a', 'x', { cameAtMs: START + 60_000 });
  const [ahead] = await both[0]!.find('/a', 'shop', NONE);
  expect(ahead?.ageMs(clock.monotonic())).toBe(Infinity);
  for (const key of redis.keys()) if (key.startsWith('c:b:')) await redis.client.del(key);
  expect(await both[0]!.find('/a', 'shop', NONE)).toEqual([]);
});

test('is purged by group, by URL and as a whole, and leaves nothing that doesn’t go by itself', async () => {
  const { redis, stores: both } = stores(2);
  const [one, two] = both;
  for (const [url, tag] of [
    ['/a', 's'],
    ['/b', 's'],
    ['/c', 't'],
  ] as const)
    await stored(one!, url, url, { tags: [tag] });
  await stored(one!, '/c', 'of another', { partition: 'other' });
  expect(await two!.purge({ kind: 'tag', tag: 's' })).toBe(2);
  expect(await one!.find('/a', 'shop', NONE)).toEqual([]);
  expect(await two!.purge({ kind: 'resource', resource: '/c' })).toBe(2);
  await stored(one!, '/d', 'd');
  expect((await two!.list(10)).map(({ record }) => record.resource)).toEqual(['/d']);
  expect(await two!.purge({ kind: 'all' })).toBe(1);
  expect(redis.keys().filter((key) => !redis.hasEnd(key))).toEqual([]);
});

test('another head takes the place of one that was confirmed', async () => {
  const { stores: both } = stores(2);
  const [one, two] = both;
  await stored(one!, '/a', 'body');
  const [entry] = await one!.find('/a', 'shop', NONE);
  one!.confirm(entry!, entry!.under({ ...entry!.record, lifetimeMs: 5 }, 0));
  for (let turn = 0; turn < 50; turn += 1) await Promise.resolve();
  const [found] = await two!.find('/a', 'shop', NONE);
  expect(found?.record.lifetimeMs).toBe(5);
  expect(await bodyOf(found)).toBe('body');
  one!.remove(found!);
  expect(await bodyOf((await one!.find('/a', 'shop', NONE))[0])).toBe('body');
  two!.remove(found!);
  for (let turn = 0; turn < 50; turn += 1) await Promise.resolve();
  expect(await one!.find('/a', 'shop', NONE)).toEqual([]);
});

test('when Redis fails or says nothing, nothing is there, and nobody asks it for a while', async () => {
  const { redis, clock, errors, stores: both } = stores(1);
  const [store] = both;
  await stored(store!, '/a', 'x');
  redis.fault = new Error('READONLY');
  expect(await store!.find('/a', 'shop', NONE)).toEqual([]);
  await expect(store!.purge({ kind: 'all' })).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  redis.fault = undefined;
  expect(await store!.find('/a', 'shop', NONE)).toEqual([]);
  expect(store!.begin(recordOfTest('/b'), 1)).toBeUndefined();
  await clock.advance(1_000);
  expect(await store!.find('/a', 'shop', NONE)).toHaveLength(1);
  redis.isSilent = true;
  const silent = store!.find('/a', 'shop', NONE);
  await clock.advance(250);
  expect(await silent).toEqual([]);
  expect(errors.map(String)).toEqual([
    'Error: READONLY',
    'Error: READONLY',
    'RangeError: Redis said nothing for 250 ms.',
  ]);
  expect(store!.report().failures).toBe(3);
  expect(clock.pending).toBe(0);
});

test('what is on its way there is bounded', async () => {
  const { stores: both } = stores(1);
  const [store] = both;
  expect(store!.begin(recordOfTest('/a'), 1_001)).toBeUndefined();
  const spools = [store!.begin(recordOfTest('/a'), 1_000), store!.begin(recordOfTest('/b'), 1_000)];
  expect(store!.begin(recordOfTest('/c'), 1)).toBeUndefined();
  spools[0]?.abandon();
  spools[1]?.append(Buffer.alloc(1_000));
  void spools[1]?.commit();
  for (let turn = 0; turn < 50; turn += 1) await Promise.resolve();
  expect(store!.begin(recordOfTest('/c'), 1_000)).toBeDefined();
  expect(store!.begin(recordOfTest('/d'), 1_000)).toBeDefined();
});
