// Which route takes a request and what goes upstream, written from Kong's documentation of its router and of path handling.
import { expect, test } from 'vitest';
import { kongAtWork } from './kong-at-work.fixture.ts';

/** Routes that each say their name in a field, before one service. */
async function routed(routes: string, { path = '', version = '3.0' } = {}) {
  const entries = routes
    .trim()
    .split('\n')
    .map((line) => `      - ${line.trim()}`)
    .join('\n');
  const names = [...routes.matchAll(/name: ([\w-]+)/g)].map(([, name = '']) => name);
  const { ask, ...world } = await kongAtWork(`
_format_version: "${version}"
services:
  - name: one
    url: SERVICE${path}
    routes:
${entries}
plugins:
${names.map((name) => `  - { name: request-transformer, route: ${name}, config: { add: { headers: ['x-route:${name}'] } } }`).join('\n')}
`);
  return {
    ...world,
    /** The route and the path that went upstream, or the status. */
    async to(request: string, headers: Readonly<Record<string, string>> = {}, host = 'shop.test'): Promise<string> {
      const { status, seen } = await ask({
        request: request.includes(' ') ? request : `GET ${request}`,
        headers,
        host,
      });
      return seen === undefined ? String(status) : `${seen.headers['x-route']} ${seen.target}`;
    },
    ask,
  };
}

test('a path is characters that paths begin with, and the longer one comes first', async () => {
  const { to } = await routed(`
    { name: any, paths: [/], strip_path: false }
    { name: users, paths: [/users], strip_path: false }
    { name: one, paths: [/users/one], strip_path: false }
  `);
  expect(await to('/users')).toBe('users /users');
  expect(await to('/usersabc')).toBe('users /usersabc');
  expect(await to('/users/one/two')).toBe('one /users/one/two');
  expect(await to('/use')).toBe('any /use');
});

// Kong's table of strip_path and path_handling v0, with its documentation's names: service path, route path, request path.
test.each([
  ['', '/fv0', true, '/fv0', '/'],
  ['', '/fv0', true, '/fv0/req', '/req'],
  ['', '/fv0', true, '/fv0req', '/req'],
  ['/s', '/fv1', false, '/fv1/req', '/s/fv1/req'],
  ['/s', '/fv1', false, '/fv1', '/s/fv1'],
  ['/s', '/tv0', true, '/tv0', '/s'],
  ['/s', '/tv0', true, '/tv0/', '/s/'],
  ['/s', '/tv0', true, '/tv0/req', '/s/req'],
  ['/s', '/tv0', true, '/tv0req', '/s/req'],
  ['/s/', '/tv0', true, '/tv0', '/s'],
  ['/s/', '/tv0', true, '/tv0/', '/s/'],
  ['/s/', '/tv0', true, '/tv0/req', '/s/req'],
  ['/s/', '/fv0/', true, '/fv0/req', '/s/req'],
  ['/s/', '/fv0', false, '/fv0/req', '/s/fv0/req'],
  ['/s', '/', true, '/', '/s'],
  ['/s', '/', true, '/req', '/s/req'],
  ['/s/', '/', true, '/', '/s/'],
  ['/s', '/', false, '/req', '/s/req'],
])('service path %j, route path %s, strip_path %s: %s goes on as %s', async (path, route, strips, request, target) => {
  const { to } = await routed(`{ name: r, paths: [${route}], strip_path: ${strips} }`, { path });
  expect(await to(request)).toBe(`r ${target}`);
});

test.each([
  ['/s', '/t', true, '/t/req', '/s/req'],
  ['/s', '/t', true, '/treq', '/sreq'],
  ['/s/', '/t', true, '/t/req', '/s/req'],
  ['/s', '/t', false, '/t/req', '/st/req'],
  ['/s/', '/t', false, '/t/req', '/s/t/req'],
])(
  'path_handling v1 puts texts together: %s with %s, strip_path %s, %s: %s',
  async (path, route, strips, request, target) => {
    const { to } = await routed(`{ name: r, paths: [${route}], strip_path: ${strips}, path_handling: v1 }`, { path });
    expect(await to(request)).toBe(`r ${target}`);
  },
);

test('an expression begins with ~, matches a beginning, comes before plain paths, and by its priority', async () => {
  const { to } = await routed(
    String.raw`
    { name: plain, paths: [/users/1], strip_path: false }
    { name: low, paths: ['~/users/\d+'], regex_priority: 1 }
    { name: high, paths: ['~/users/(?<id>[0-5])$'], regex_priority: 2 }
  `,
    { path: '/base' },
  );
  expect(await to('/users/1')).toBe('high /base');
  expect(await to('/users/7/orders')).toBe('low /base/orders');
  expect(await to('/users/12')).toBe('low /base');
});

test('before 3.0 a path is an expression when it has characters that no path has', async () => {
  const { to } = await routed(
    String.raw`
    { name: expression, paths: ['/users/\d+$'], strip_path: false }
    { name: plain, paths: [/users], strip_path: false }
  `,
    { version: '2.1' },
  );
  expect(await to('/users/1')).toBe('expression /users/1');
  expect(await to('/users/x')).toBe('plain /users/x');
});

test('more kinds of rules come first, then hosts without wildcards, then more headers', async () => {
  const { to } = await routed(`
    { name: path, paths: [/a/long/path], strip_path: false }
    { name: method, paths: [/a], methods: [GET], strip_path: false }
    { name: wild, hosts: ['*.test'], paths: [/b], strip_path: false }
    { name: host, hosts: [shop.test], paths: [/b], strip_path: false }
    { name: ending, hosts: ['api.*'], paths: [/b], strip_path: false }
    { name: one, paths: [/c], headers: { x-a: [one] }, strip_path: false }
    { name: two, paths: [/c], headers: { x-a: [ONE, two], x-b: ['~*^v[0-9]+'] }, strip_path: false }
    { name: only-host, hosts: [shop.test] }
  `);
  expect(await to('/a/long/path')).toBe('method /a/long/path');
  expect(await to('POST /a/long/path', { 'content-length': '0' })).toBe('only-host /a/long/path');
  expect(await to('POST /a/long/path', { 'content-length': '0' }, 'nobody.example')).toBe('path /a/long/path');
  expect(await to('/b/x')).toBe('host /b/x');
  expect(await to('/b/x', {}, 'other.test')).toBe('wild /b/x');
  expect(await to('/b/x', {}, 'api.example')).toBe('ending /b/x');
  expect(await to('/c', { 'x-a': 'One' })).toBe('one /c');
  expect(await to('/c', { 'x-a': 'one', 'x-b': 'v12' })).toBe('two /c');
  expect(await to('/c', { 'x-a': 'no' })).toBe('only-host /c');
  expect(await to('/elsewhere', {}, 'nobody.example')).toBe('404');
});

test('a host of its own goes upstream, unless it is to be kept', async () => {
  const { ask, services } = await routed(`
    { name: kept, paths: [/kept], preserve_host: true }
    { name: own, paths: [/own] }
  `);
  expect((await ask({ request: 'GET /kept' })).seen?.headers['host']).toBe('shop.test');
  expect((await ask({ request: 'GET /own' })).seen?.headers['host']).toMatch(/^127\.0\.0\.1:\d+$/);
  expect(services.length).toBeGreaterThan(0);
});

test('a route for https sends others there, or refuses them with 426', async () => {
  const { ask } = await routed(`
    { name: moved, paths: [/moved], protocols: [https], https_redirect_status_code: 301 }
    { name: strict, paths: [/strict], protocols: [https] }
  `);
  const moved = await ask({ request: 'GET /moved/a?b' });
  expect([moved.status, moved.headers['location']]).toEqual([301, 'https://shop.test/moved/a?b']);
  expect((await ask({ request: 'GET /strict' })).status).toBe(426);
});

test('routes and plugins that stand by themselves are the same as nested ones, by name or id', async () => {
  const { ask } = await kongAtWork(`
_format_version: "1.1"
services:
  - { name: one, id: 0aa0aaaa-1111-4111-8111-111111111111, url: SERVICE }
  - { name: off, url: SERVICE, enabled: false, routes: [{ name: off, paths: [/off] }] }
routes:
  - { name: by-name, service: one, paths: [/n] }
  - { name: by-id, service: { id: 0aa0aaaa-1111-4111-8111-111111111111 }, paths: [/i] }
  - { name: nobody, paths: [/nobody] }
plugins:
  - { name: request-termination, route: by-id, config: { status_code: 418, message: teapot } }
  - { name: correlation-id, enabled: false, config: { echo_downstream: true } }
`);
  expect((await ask({ request: 'GET /n' })).seen?.target).toBe('/');
  expect((await ask({ request: 'GET /i' })).status).toBe(418);
  expect((await ask({ request: 'GET /off' })).status).toBe(404);
  expect((await ask({ request: 'GET /nobody' })).status).toBe(503);
});

test('of plugins of a kind the most specific works: consumer, route and service before others, the one for all last', async () => {
  const { ask } = await kongAtWork(`
_format_version: "3.0"
services:
  - name: one
    url: SERVICE
    plugins:
      - { name: key-auth, config: { anonymous: guest } }
      - { name: response-transformer, config: { add: { headers: ['x-by:service'] } } }
    routes:
      - name: r1
        paths: [/r1]
        plugins: [{ name: response-transformer, config: { add: { headers: ['x-by:route'] } } }]
      - { name: r2, paths: [/r2] }
  - { name: two, url: SERVICE, routes: [{ name: r3, paths: [/r3], plugins: [{ name: key-auth, config: { anonymous: guest } }] }] }
consumers:
  - username: ada
    keyauth_credentials: [{ key: ada-key }]
    plugins: [{ name: response-transformer, config: { add: { headers: ['x-by:consumer'] } } }]
  - { username: bob, keyauth_credentials: [{ key: bob-key }], groups: [{ name: gold }] }
  - { username: guest }
consumer_groups:
  - { name: gold, plugins: [{ name: response-transformer, config: { add: { headers: ['x-by:group'] } } }] }
plugins:
  - { name: response-transformer, config: { add: { headers: ['x-by:all'] } } }
  - { name: response-transformer, consumer: ada, route: r2, service: one, config: { add: { headers: ['x-by:three'] } } }
  - { name: response-transformer, route: r2, service: one, config: { add: { headers: ['x-by:route and service'] } } }
`);
  const by = async (path: string, apikey?: string) =>
    (await ask({ request: `GET ${path}`, ...(apikey === undefined ? {} : { headers: { apikey } }) })).headers['x-by'];
  expect(await by('/r1')).toBe('route');
  expect(await by('/r1', 'ada-key')).toBe('consumer');
  expect(await by('/r2', 'ada-key')).toBe('three');
  expect(await by('/r2')).toBe('route and service');
  expect(await by('/r3')).toBe('all');
  expect(await by('/r3', 'ada-key')).toBe('consumer');
  expect(await by('/r3', 'bob-key')).toBe('group');
});

test('an upstream has targets with weights, an algorithm and health checks', async () => {
  const { ask, imported } = await kongAtWork(`
_format_version: "3.0"
services:
  - { name: one, host: behind, retries: 2, connect_timeout: 500, read_timeout: 700, routes: [{ name: r, paths: [/r] }] }
upstreams:
  - name: behind
    algorithm: consistent-hashing
    hash_on: header
    hash_on_header: X-Shop
    host_header: inside.test
    targets:
      - { target: 10.0.0.1, weight: 10 }
      - { target: 'drained.test:81', weight: 0 }
    healthchecks:
      active: { http_path: /alive, healthy: { interval: 5, successes: 1 }, unhealthy: { interval: 2, http_failures: 3 } }
      passive: { unhealthy: { http_failures: 4, tcp_failures: 2 } }
targets:
  - { upstream: behind, target: 10.0.0.2:9000 }
`);
  expect(imported.written.clusters['one']).toEqual({
    endpoints: [
      { address: 'http://10.0.0.1:8000', weight: 10 },
      { address: 'http://10.0.0.2:9000', weight: 100 },
    ],
    balancer: 'ring-hash',
    panic: '0%',
    health: {
      kind: 'http',
      path: '/alive',
      statuses: [200, 302],
      interval: '5000ms',
      unhealthyInterval: '2000ms',
      timeout: '1000ms',
      healthyAfter: 1,
      unhealthyAfter: 3,
    },
    outliers: { consecutiveFailures: 2, maxEjected: '100%', successRate: 'off' },
    pool: { host: 'inside.test', connectTimeout: '500ms' },
    policy: { retry: { attempts: 3 } },
  });
  expect(imported.written.routes[0]).toMatchObject({
    timeout: '700ms',
    timeoutOf: 'silence',
    filters: [{ type: 'rewrite' }, { type: 'affinity', by: '{header:x-shop}' }],
  });
  expect((await ask({ request: 'GET /elsewhere' })).status).toBe(404);
});
