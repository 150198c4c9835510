import { FairleadError } from '@fairlead/core';
import { expect, test } from 'vitest';
import type { SnapshotProblem } from './snapshot-problem.ts';
import { KINDS, readYard, yardWith } from './yard.fixture.ts';
import { FILTER_KINDS } from './filter-kinds.ts';
import { snapshotFrom } from './read-snapshot.ts';

const YARD = `# The yard's door.
listeners:
  - name: public
    address: 0.0.0.0:8443
    tls: { certificate: public.pem, key: public-key.pem }
    limits: { maxHead: 32KiB, idleTimeout: 90s }
  - { name: inside, address: unix:/run/gateway.sock, trustedProxies: [10.0.0.0/8] }
filters:
  - { type: badge, issuer: urn:yard }
routes:
  - name: orders
    hosts: [Shop.Test, '*.shop.test']
    match:
      - { path: /orders, method: [GET, HEAD] }
      - { path: { template: '/orders/:id' }, headers: { X-Debug: { present: true } } }
    to:
      - { cluster: orders, weight: 90 }
      - { cluster: canary, weight: 10 }
    timeout: 2.5s
    maxBody: 64KiB
    policy: patient
  - name: moved
    match: { path: { exact: /old } }
    listeners: [inside]
    filters: [{ type: signpost, status: 308 }]
clusters:
  orders:
    endpoints:
      - http://127.0.0.1:3000
      - { address: 'https://orders.test', weight: 3, zone: a }
    balancer: round-robin
    health: { path: /up, interval: 2s, statuses: [200, 204], unhealthyAfter: 1 }
    outliers: { kind: probation, minPenalty: 2s, jitter: 20% }
    slowStart: { window: 30s }
    panic: 30%
    zone: a
    pool: { idleTimeout: 10s }
    policy: { timeout: { total: 1s } }
  canary: { dns: 'http://canary.internal:3000', outliers: off }
policies:
  patient: { timeout: { total: 5s } }
`;

function problemsOf(text: string): readonly SnapshotProblem[] {
  try {
    readYard(text);
  } catch (error) {
    // `as`: what readSnapshot puts there.
    if (error instanceof FairleadError) return error.details['problems'] as SnapshotProblem[];
    throw error;
  }
  return [];
}
const said = (text: string): string[] =>
  problemsOf(text).map(({ line, column, path, message }) => `${line}:${column} ${path}: ${message}`);

test('what is written is read with its units, defaults and references', () => {
  const { listeners, routes, clusters, sharedFilters, origin } = readYard(YARD);
  expect(origin).toBe('yard.yaml');
  expect(sharedFilters).toEqual([{ type: 'badge', issuer: 'urn:yard' }]);
  expect(listeners).toMatchObject([
    {
      name: 'public',
      address: { host: '0.0.0.0', port: 8443 },
      tls: { certificates: [{ certificate: 'public.pem', key: 'public-key.pem' }], minVersion: '1.2' },
      hasHttp2: false,
      limits: { maxHeadBytes: 32_768, idleTimeoutMs: 90_000 },
    },
    { name: 'inside', address: { path: '/run/gateway.sock' }, trustedProxies: ['10.0.0.0/8'] },
  ]);
  expect(routes[0]).toMatchObject({
    name: 'orders',
    label: 'orders',
    hosts: ['shop.test', '*.shop.test'],
    filters: [{ type: 'badge' }],
    sharedFilters: 1,
    destinations: [
      { cluster: 'orders', weight: 90 },
      { cluster: 'canary', weight: 10 },
    ],
    timeoutMs: 2_500,
    maxBodyBytes: 65_536,
    policyName: 'patient',
    policy: { timeout: { total: '5s' } },
    listeners: ['public', 'inside'],
  });
  expect(routes[0]?.matches).toEqual([
    { path: { kind: 'prefix', path: '/orders' }, methods: ['GET', 'HEAD'] },
    { path: { kind: 'template', path: '/orders/:id' }, headers: { 'x-debug': { present: true } } },
  ]);
  expect(routes[1]).toMatchObject({ label: '/old', destinations: [], timeoutMs: 10_000, maxBodyBytes: 1_048_576 });
  expect(clusters).toEqual([
    {
      name: 'orders',
      endpoints: {
        kind: 'listed',
        endpoints: [
          { endpoint: { host: '127.0.0.1', port: 3000 }, weight: 1, zone: undefined },
          { endpoint: { host: 'orders.test', port: 443, isTls: true }, weight: 3, zone: 'a' },
        ],
      },
      options: {
        balancer: 'round-robin',
        health: { path: '/up', intervalMs: 2_000, expectedStatuses: [200, 204], unhealthyThreshold: 1 },
        outliers: { kind: 'probation', minPenaltyMs: 2_000, jitterRatio: 0.2 },
        slowStart: { windowMs: 30_000 },
        panicThreshold: 0.3,
        zone: { own: 'a' },
        pool: { idleTimeoutMs: 10_000 },
      },
      policy: { timeout: { total: '1s' } },
      policyName: undefined,
    },
    {
      name: 'canary',
      endpoints: { kind: 'dns', host: 'canary.internal', port: 3000, isTls: false },
      options: { outliers: 'off' },
      policy: undefined,
      policyName: undefined,
    },
  ]);
});

test('nothing of it can be changed', () => {
  const { routes, clusters } = readYard(YARD);
  expect(Object.isFrozen(routes[0]?.destinations)).toBe(true);
  expect(Object.isFrozen(clusters[0]?.options.health)).toBe(true);
});

test('a listener serves the routes that name it, and those that name none', () => {
  const [outside, inside] = readYard(YARD).listeners;
  const facts = {
    method: 'GET',
    path: '/old',
    query: '',
    host: 'shop.test',
    fields: { get: () => undefined } as never,
    clientAddress: '',
    isTls: false,
  };
  expect(outside?.table.find(facts)).toEqual({ kind: 'no-route' });
  expect(inside?.table.find(facts)).toMatchObject({ kind: 'route', route: { name: 'moved' } });
});

test('the hash is of what is meant: not of comments, the order of keys, or how a time is written', () => {
  const { hash } = readYard(yardWith('  - { name: a, to: orders, timeout: 10s }'));
  expect(hash).toMatch(/^[0-9a-f]{64}$/);
  expect(readYard(yardWith('  # Hello\n  - { timeout: 10000ms, to: orders, name: a }')).hash).toBe(hash);
  expect(readYard(yardWith('  - { name: a, to: orders }')).hash).toBe(hash);
  expect(readYard(yardWith('  - { name: a, to: canary }')).hash).not.toBe(hash);
  expect(readYard(yardWith('  - { name: a, to: orders, timeout: 11s }')).hash).not.toBe(hash);
});

test('JSON is read as YAML is, and code can give the same as a value', () => {
  const value = {
    listeners: [{ name: 'public', address: '127.0.0.1:0' }],
    clusters: { orders: { endpoints: ['http://127.0.0.1:3000'] }, canary: { endpoints: ['http://127.0.0.1:3001'] } },
    routes: [{ name: 'a', to: 'orders' }],
  };
  const { hash } = readYard(yardWith('  - { name: a, to: orders }'));
  expect(readYard(JSON.stringify(value)).hash).toBe(hash);
  expect(snapshotFrom(value, { origin: 'code', loadedAtMs: 0, kinds: KINDS }).hash).toBe(hash);
  expect(() =>
    snapshotFrom({ ...value, routes: [{}] }, { origin: 'code', loadedAtMs: 0, kinds: FILTER_KINDS }),
  ).toThrow(/^code has 2 problems:\n {2}code: routes\[0\]\.name: is missing; it must be a text\n/);
});

test('anchors, aliases and merge keys do what YAML says', () => {
  const { routes } = readYard(
    yardWith(`  - &first { name: a, to: orders, timeout: 3s }
  - { <<: *first, name: b }`),
  );
  expect(routes[1]).toMatchObject({ name: 'b', timeoutMs: 3_000, destinations: [{ cluster: 'orders' }] });
});

test('everything that is wrong is told at once, with its line and column', () => {
  const text = `listeners:
  - { name: public, address: localhost }
  - { name: public, address: ':8080', http3: true }
routes:
  - name: orders
    match: { pth: /orders }
    to: ordrs
    timeout: 10
  - name: orders
    match:
      path: { regex: '/a(?=b)' }
    to: [{ cluster: orders, weight: 0 }]
    policy: patien
clusters:
  orders: { endpoints: [127.0.0.1:3000] }
policies: { patient: { retry: { attempts: many } } }
filter: []
`;
  expect(said(text)).toEqual([
    '2:30 listeners[0].address: write 0.0.0.0:8080, [::]:8080 or unix:/run/gateway.sock, not "localhost"',
    '3:13 listeners[1].name: there is a listener of this name already: listeners[0]',
    '3:39 listeners[1].http3: is no known key; did you mean "http2"?',
    '6:14 routes[0].match.pth: is no known key; did you mean "path"?',
    '7:9 routes[0].to: there is no cluster "ordrs"; did you mean orders?',
    '8:14 routes[0].timeout: write a duration such as 250ms, 10s, 5m or 1h, not 10',
    '9:11 routes[1].name: there is a route of this name already: routes[0]',
    '11:22 routes[1].match.path.regex: looks ahead or behind, which takes more than linear time; match the whole text',
    '12:9 routes[1].to: has weights that add up to 0, so that nobody takes a request; give one of them more',
    '13:13 routes[1].policy: there is no policy "patien"; did you mean patient?',
    '15:25 clusters.orders.endpoints[0]: write http://10.0.0.7:3000, https://api.example.com or unix:/run/orders.sock, without a path, not "127.0.0.1:3000"',
    "16:43 policies.patient.retry.attempts: 'many' is no whole number; write it without quotes",
    '17:1 filter: is no known key; did you mean "filters"?',
  ]);
});

test.each([
  ['routes: [', /^\d+:\d+ : /],
  ['a: 1\na: 2\n', /^2:1 : this key is there twice$/],
  ['{"listeners": [], "listeners": []}', /^1:19 : this key is there twice$/],
  ['a: !secret 1\n', /^1:4 : Unresolved tag: !secret$/],
  ['a: 1\n---\nb: 2\n', /^\d:\d : /],
  ['', /^1:1 : must be an object, and is null$/],
])('what is no one document is refused: %j', (text, pattern) => expect(said(text)[0]).toMatch(pattern));

test('aliases that multiply beyond measure are refused', () => {
  const levels = Array.from(
    { length: 9 },
    (_, level) =>
      `${'abcdefghij'[level + 1]}: &${'abcdefghij'[level + 1]} [${Array.from({ length: 9 }, () => `*${'abcdefghij'[level]}`).join(', ')}]`,
  );
  expect(said(`a: &a [x, x]\n${levels.join('\n')}\n`)[0]).toMatch(/alias/i);
});

test.each([
  ['{ name: a, to: orders, match: { path: orders } }', 'routes[0].match.path: must begin with /'],
  ['{ name: a, to: orders, match: { path: /a//b } }', 'may not have empty segments'],
  ['{ name: a, to: orders, match: { path: /a/../b } }', 'may not have . or .. segments'],
  ['{ name: a, to: orders, match: { path: /a/%2e%2E/b } }', 'may not have . or .. segments'],
  ['{ name: a, to: orders, match: { path: /-/x } }', "is the proxy's own"],
  ['{ name: a, to: orders, match: { path: "/a/*" } }', 'a prefix goes on without one'],
  ['{ name: a, to: orders, match: { path: /a/:id } }', 'write { template: "/a/:id" }'],
  ['{ name: a, to: orders, match: { path: { template: "/a/{id}.json" } } }', 'write a regex'],
  ['{ name: a, to: orders, match: { path: { template: "/a/{id}/:id" } } }', 'has a parameter twice'],
  ['{ name: a, to: orders, match: { path: { exact: /a, prefix: /b } } }', 'exactly one of exact'],
  ['{ name: a, to: orders, match: { path: 7 } }', 'match.path: must be a text or an object, and is 7'],
  ['{ name: a, to: orders, match: { path: { regex: "(a)\\\\1" } } }', 'refers back to a group'],
  ['{ name: a, to: orders, match: { path: { regex: "[" } } }', "is no regular expression in RE2's syntax"],
  ['{ name: a, to: orders, match: { method: get } }', 'must be a method in capitals'],
  ['{ name: a, to: orders, match: { method: CONNECT } }', 'never forwarded'],
  ['{ name: a, to: orders, match: { headers: { "a b": x } } }', 'is no name of a header field'],
  ['{ name: a, to: orders, match: { headers: { a: 7 } } }', 'headers.a: must be a text or an object, and is 7'],
  ['{ name: a, to: orders, match: { query: { a: {} } } }', 'says nothing'],
  ['{ name: a, to: orders, match: { query: { a: { present: false, exact: x } } } }', 'it never matches'],
  ['{ name: a, to: orders, match: { client: 10.0.0.0/33 } }', 'is neither an address nor a CIDR block'],
  ['{ name: a, to: orders, match: { grpc: { service: a.B }, path: /x } }', 'is a path by itself'],
  ['{ name: a, to: orders, match: { version: { by: date, from: 2026-02-30 } } }', 'write a day such as'],
  [
    '{ name: a, to: orders, match: { version: { by: date, from: 2026-02-01, until: 2026-02-01 } } }',
    'no day would fit',
  ],
  ['{ name: a, to: orders, match: { version: { by: header } } }', 'is missing: which version'],
  [
    '{ name: a, to: orders, match: { version: { by: path, is: "2", header: x } } }',
    'has no meaning for versions by path',
  ],
  ['{ name: a, to: orders, match: { body: { type: x } } }', 'is no JSON pointer'],
  ['{ name: a, to: orders, match: { bodyUpTo: 1KiB } }', 'it belongs to body'],
  ['{ name: a, to: orders, match: { claims: { plan: gold } } }', 'no filter for all routes proves who asks; put badge'],
  ['{ name: a, to: orders, match: [] }', 'nothing would match'],
  ['{ name: a, to: orders, hosts: ["shop.test:80"] }', 'has a port'],
  ['{ name: a, to: orders, hosts: ["*"] }', 'leave hosts out'],
  ['{ name: a, to: orders, hosts: ["a.*.test"] }', 'write *.example.com'],
  ['{ name: a, to: orders, listeners: [publik] }', 'there is no listener "publik"; did you mean public?'],
  ['{ name: a, to: [{ cluster: orders }, { cluster: orders }] }', 'orders is here twice'],
  ['{ name: a, to: [] }', 'leads nowhere'],
  ['{ name: a }', 'routes[0]: leads nowhere'],
  ['{ name: a, to: orders, maxBody: 1MB }', 'write a size such as'],
  ['{ name: a, to: orders, timeout: soon }', 'write a duration such as'],
  ['{ name: a, to: orders, policy: { timeot: {} } }', 'timeot'],
  ['{ name: a, to: orders, policy: { hedge: {} } }', 'policy.hedge: a request is streamed to one endpoint at a time'],
  ['{ name: a, to: orders, policy: { cache: { ttl: 1s } } }', 'policy.cache: answers are streamed through'],
  ['{ name: a, to: orders, policy: { coalesce: {} } }', 'policy.coalesce: an answer is streamed to the one who asked'],
  ['{ name: a, to: orders, policy: { fallback: {} } }', 'policy.fallback: there is no value here to answer with'],
  ['{ name: a, to: orders, filters: [{ type: bagde, issuer: x }] }', '"bagde" is no filter; did you mean badge?'],
  ['{ name: a, to: orders, filters: [{ type: badge, isuer: x }] }', 'did you mean "issuer"?'],
  ['{ name: a, to: orders, filters: [{ type: signpost, status: 200 }] }', 'filters[0].status: must be at least 300'],
  ['{ name: a, to: orders, filters: [badge] }', 'filters[0]: must be an object, and is the text "badge"'],
  ['{ name: a b, to: orders }', 'routes[0].name: must be letters, digits'],
])('%s is refused: %s', (route, message) => {
  const problems = said(yardWith(`  - ${route}`));
  expect(problems.join('\n')).toContain(message);
  expect(problems.every((problem) => problem.startsWith('6:'))).toBe(true);
});

test.each([
  ['{ }', 'endpoints: is missing'],
  ['{ endpoints: [], dns: "http://a.test" }', 'dns: stands beside endpoints'],
  ['{ endpoints: ["http://a.test/x"] }', 'without a path'],
  ['{ endpoints: [{ address: "http://a.test", wieght: 2 }] }', 'did you mean "weight"?'],
  ['{ endpoints: [], balancer: fastest }', 'must be p2c, round-robin'],
  ['{ endpoints: [], balancer: maglev, zone: a }', 'leave it out'],
  ['{ endpoints: [], maxLoadFactor: 2 }', 'has no meaning for p2c'],
  ['{ endpoints: [], panic: 0.5 }', 'panic: write a share such as 20%, at most 100%, not 0.5'],
  ['{ endpoints: [], panic: 101% }', 'write a share such as 20%'],
  [
    '{ endpoints: [], outliers: { kind: probation, consecutiveGatewayErrors: 2 } }',
    'consecutiveGatewayErrors: is no known key',
  ],
  ['{ endpoints: [], outliers: { consecutiveFailure: 2 } }', 'did you mean "consecutiveFailures"?'],
  ['{ endpoints: [], outliers: on }', 'outliers: must be "off" or an object, and is the text "on"'],
  ['{ endpoints: [], health: { statuses: [204, 200] } }', 'the lower status first'],
  ['{ endpoints: [], policy: { hedge: {} } }', 'clusters.orders.policy.hedge: a request is streamed'],
  ['{ endpoints: [], policy: nobody }', 'there is no policy "nobody"; there is none'],
])('the cluster %s is refused: %s', (cluster, message) => {
  const text = `listeners: [{ name: public, address: ':0' }]\nroutes: []\nclusters:\n  orders: ${cluster}\n`;
  expect(said(text).join('\n')).toContain(message);
});

test('a shared policy with what only callers can do is told where it is, used or not', () => {
  const text = `listeners: [{ name: public, address: ':0' }]
routes: []
clusters: {}
policies:
  swift: { timeout: { total: 1s }, hedge: { delay: 50ms } }
`;
  expect(said(text)).toEqual([expect.stringMatching(/^5:\d+ policies\.swift\.hedge: .*; leave it out/)]);
});
