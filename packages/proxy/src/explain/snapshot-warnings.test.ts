import { expect, test } from 'vitest';
import { FILTER_KINDS } from '../snapshot/filter-kinds.ts';
import { snapshotFrom } from '../snapshot/read-snapshot.ts';
import { readYard, yardWith } from '../snapshot/yard.fixture.ts';
import { snapshotWarnings } from './snapshot-warnings.ts';

test('matches that no request reaches, and clusters that no route leads to', () => {
  const warnings = (routes: string) => snapshotWarnings(readYard(yardWith(routes)));
  expect(
    warnings(`  - { name: a, match: { path: /x, headers: { a: '1' } }, to: orders }
  - { name: b, match: [{ path: /y }, { path: /x/, headers: { A: '1' } }], to: canary }
  - { name: c, hosts: [shop.test], match: { path: /x, headers: { a: '1' } }, to: orders }
  - { name: d, hosts: [shop.test, else.test], match: { path: /x, headers: { a: '1' } }, to: orders }`),
  ).toEqual(['match 1 of the route b is never reached: a has the same']);
  expect(warnings('  - { name: a, to: orders }')).toEqual(['no route leads to the cluster canary']);
});

test('a cluster that only a filter asks is not idle', () => {
  const warnings = (...filters: object[]) =>
    snapshotWarnings(
      snapshotFrom(
        {
          listeners: [{ name: 'public', address: '127.0.0.1:0' }],
          clusters: { orders: { endpoints: ['http://a.test'] }, canary: { endpoints: ['http://b.test'] } },
          routes: [{ name: 'a', to: 'orders', filters }],
        },
        { origin: 'test', loadedAtMs: 0, kinds: FILTER_KINDS },
      ),
    );
  expect(warnings()).toEqual(['no route leads to the cluster canary']);
  expect(warnings({ type: 'mirror', to: 'canary' })).toEqual([]);
});

test('stores that a gateway has only with a flag', () => {
  const warnings = (shared: object[], ...own: object[][]) =>
    snapshotWarnings(
      snapshotFrom(
        {
          listeners: [{ name: 'public', address: '127.0.0.1:0' }],
          clusters: { orders: { endpoints: ['http://a.test'] } },
          filters: shared,
          routes: own.map((filters, at) => ({ name: `r${at}`, match: { path: `/${at}` }, to: 'orders', filters })),
        },
        { origin: 'test', loadedAtMs: 0, kinds: FILTER_KINDS },
      ),
    );
  const cache = { type: 'cache', store: { redis: true } };
  const limit = { type: 'rate-limit', by: 'ip', rates: ['1/s'], shared: {} };
  expect(warnings([], [{ type: 'cache' }, { type: 'rate-limit', by: 'ip', rates: ['1/s'] }])).toEqual([]);
  expect(warnings([], [{ type: 'when', is: { path: '/0' }, filters: [cache] }], [])).toEqual([
    expect.stringMatching(/^the route r0 has a cache in Redis: .* only with --redis/),
  ]);
  expect(warnings([limit], [], [])).toEqual([
    expect.stringMatching(/^the routes r0, r1 have a limit .* only with --redis, or with --workers/),
  ]);
});

test('preflights that nobody answers', () => {
  const warnings = (match: string, ...filters: string[]) =>
    snapshotWarnings(
      snapshotFrom(
        {
          listeners: [{ name: 'public', address: '127.0.0.1:0' }],
          clusters: { orders: { endpoints: ['http://127.0.0.1:3000'] } },
          routes: [{ name: 'a', match: { method: [match] }, to: 'orders', filters: filters.map(filterOf) }],
        },
        { origin: 'test', loadedAtMs: 0, kinds: FILTER_KINDS },
      ),
    );
  const filterOf = (type: string) =>
    type === 'cors'
      ? { type, origins: ['*'] }
      : {
          type: 'api-key',
          optional: type === 'optional',
          consumers: [{ name: 'ann', keys: [`sha256:${'0'.repeat(64)}`] }],
        };
  expect(warnings('GET')).toEqual([]);
  expect(warnings('OPTIONS', 'cors', 'api-key')).toEqual([]);
  expect(warnings('OPTIONS', 'optional', 'cors')).toEqual([]);
  expect(warnings('GET', 'cors')).toEqual([
    'the route a answers preflights by cors, and takes none: add OPTIONS to the methods of its match',
  ]);
  expect(warnings('OPTIONS', 'api-key', 'cors')).toEqual([
    'the route a has api-key before cors, and preflights say nobody: put cors first',
  ]);
});

test('logins that nobody comes back from, and certificates that nobody is asked for', () => {
  const login = (options: object = {}) => ({
    type: 'oidc',
    issuer: 'https://login.test',
    client: { id: 'shop' },
    session: { keys: [{ env: 'SESSION_KEY' }] },
    ...options,
  });
  const below = { callback: '/account/callback', login: '/account/login', logout: { path: '/account/logout' } };
  const certificate = { type: 'client-certificate' };
  const warnings = (
    filter: object,
    more: { readonly route?: object; readonly tls?: object; readonly filters?: object[] } = {},
  ) =>
    snapshotWarnings(
      snapshotFrom(
        {
          listeners: [{ name: 'public', address: '127.0.0.1:0', ...(more.tls === undefined ? {} : { tls: more.tls }) }],
          clusters: { orders: { endpoints: ['http://127.0.0.1:3000'] } },
          filters: more.filters ?? [],
          routes: [
            { name: 'account', match: { path: '/account' }, to: 'orders', filters: [filter], ...more.route },
            { name: 'rest', match: { path: '/rest' }, to: 'orders' },
          ],
        },
        { origin: 'test', loadedAtMs: 0, kinds: FILTER_KINDS },
      ),
    );
  const lost = (path: string, what: string) =>
    `people who log in by the route account need its path ${path} (${what}), which does not lead there: choose one that does`;
  expect(warnings(login(below))).toEqual([]);
  expect(warnings(login(below), { route: { hosts: ['*.shop.test'] } })).toEqual([]);
  expect(warnings({ type: 'any-of', of: [login(below)] })).toEqual([]);
  expect(warnings(login())).toEqual([
    lost('/oauth2/callback', 'callback'),
    lost('/oauth2/login', 'login'),
    lost('/oauth2/logout', 'logout'),
  ]);
  expect(warnings(login({ ...below, callback: '/rest/callback' }))).toEqual([lost('/rest/callback', 'callback')]);
  // A login for all routes is on the others, too.
  expect(
    warnings({ type: 'ip', allow: ['10.0.0.0/8'] }, { filters: [login({ ...below, callback: '/rest/callback' })] }),
  ).toEqual([]);
  expect(warnings(certificate)).toEqual([
    'the route account needs certificates, and the listener public asks nobody for one: give it tls.clients',
  ]);
  expect(warnings({ ...certificate, optional: true })).toEqual([]);
  expect(warnings(certificate, { tls: { certificate: 'a', key: 'b', clients: 'c' } })).toEqual([]);
});
