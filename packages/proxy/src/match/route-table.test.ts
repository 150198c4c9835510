import { expect, test } from 'vitest';
import { factsOf, find, routable, type AskedFacts } from './facts.fixture.ts';
import type { MatchSpec, PathRule } from './match-spec.ts';
import { compileRoutes } from './route-table.ts';

const exact = (path: string): PathRule => ({ kind: 'exact', path });
const prefix = (path: string): PathRule => ({ kind: 'prefix', path });
const template = (path: string): PathRule => ({ kind: 'template', path });
const regex = (pattern: string): PathRule => ({ kind: 'regex', pattern });

/** Rules of one route each, named as they are written down; requests, and who should answer. */
type Table = readonly [
  title: string,
  rules: Readonly<Record<string, MatchSpec | readonly MatchSpec[]>>,
  asked: readonly (readonly [AskedFacts, string])[],
];

// What the Gateway API's conformance suite expects of an HTTPRoute, written down as tables of our own.
const TABLES: readonly Table[] = [
  [
    'a whole path is that path only',
    { one: { path: exact('/one') }, two: { path: exact('/two') } },
    [
      [{ path: '/one' }, 'one'],
      [{ path: '/two' }, 'two'],
      [{ path: '/' }, 'no-route'],
      [{ path: '/one/example' }, 'no-route'],
      [{ path: '/two/' }, 'no-route'],
      [{ path: '/Two' }, 'no-route'],
    ],
  ],
  [
    'a prefix is of whole segments, with or without a slash at its end',
    { v1: { path: prefix('/') }, v2: { path: prefix('/v2/') } },
    [
      [{ path: '/' }, 'v1'],
      [{ path: '/example' }, 'v1'],
      [{ path: '/v2' }, 'v2'],
      [{ path: '/v2/' }, 'v2'],
      [{ path: '/v2/example' }, 'v2'],
      [{ path: '/v2example' }, 'v1'],
      [{ path: '/foo/v2/example' }, 'v1'],
    ],
  ],
  [
    'all headers of a match must fit; of several matches one',
    {
      either: [{ headers: { version: { exact: 'one' } } }, { headers: { color: { exact: 'blue' } } }],
      both: { headers: { version: { exact: 'two' }, color: { exact: 'orange' } } },
      two: { headers: { version: { exact: 'two' } } },
    },
    [
      [{ headers: { version: 'one' } }, 'either'],
      [{ headers: { color: 'blue' } }, 'either'],
      [{ headers: { version: 'two' } }, 'two'],
      [{ headers: { version: 'two', color: 'orange' } }, 'both'],
      [{ headers: { color: 'orange' } }, 'no-route'],
      [{ headers: { version: 'one', color: 'orange' } }, 'either'],
      [{}, 'no-route'],
    ],
  ],
  [
    'the method decides, and no method fits no route',
    { reads: { methods: ['GET'] }, writes: { methods: ['POST'] } },
    [
      [{ method: 'GET' }, 'reads'],
      [{ method: 'POST' }, 'writes'],
      [{ method: 'HEAD' }, 'no-route'],
      [{ method: 'get' }, 'no-route'],
    ],
  ],
  [
    'query parameters must all fit, the first of each name counts',
    {
      whale: { query: { animal: { exact: 'whale' } } },
      both: { query: { animal: { exact: 'dolphin' }, color: { exact: 'blue' } } },
      dolphin: { query: { animal: { exact: 'dolphin' } } },
    },
    [
      [{ query: '?animal=whale' }, 'whale'],
      [{ query: '?animal=dolphin' }, 'dolphin'],
      [{ query: '?animal=dolphin&color=blue' }, 'both'],
      [{ query: '?color=blue&animal=dolphin' }, 'both'],
      [{ query: '?animal=whale&animal=dolphin' }, 'whale'],
      [{ query: '?color=blue' }, 'no-route'],
      [{ query: '?animal=dog' }, 'no-route'],
      [{ query: '?animal=whaledolphin' }, 'no-route'],
      [{}, 'no-route'],
    ],
  ],
  [
    'whole paths before prefixes, longer prefixes first, then methods, headers, query parameters, definition',
    {
      root: {},
      path5: { path: exact('/path5') },
      path5get: { path: prefix('/path5'), methods: ['GET'], headers: { version: { exact: 'two' } } },
      deep: { path: prefix('/path4/deeper') },
      header: { path: prefix('/path4'), headers: { version: { exact: 'two' } } },
      query: { path: prefix('/path4'), query: { q: { exact: '1' } } },
      get: { path: prefix('/path4'), methods: ['GET'] },
      first: { path: prefix('/path4') },
      second: { path: prefix('/path4') },
    },
    [
      [{ path: '/path5', headers: { version: 'two' } }, 'path5'],
      [{ path: '/path5/x', headers: { version: 'two' } }, 'path5get'],
      [{ path: '/path4/deeper/x', headers: { version: 'two' } }, 'deep'],
      [{ path: '/path4', headers: { version: 'two' } }, 'get'],
      [{ path: '/path4', method: 'POST', headers: { version: 'two' } }, 'header'],
      [{ path: '/path4', method: 'POST', headers: { version: 'two' }, query: '?q=1' }, 'header'],
      [{ path: '/path4', method: 'POST', query: '?q=1' }, 'query'],
      [{ path: '/path4', method: 'POST' }, 'first'],
      [{ path: '/other' }, 'root'],
    ],
  ],
  [
    'a shorter prefix is asked when the longer ones do not fit',
    { get: { path: prefix('/a/b'), methods: ['GET'] }, all: { path: prefix('/a') } },
    [
      [{ path: '/a/b/c' }, 'get'],
      [{ path: '/a/b/c', method: 'PUT' }, 'all'],
    ],
  ],
  [
    'a template takes one segment a parameter, and comes after whole paths and before prefixes',
    {
      all: { path: prefix('/orders') },
      one: { path: template('/orders/:id') },
      mine: { path: exact('/orders/mine') },
      line: { path: template('/orders/{id}/lines/{line}') },
      last: { path: template('/orders/:id/lines/last') },
      first: { path: template('/orders/first/lines/:line') },
    },
    [
      [{ path: '/orders' }, 'all'],
      [{ path: '/orders/' }, 'all'],
      [{ path: '/orders/7' }, 'one'],
      [{ path: '/orders/7/' }, 'all'],
      [{ path: '/orders/mine' }, 'mine'],
      [{ path: '/orders/7/lines/3' }, 'line'],
      [{ path: '/orders/7/lines/last' }, 'last'],
      [{ path: '/orders/first/lines/last' }, 'first'],
      [{ path: '/orders/7/lines' }, 'all'],
    ],
  ],
  [
    'an expression matches the whole path, after templates and before prefixes',
    {
      prefix: { path: prefix('/files/secret') },
      image: { path: regex('/files/.*\\.(png|jpg)') },
      year: { path: regex('/files/[0-9]{4}') },
      yearGet: { path: regex('/files/[0-9]{4}'), methods: ['GET'] },
      one: { path: template('/files/:name') },
    },
    [
      [{ path: '/files/secret/a.png' }, 'image'],
      [{ path: '/files/a.png' }, 'one'],
      [{ path: '/files/secret/a.gif' }, 'prefix'],
      [{ path: '/x/files/secret/a.png' }, 'no-route'],
      [{ path: '/files/2026' }, 'one'],
    ],
  ],
  [
    'of expressions, the more precise match comes first, and then the first',
    {
      any: { path: regex('/f/[a-z]+') },
      get: { path: regex('/f/[a-f]+'), methods: ['GET'] },
      header: { path: regex('/f/[a-z]+'), headers: { a: { present: true } } },
    },
    [
      [{ path: '/f/abc' }, 'get'],
      [{ path: '/f/xyz', headers: { a: '1' } }, 'header'],
      [{ path: '/f/xyz' }, 'any'],
      [{ path: '/f/abc', method: 'POST', headers: { a: '1' } }, 'header'],
    ],
  ],
  [
    'another spelling of a path is the same path',
    { orders: { path: prefix('/orders') }, cafe: { path: exact('/caf%C3%A9') }, all: {} },
    [
      [{ path: '/%6frders/7' }, 'orders'],
      [{ path: '/%6Frders' }, 'orders'],
      [{ path: '/caf%c3%a9' }, 'cafe'],
      [{ path: '/orders%2f7' }, 'all'],
      [{ path: '/orders%zz' }, 'all'],
    ],
  ],
  ['the target of OPTIONS that is no path has no route', { all: {} }, [[{ method: 'OPTIONS', path: '*' }, 'no-route']]],
  [
    'gRPC is matched by service and method, and only gRPC',
    {
      ship: { grpc: { service: 'yard.Ships', method: 'Launch' } },
      ships: { grpc: { service: 'yard.Ships' } },
      launch: { grpc: { method: 'Launch' } },
      web: {},
    },
    [
      [{ method: 'POST', path: '/yard.Ships/Launch', headers: { 'content-type': 'application/grpc' } }, 'ship'],
      [{ method: 'POST', path: '/yard.Ships/Sink', headers: { 'content-type': 'application/grpc+proto' } }, 'ships'],
      [{ method: 'POST', path: '/yard.Boats/Launch', headers: { 'content-type': 'application/grpc' } }, 'launch'],
      [{ method: 'POST', path: '/yard.Ships/Launch', headers: { 'content-type': 'application/json' } }, 'web'],
      [{ method: 'POST', path: '/yard.Ships/Launch', headers: { 'content-type': 'application/grpcx' } }, 'web'],
    ],
  ],
  [
    'cookies, addresses and kinds of text',
    {
      canary: { cookies: { ring: { oneOf: ['canary', 'beta'] } } },
      office: { clients: ['10.0.0.0/8', '2001:db8::/32'] },
      mobile: { headers: { 'user-agent': { prefix: 'Yard/' } } },
      traced: { headers: { traceparent: { regex: '00-[0-9a-f]{32}-.*' } } },
      anonymous: { headers: { authorization: { present: false } } },
    },
    [
      [{ headers: { cookie: 'a=1; ring=canary', authorization: 'x' } }, 'canary'],
      [{ headers: { cookie: 'ring="beta"', authorization: 'x' } }, 'canary'],
      [{ headers: { cookie: 'string=canary', authorization: 'x' } }, 'no-route'],
      [{ clientAddress: '10.1.2.3', headers: { authorization: 'x' } }, 'office'],
      [{ clientAddress: '::ffff:10.1.2.3', headers: { authorization: 'x' } }, 'office'],
      [{ clientAddress: '2001:db8::7', headers: { authorization: 'x' } }, 'office'],
      [{ clientAddress: '11.1.2.3', headers: { authorization: 'x' } }, 'no-route'],
      [{ clientAddress: '', headers: { authorization: 'x' } }, 'no-route'],
      [{ headers: { 'user-agent': 'Yard/2', authorization: 'x' } }, 'mobile'],
      [{ headers: { traceparent: `00-${'a'.repeat(32)}-1`, authorization: 'x' } }, 'traced'],
      [{ headers: { traceparent: `x00-${'a'.repeat(32)}-1`, authorization: 'x' } }, 'no-route'],
      [{}, 'anonymous'],
    ],
  ],
  [
    'versions by header, media type and date, and what is meant when nobody asks for one',
    {
      h2: { path: prefix('/h'), version: { by: 'header', header: 'api-version', is: '2', isDefault: false } },
      h1: { path: prefix('/h'), version: { by: 'header', header: 'api-version', is: '1', isDefault: true } },
      m2: { path: prefix('/m'), version: { by: 'media-type', is: '2', isDefault: false } },
      m1: { path: prefix('/m'), version: { by: 'media-type', is: '1', isDefault: true } },
      d1: {
        path: prefix('/d'),
        version: { by: 'date', header: 'v', from: '2026-01-01', until: undefined, isDefault: true },
      },
      d2: {
        path: prefix('/d'),
        version: { by: 'date', header: 'v', from: '2026-06-01', until: undefined, isDefault: false },
      },
    },
    [
      [{ path: '/h', headers: { 'api-version': '2' } }, 'h2'],
      [{ path: '/h' }, 'h1'],
      [{ path: '/h', headers: { 'api-version': '3' } }, 'no-route'],
      [{ path: '/m', headers: { accept: 'application/json; version=2' } }, 'm2'],
      [{ path: '/m', headers: { accept: 'text/html, application/vnd.yard.order.v2+json' } }, 'm2'],
      [{ path: '/m', headers: { accept: '*/*', 'content-type': 'application/json;v="2"' } }, 'm2'],
      [{ path: '/m', headers: { accept: 'application/json' } }, 'm1'],
      [{ path: '/d', headers: { v: '2026-03-05' } }, 'd1'],
      [{ path: '/d', headers: { v: '2026-06-01' } }, 'd2'],
      [{ path: '/d', headers: { v: '2025-12-31' } }, 'no-route'],
      [{ path: '/d', headers: { v: 'latest' } }, 'no-route'],
      [{ path: '/d' }, 'd1'],
    ],
  ],
];

test.each(TABLES)('%s', (_title, rules, asked) => {
  const routes = Object.entries(rules).map(([name, match]) => routable(name, Array.isArray(match) ? match : [match]));
  expect(asked.map(([facts]) => find(routes, facts))).toEqual(asked.map(([, name]) => name));
});

test('an exclusive path refuses what its routes do not take, and says which methods they do', () => {
  const routes = [
    routable('all', [{}]),
    routable('reads', [{ path: prefix('/orders'), methods: ['GET', 'HEAD'] }], { isExclusive: true }),
    routable('writes', [{ path: prefix('/orders'), methods: ['POST'], headers: { a: { present: true } } }]),
    routable('years', [{ path: regex('/y/[0-9]+'), methods: ['GET'] }], { isExclusive: true }),
  ];
  const table = compileRoutes(routes);
  const asked = (facts: AskedFacts) => table.find(factsOf(facts));
  expect(asked({ path: '/orders/7' })).toMatchObject({ route: { name: 'reads' } });
  expect(asked({ path: '/orders/7', method: 'DELETE' })).toEqual({
    kind: 'method-not-allowed',
    allow: 'GET, HEAD, POST',
  });
  expect(asked({ path: '/orders', method: 'POST' })).toEqual({ kind: 'no-route' });
  expect(asked({ path: '/y/2026', method: 'POST' })).toEqual({ kind: 'method-not-allowed', allow: 'GET' });
  expect(asked({ path: '/y/x', method: 'POST' })).toMatchObject({ route: { name: 'all' } });
  expect(asked({ path: '/ordersx', method: 'DELETE' })).toMatchObject({ route: { name: 'all' } });
});

test('what is known late is asked for when it decides, and only then', () => {
  const gold = routable('gold', [{ path: prefix('/a'), claims: { 'plan.name': { oneOf: ['gold'] } } }]);
  const refunds = routable('refunds', [
    { path: prefix('/a'), methods: ['POST'], body: { '/order/type': { oneOf: ['refund'] } }, maxBodyBytes: 100 },
  ]);
  const table = compileRoutes([gold, refunds, routable('rest', [{}])]);
  const get = factsOf({ path: '/a' });
  const post = factsOf({ path: '/a', method: 'POST' });
  const identity = { roles: [], scopes: [], claims: { plan: { name: 'gold' } } };
  expect(table.find(factsOf({ path: '/b' }))).toMatchObject({ kind: 'route', route: { name: 'rest' } });
  expect(table.find(get)).toEqual({ kind: 'needs', needs: 'identity', route: gold.route });
  expect(table.find(get, { identity })).toEqual({ kind: 'route', route: gold.route, match: 0 });
  expect(table.find(get, { identity: null })).toMatchObject({ route: { name: 'rest' } });
  expect(table.find(post)).toEqual({ kind: 'needs', needs: 'body', route: refunds.route, maxBodyBytes: 100 });
  expect(table.find(post, { body: { value: { order: { type: 'refund' } } } })).toMatchObject({ route: refunds.route });
  // Another body: the next best route needs the identity.
  expect(table.find(post, { body: { value: [] } })).toMatchObject({ needs: 'identity' });
  expect(table.find(post, { body: null, identity })).toMatchObject({ route: { name: 'gold' } });
  expect(table.find(post, { body: null, identity: null })).toMatchObject({ route: { name: 'rest' } });
});

test('a body is not read for somebody whose claims do not fit', () => {
  const table = compileRoutes([
    routable('both', [{ claims: { role: { oneOf: ['clerk'] } }, body: { '/a': { present: true } } }]),
    routable('rest', [{}]),
  ]);
  const nobody = { identity: null };
  const clerk = { identity: { roles: [], scopes: [], claims: { role: ['sailor', 'clerk'] } } };
  expect(table.find(factsOf({}))).toMatchObject({ needs: 'identity' });
  expect(table.find(factsOf({}), nobody)).toMatchObject({ route: { name: 'rest' } });
  expect(table.find(factsOf({}), clerk)).toMatchObject({ needs: 'body', maxBodyBytes: 65_536 });
  expect(table.find(factsOf({}), { ...clerk, body: { value: { a: null } } })).toMatchObject({
    route: { name: 'both' },
  });
});

test('a claim may have dots in its name', () => {
  const name = 'https://yard.test/plan';
  const table = compileRoutes([routable('gold', [{ claims: { [name]: { regex: 'gold|silver' } } }])]);
  const asked = (claims: Record<string, unknown>) =>
    table.find(factsOf({}), { identity: { roles: [], scopes: [], claims } }).kind;
  expect(asked({ [name]: 'silver' })).toBe('route');
  expect(asked({ [name]: 7 })).toBe('no-route');
  expect(asked({})).toBe('no-route');
});

test('finding makes nothing new: the same decision is the same object', () => {
  const table = compileRoutes([routable('a', [{ path: prefix('/a') }]), routable('b', [{ path: template('/b/:id') }])]);
  expect(table.find(factsOf({ path: '/a/1' }))).toBe(table.find(factsOf({ path: '/a/2' })));
  expect(table.find(factsOf({ path: '/b/1' }))).toBe(table.find(factsOf({ path: '/b/2' })));
  expect(table.find(factsOf({ path: '/c' }))).toBe(table.find(factsOf({ path: '/d' })));
});

test('a beginning is of characters, and may leave others out', () => {
  const rule = (startsWith: string, unless: readonly string[], pattern = '(?s:.*)'): MatchSpec => ({
    path: { kind: 'regex', pattern, startsWith, unless },
  });
  const routes = [
    routable('images', [rule('/img/', ['/img/raw/'])], { hosts: [], isExclusive: false }),
    routable('scripts', [rule('/', [], '.*\\.js')], { hosts: [], isExclusive: false }),
    routable('api', [rule('/ap', [])], { hosts: [], isExclusive: false }),
  ];
  const found = ['/img/a.js', '/img/raw/a.js', '/apis', '/%61p', '/a'].map((path) => find(routes, { path }));
  expect(found).toEqual(['images', 'scripts', 'api', 'api', 'no-route']);
});
