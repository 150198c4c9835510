import { site, type Case } from './case.fixture.ts';

const place = (match: string, name: string): string => `location ${match} { return 200 "${name}"; }`;
const paths = (...all: readonly string[]): readonly string[] => all.map((path) => `GET ${path}`);

/** Which location takes a request. */
export const LOCATION_CASES: readonly Case[] = [
  {
    name: 'the longest beginning wins, character by character',
    config: site([place('/', 'root'), place('/api', 'api'), place('/api/v2/', 'v2')].join('\n')),
    requests: paths('/', '/api', '/api/', '/apis', '/api/v1/x', '/api/v2', '/api/v2/', '/api/v2/x?y=1'),
  },
  {
    name: 'a whole path comes first',
    config: site(
      [place('= /a', 'exact'), place('/a', 'prefix'), place('~ ^/a$', 'regex'), place('/', 'root')].join('\n'),
    ),
    requests: paths('/a', '/a/', '/ab', '/'),
  },
  {
    name: 'expressions outrank beginnings, in their order',
    config: site(
      [place('/a/b/', 'prefix'), place('~ \\.php$', 'php'), place('~ ^/a/', 'a'), place('~* \\.PNG$', 'png')].join(
        '\n',
      ),
    ),
    requests: paths('/a/b/c', '/a/b/c.php', '/x.php', '/x.PhP', '/y.pNg', '/a/y.png', '/php', '/x.php/y'),
  },
  {
    name: 'a preferred beginning keeps expressions away',
    config: site(
      [
        place('^~ /static/', 'static'),
        place('/static/deep/', 'deep'),
        place('~ \\.js$', 'js'),
        place('/', 'root'),
      ].join('\n'),
    ),
    requests: paths('/static/a.js', '/static/deep/a.js', '/static/deep/a', '/static/a', '/a.js', '/a'),
  },
  {
    name: 'a longer preferred beginning within a plain one',
    config: site(
      [
        place('/a/', 'a'),
        place('^~ /a/b/', 'b'),
        place('^~ /a/b/c/', 'c'),
        place('/a/b/c/d/', 'd'),
        place('~ x', 'x'),
      ].join('\n'),
    ),
    requests: paths('/a/x', '/a/b/x', '/a/b/c/x', '/a/b/c/d/x', '/a/b/c/d/y', '/x', '/y'),
  },
  {
    name: 'locations within a location',
    config: site(
      `location /shop/ { return 200 "shop"; ${place('/shop/cart/', 'cart')} ${place('= /shop/about', 'about')} ${place('~ \\.json$', 'json')} } ${place('~ \\.js', 'js')} ${place('/', 'root')}`,
    ),
    requests: paths(
      '/shop/x',
      '/shop/cart/x',
      '/shop/about',
      '/shop/x.json',
      '/shop/cart/x.json',
      '/shop/x.js',
      '/x.json',
      '/shop',
      '/shop/cart',
    ),
  },
  {
    name: 'locations within a preferred location',
    config: site(
      `location ^~ /shop/ { return 200 "shop"; ${place('/shop/cart/', 'cart')} ${place('~ \\.json$', 'json')} } ${place('~ \\.js', 'js')} ${place('/shop/late/', 'late')} ${place('/', 'root')}`,
    ),
    requests: paths(
      '/shop/x',
      '/shop/cart/x',
      '/shop/x.json',
      '/shop/x.js',
      '/shop/late/x.json',
      '/shop/late/x',
      '/x.js',
    ),
  },
  {
    name: 'expressions with groups, alternatives and anchors',
    config: site(
      [place('~ ^/(?:a|b)/\\d+$', 'number'), place('~ one|two$', 'either'), place('~ ^/x{2,3}$', 'never')]
        .join('\n')
        .replace('^/x{2,3}$', '"^/x{2,3}$"'),
    ),
    requests: paths('/a/12', '/b/12/', '/c/12', '/one/more', '/x/two', '/x/two/more', '/xx', '/xxx', '/xxxx'),
  },
  {
    name: 'escapes are compared decoded',
    config: site(
      [place('/caf', 'cafe'), place('= /a b', 'blank').replace('/a b', '"/a b"'), place('~ ^/%', 'percent')].join('\n'),
    ),
    requests: paths('/caf%C3%A9', '/%63af', '/a%20b', '/%25'),
  },
  {
    name: 'a proxy adds the slash that a path lacks',
    config: site(
      `location /users/ { proxy_pass http://{origin}; } location /both/ { proxy_pass http://{origin}; } ${place('= /both', 'both')} location /plain/ { return 200 "plain"; }`,
    ),
    requests: paths('/users', '/users?a=1', '/users/', '/both', '/plain', '/usersx'),
  },
  {
    name: 'an internal location is not there',
    config: site(`location /in/ { internal; proxy_pass http://{origin}; } location / { proxy_pass http://{origin}; }`),
    requests: paths('/in/x', '/x'),
  },
  {
    name: 'without a location there is nothing',
    config: site(place('/a/', 'a')),
    requests: paths('/a/', '/b'),
  },
];
