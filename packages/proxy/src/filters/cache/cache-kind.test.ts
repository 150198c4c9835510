import { expect, test } from 'vitest';
import { running, written } from '../../engine/engine.fixture.ts';
import { cacheKind } from './cache-kind.ts';

const issues = (options: object) =>
  JSON.stringify(cacheKind.schema.safeParse({ type: 'cache', ...options }).error?.issues ?? []);

test.each([
  ['what it doesn’t know', { ttl: '5s' }, 'ttl'],
  ['an object that would fill the store', { store: { memory: '1MiB' }, maxObject: '512KiB' }, 'a quarter of the store'],
  ['two stores', { store: { memory: '1MiB', redis: true } }, 'store'],
  ['a disk without a folder', { store: { disk: '1GiB' } }, 'store'],
  ['no room', { store: { memory: '0B' } }, 'more than 0B'],
  ['a parameter that is none', { key: { query: { without: ['a=b'] } } }, 'a parameter of the query'],
  ['a status that is none', { statuses: [99] }, 'statuses'],
  ['a name of several words', { name: 'my cache' }, 'must be a word'],
])('%s can not be written', (_what, options, message) => {
  expect(issues(options)).toContain(message);
});

test('says in a sentence what it does', () => {
  const said = (options: object) => cacheKind.explain(cacheKind.schema.parse({ type: 'cache', ...options }));
  expect(said({})).toBe('stores answers that say they may be; in 67108864 bytes of memory, each at most 1048576 bytes');
  expect(said({ zone: 'pages', store: { disk: '1MiB', folder: '/tmp/x' }, defaultTtl: '5s' })).toBe(
    'stores answers that say they may be, for all routes of pages; in 1048576 bytes of /tmp/x, each at most 1048576 bytes; others for 5000 ms',
  );
  expect(said({ store: { redis: true } })).toContain('in Redis');
});

test('a filter that says who may pass can’t stand behind it, wherever the two are written', () => {
  const clusters = { shop: { endpoints: ['http://127.0.0.1:1'] } };
  const ip = { type: 'ip', allow: ['10.0.0.0/8'] };
  const keys = { type: 'api-key', consumers: [{ name: 'a', keys: [`sha256:${'0'.repeat(64)}`] }] };
  const cache = { type: 'cache' };
  const faults = (shared: object[], own: object[]) => {
    try {
      written({ routes: [{ name: 'all', to: 'shop', filters: own }], clusters, filters: shared });
      return 'none';
    } catch (error) {
      return String(error);
    }
  };
  expect(faults([], [ip, keys, cache])).toBe('none');
  expect(faults([ip], [cache])).toBe('none');
  expect(faults([], [cache, ip])).toContain('put the cache behind it');
  expect(faults([cache], [keys])).toContain('"api-key" says who may pass');
  expect(faults([cache, keys], []).match(/put the cache behind it/g)).toHaveLength(1);
});

test('a cache that is to be in Redis needs one', async () => {
  const start = running({
    routes: [{ name: 'all', to: 'shop', filters: [{ type: 'cache', store: { redis: true } }] }],
    clusters: { shop: { endpoints: ['http://127.0.0.1:1'] } },
  });
  await expect(start).rejects.toMatchObject({ code: 'MISCONFIGURED', message: expect.stringContaining('sharedCache') });
  await expect(start).rejects.toThrow('Run it with "--redis"');
});

test('a limit that counts with other processes needs a place for it', async () => {
  const start = running({
    routes: [
      { name: 'all', to: 'shop', filters: [{ type: 'rate-limit', name: 'few', by: 'ip', rates: ['1/s'], shared: {} }] },
    ],
    clusters: { shop: { endpoints: ['http://127.0.0.1:1'] } },
  });
  await expect(start).rejects.toMatchObject({
    code: 'MISCONFIGURED',
    message: expect.stringMatching(/few.*--workers/),
  });
});
