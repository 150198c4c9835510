// cache-filter.ts      a request's way: journey.ts is what is remembered of it, flight.ts those who wait for it, recording.ts its
//                      body on the way, keep-answer.ts and refresh.ts what is stored of it
// cache.ts             what outlives a configuration; cache-control.ts what operators see and do
// reuse.ts  storability.ts  freshness.ts  directives.ts  vary.ts  conditions.ts  byte-range.ts  http-date.ts  cache-key.ts
//                      RFC 9111's rules, pure; request-facts.ts and stored-answer.ts what they read
// entry.ts             a stored answer, ready to be given
// cache-store.ts       where answers are kept: memory-store.ts, disk-store.ts, redis-store.ts; spool.ts is a body on its way there
import { stableHash } from '@fairlead/core';
import { z } from 'zod';
import type { Filter, FilterFactory, FilterWorld } from '../../engine/filter.ts';
import type { FilterKind } from '../../snapshot/filter-kind.ts';
import { duration, share, size } from '../../snapshot/quantities.ts';
import { CORE_ERRORS, thrower } from '@fairlead/core';
import { Cache } from './cache.ts';
import { CACHE_KEY } from './cache-control.ts';
import { CacheFilter } from './cache-filter.ts';
import type { KeySettings } from './cache-key.ts';
import type { CacheSettings } from './cache-settings.ts';
import type { CacheStore } from './cache-store.ts';
import { DiskStore } from './disk-store.ts';
import { MemoryStore } from './memory-store.ts';
import { RedisStore } from './redis-store.ts';

const DEFAULT_MEMORY_BYTES = 64 * 1024 * 1024;
const DEFAULT_OBJECT_BYTES = 1024 * 1024;
const HEURISTIC_MOST_MS = 24 * 3_600_000;
const MOST_MEMORY_OBJECT = 'may be at most a quarter of the store';

const parameter = z.string().regex(/^[^&=#*]+\*?$/, 'write a parameter of the query, or a beginning of its name and *');
const above0 = size.refine((bytes) => bytes > 0, { message: 'must be more than 0B' });

const schema = z
  .strictObject({
    type: z.literal('cache'),
    zone: z
      .string()
      .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/, 'must be letters, digits, dots, dashes and underscores, at most 63')
      .optional()
      .describe('Routes of one zone share what is stored, and invalidate it for each other. Default the route.'),
    store: z
      .union([
        z.strictObject({ memory: above0 }),
        z.strictObject({
          redis: z.literal(true).describe('The Redis of "--redis", or that a program gives the engine.'),
        }),
        z.strictObject({
          disk: above0,
          folder: z.string().min(1).describe('Of this machine; each process has a folder in it.'),
        }),
      ])
      .optional()
      .describe('Where answers are kept, and how much of them. Default memory of 64MiB.'),
    maxObject: above0.optional().describe('Larger bodies are not stored. Default 1MiB.'),
    per: z
      .enum(['tenant', 'subject'])
      .default('tenant')
      .describe('Who shares answers to requests that say who asks. Default tenant.'),
    identified: z
      .boolean()
      .default(false)
      .describe(
        'Whether answers to requests that say who asks are stored without saying that they may be, for that tenant or subject. Default false.',
      ),
    key: z
      .strictObject({
        host: z.boolean().default(true).describe('Whether scheme and host tell answers apart. Default true.'),
        query: z
          .union([z.boolean(), z.strictObject({ without: z.array(parameter).min(1) })])
          .default(true)
          .describe('Whether the query does, or all of it but some parameters. Default true.'),
      })
      .optional()
      .describe('What tells answers apart, beside the path.'),
    statuses: z
      .array(z.int().min(200).max(599))
      .min(1)
      .optional()
      .describe('Statuses that are stored. Default all that may be.'),
    defaultTtl: duration
      .default(0)
      .describe('How long answers are fresh that say nothing of it. Default 0s: they are not stored.'),
    heuristic: share
      .default(0)
      .describe('How long they are instead, of the time since Last-Modified, at most a day. Default 0%: not at all.'),
    staleWhileRevalidate: duration
      .default(0)
      .describe(
        'How long a stale answer may be given while it is asked for anew, if it does not say so itself. Default 0s.',
      ),
    staleIfError: duration
      .default(0)
      .describe('How long a stale answer may stand in for a failure, if it does not say so itself. Default 0s.'),
    cookies: z
      .boolean()
      .default(false)
      .describe('Whether answers that set cookies are stored, with them. Default false.'),
    requests: z
      .enum(['obey', 'ignore'])
      .default('obey')
      .describe('Whether what requests say in Cache-Control counts. Default obey.'),
    wait: duration
      .default(5_000)
      .describe('How long a request waits for another one that brings the same. Default 5s; 0s: not at all.'),
    name: z
      .string()
      .regex(/^[A-Za-z][A-Za-z0-9._-]{0,62}$/, 'must be a word')
      .default('fairlead')
      .describe('What it calls itself in Cache-Status. Default fairlead.'),
  })
  .superRefine((spec, context) => {
    const bytes = bytesOf(spec.store);
    const isMemory = spec.store === undefined || 'memory' in spec.store;
    if (isMemory && (spec.maxObject ?? 0) > bytes / 4) {
      context.addIssue({ code: 'custom', path: ['maxObject'], message: MOST_MEMORY_OBJECT });
    }
  });

type CacheSpec = z.output<typeof schema>;

const fail = thrower(CORE_ERRORS);

/** Of the store; of what is on its way to Redis. */
function bytesOf(store: CacheSpec['store']): number {
  if (store === undefined || 'redis' in store) return DEFAULT_MEMORY_BYTES;
  return 'memory' in store ? store.memory : store.disk;
}

const make: FilterFactory<CacheSpec> = (spec, world): Filter => {
  const { key = { host: true, query: true } } = spec;
  const keySettings: KeySettings = {
    byHost: key.host,
    query: typeof key.query === 'boolean' ? (key.query ? 'all' : 'none') : key.query,
    per: spec.per,
  };
  const maxObjectBytes = Math.min(spec.maxObject ?? DEFAULT_OBJECT_BYTES, bytesOf(spec.store) / 4);
  const settings: CacheSettings = {
    key: keySettings,
    heuristicShare: spec.heuristic,
    heuristicMostMs: HEURISTIC_MOST_MS,
    defaultMs: spec.defaultTtl,
    statuses: spec.statuses === undefined ? undefined : new Set(spec.statuses),
    withCookies: spec.cookies,
    staleWhileRevalidateMs: spec.staleWhileRevalidate,
    staleIfErrorMs: spec.staleIfError,
    withIdentified: spec.identified,
    obeysRequests: spec.requests === 'obey',
    waitMs: spec.wait,
    name: spec.name,
    maxObjectBytes,
  };
  const zone = spec.zone ?? world.route;
  const place = stableHash({ store: spec.store ?? null, key: keySettings, maxObjectBytes });
  const cache = world.kept(
    `${CACHE_KEY}${zone} ${place}`,
    () => new Cache(zone, storeOf(spec, maxObjectBytes, world, zone), keySettings, world.clock),
  );
  return new CacheFilter(cache, settings, world);
};

function storeOf({ store }: CacheSpec, maxObjectBytes: number, world: FilterWorld, zone: string): CacheStore {
  const { clock, random, telemetry, sharedCache: client } = world;
  const failed = (error: unknown) =>
    telemetry.log.warn(undefined, 'the store of a cache fails; requests go on without it', { zone, error });
  if (store === undefined || 'memory' in store) return new MemoryStore(clock, bytesOf(store), maxObjectBytes);
  if ('disk' in store) {
    const folder = `${store.folder}/${zone}`;
    return new DiskStore({ clock, folder, maxBytes: store.disk, maxObjectBytes, failed });
  }
  if (client === undefined) {
    const help =
      'Run it with "--redis", start the engine from a program that gives it a client (sharedCache), or give the cache memory or a disk.';
    throw fail('MISCONFIGURED', `The cache ${zone} is to be in Redis, and this gateway has none. ${help}`);
  }
  const prefix = `fairlead:cache:${zone}:`;
  return new RedisStore({ client, clock, random, prefix, maxObjectBytes, maxWaitingBytes: bytesOf(store), failed });
}

function placeText(store: CacheSpec['store']): string {
  if (store !== undefined && 'redis' in store) return 'Redis';
  const bytes = `${bytesOf(store)} bytes`;
  return store !== undefined && 'disk' in store ? `${bytes} of ${store.folder}` : `${bytes} of memory`;
}

/** `cache`: answers that are stored and given again. */
export const cacheKind: FilterKind<CacheSpec> = {
  type: 'cache',
  open: [
    'zone',
    'store.memory',
    'store.disk',
    'store.folder',
    'maxObject',
    'per',
    'key.query.without.*',
    'defaultTtl',
    'heuristic',
    'staleWhileRevalidate',
    'staleIfError',
    'requests',
    'wait',
    'name',
  ],
  schema,
  explain: ({ zone, store, maxObject = DEFAULT_OBJECT_BYTES, defaultTtl }) =>
    [
      `stores answers that say they may be${zone === undefined ? '' : `, for all routes of ${zone}`}`,
      `in ${placeText(store)}, each at most ${maxObject} bytes`,
      ...(defaultTtl > 0 ? [`others for ${defaultTtl} ms`] : []),
    ].join('; '),
  make,
};
