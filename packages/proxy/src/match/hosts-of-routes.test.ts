import { expect, test } from 'vitest';
import { factsOf, find, routable } from './facts.fixture.ts';
import { compileRoutes } from './route-table.ts';

test('a host by name comes before wildcards, a longer one before a shorter one, and any host comes last', () => {
  const routes = [
    routable('any', [{ path: { kind: 'exact', path: '/' } }, {}]),
    routable('test', [{}], { hosts: ['*.test'] }),
    routable('shop', [{ path: { kind: 'prefix', path: '/a' } }], { hosts: ['*.shop.test'] }),
    routable('eu', [{ path: { kind: 'prefix', path: '/a/b' } }], { hosts: ['eu.shop.test'] }),
  ];
  const asked = (host: string, path = '/a/b') => find(routes, { host, path });
  expect(asked('eu.shop.test')).toBe('eu');
  expect(asked('eu.shop.test.')).toBe('eu');
  // What has its host but not its path goes on to the next best host.
  expect(asked('eu.shop.test', '/a/c')).toBe('shop');
  expect(asked('eu.shop.test', '/c')).toBe('test');
  expect(asked('deep.eu.shop.test')).toBe('shop');
  expect(asked('shop.test')).toBe('test');
  expect(asked('test')).toBe('any');
  expect(asked('xshop.test')).toBe('test');
  expect(asked('')).toBe('any');
});

test('more host names than are remembered are still told apart', () => {
  const table = compileRoutes([
    routable('all', [{}], { hosts: ['*.shop.test'] }),
    routable('one', [{}], { hosts: ['one.test'] }),
  ]);
  const asked = (host: string) => table.find(factsOf({ host })).kind;
  for (let round = 0; round < 2; round += 1) {
    for (let each = 0; each < 3_000; each += 1) expect(asked(`h${each}.shop.test`)).toBe('route');
    expect(asked('one.test')).toBe('route');
    expect(asked('two.test')).toBe('no-route');
  }
});

test('a host finds its name, then wildcards before and behind a name, then expressions in their order, then any', () => {
  const hosts = {
    any: '*',
    second: '~.*',
    first: '~shop-\\d+\\.test',
    ending: 'shop.*',
    wildcard: '*.test',
    name: 'shop.test',
  };
  const routes = Object.entries(hosts)
    .toSorted(([a], [b]) => Number(b === 'first') - Number(a === 'first'))
    .map(([name, host]) => routable(name, [{}], { hosts: [host], isExclusive: false }));
  const found = ['shop.test', 'my.test', 'shop.example', 'shop-7.test', 'shop-7.example'].map((host) =>
    find(routes, { host }),
  );
  expect(found).toEqual(['name', 'wildcard', 'ending', 'wildcard', 'second']);
  const expressions = routes.filter(({ hosts: [host = ''] }) => /^[*~]$|^~/.test(host));
  expect(find(expressions, { host: 'shop-7.test' })).toBe('first');
});
