import { expect, test } from 'vitest';
import { readEdgeFilters } from '../platform/edge-filters.ts';
import { behindCaches } from './behind-caches.ts';
import { FILTER_KINDS } from './filter-kinds.ts';
import { snapshotFrom } from './read-snapshot.ts';
import { formatPlace } from './snapshot-problem.ts';

const CACHE = { type: 'cache' };
const KEYS = { type: 'api-key', consumers: [{ name: 'ann', keys: [`sha256:${'0'.repeat(64)}`] }] };
const JWT = { type: 'jwt', issuer: 'https://login.test', audience: 'shop', keys: { url: 'https://login.test/keys' } };
const ACL = { type: 'acl', allow: ['gold'] };
const IP = { type: 'ip', allow: ['10.0.0.0/8'] };
const ANY = { type: 'any-of', of: [KEYS] };

/** Ways to write a filter, and where it is then. */
const WAYS: readonly (readonly [string, (filter: object) => object, string])[] = [
  ['by itself', (filter) => filter, ''],
  ['in when', (filter) => ({ type: 'when', is: { path: '/a' }, filters: [filter] }), '.filters[0]'],
  ['in when not', (filter) => ({ type: 'when', isNot: { path: '/a' }, filters: [filter] }), '.filters[0]'],
  [
    'in a case',
    (filter) => ({ type: 'by-consumer', cases: [{ consumers: ['ann'], filters: [filter] }] }),
    '.cases[0].filters[0]',
  ],
  [
    'otherwise',
    (filter) => ({ type: 'by-consumer', cases: [{ consumers: ['ann'], filters: [] }], otherwise: [filter] }),
    '.otherwise[0]',
  ],
  [
    'deep',
    (filter) => ({
      type: 'when',
      is: { path: '/a' },
      filters: [{ type: 'by-consumer', cases: [{ consumers: ['ann'], filters: [] }], otherwise: [filter] }],
    }),
    '.filters[0].otherwise[0]',
  ],
];

function placesOf(...filters: object[]): readonly string[] {
  return behindCaches(
    filters.map((written, at) => ({ written, place: ['filters', at] })),
    FILTER_KINDS,
  ).map(({ place }) => formatPlace(place));
}

const pairs = WAYS.flatMap(([ofCache, cacheIn]) =>
  WAYS.flatMap(([ofGuard, guardIn, place]) =>
    [KEYS, JWT, ACL, IP, ANY].map((guard) => ({
      name: `${guard.type} ${ofGuard} behind a cache ${ofCache}`,
      cache: cacheIn(CACHE),
      guard: guardIn(guard),
      place,
    })),
  ),
);

test.each(pairs)('$name is refused, and the other way round it is not', ({ cache, guard, place }) => {
  expect(placesOf(cache, guard)).toEqual([`filters[1]${place}.type`]);
  expect(placesOf(guard, cache)).toEqual([]);
});

test.each(WAYS)('one behind the other within the same filter, %s', (_way, within, place) => {
  const inner = { type: 'when', is: { path: '/b' }, filters: [CACHE, ACL] };
  expect(placesOf(within(inner))).toEqual([`filters[0]${place}.filters[1].type`]);
  expect(placesOf(within({ ...inner, filters: [ACL, CACHE] }))).toEqual([]);
});

test('what one consumer meets does not stand behind what another one meets', () => {
  const cases = [
    { consumers: ['ann'], filters: [CACHE] },
    { consumers: ['bob'], filters: [ACL] },
  ];
  expect(placesOf({ type: 'by-consumer', cases, otherwise: [IP] })).toEqual([]);
});

test('a configuration with one is not loaded, be the cache for all routes or for one', () => {
  const guard = { type: 'when', is: { path: '/b' }, filters: [ACL] };
  const load = (shared: object[], own: object[]) =>
    snapshotFrom(
      {
        listeners: [{ name: 'public', address: '127.0.0.1:0' }],
        clusters: { orders: { endpoints: ['http://a.test'] } },
        filters: shared,
        routes: [{ name: 'a', to: 'orders', filters: own }],
      },
      { origin: 'test', loadedAtMs: 0, kinds: FILTER_KINDS },
    );
  expect(() => load([], [CACHE, guard])).toThrow('routes[0].filters[1].filters[0].type: "acl" says who may pass');
  expect(() => load([CACHE], [guard])).toThrow('routes[0].filters[0].filters[0].type: "acl" says who may pass');
  expect(() => load([CACHE, guard], [])).toThrow('filters[1].filters[0].type: "acl" says who may pass');
  expect(() => load([guard], [CACHE])).not.toThrow();
});

test('a platform refuses the same, and stores that it is not given, wherever they stand', () => {
  const problems = (...filters: object[]) =>
    readEdgeFilters(filters, []).problems.map(({ place, message }) => `${formatPlace(place)}: ${message}`);
  for (const [, within, place] of WAYS.slice(1)) {
    expect(problems(CACHE, within(IP))).toEqual([expect.stringContaining(`[1]${place}.type: "ip" says who may pass`)]);
    expect(problems(within(CACHE), ACL)).toEqual([expect.stringContaining('[1].type: "acl" says who may pass')]);
    expect(problems(within(ACL), CACHE)).toEqual([]);
  }
  for (const [, within, place] of WAYS) {
    expect(problems(within({ ...CACHE, store: { redis: true } }))).toEqual([
      `[0]${place}.store.redis: a platform’s gateway is given no Redis yet; keep it in memory or on disk`,
    ]);
    expect(problems(within({ type: 'rate-limit', by: 'ip', rates: ['1/s'], shared: {} }))).toEqual([
      `[0]${place}.shared: a platform has no store to count in together yet; leave it out`,
    ]);
  }
});
