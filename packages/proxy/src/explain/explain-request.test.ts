import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { seededRandom, virtualClock } from '@fairlead/core';
import { expect, test } from 'vitest';
import { KINDS, readYard } from '../snapshot/yard.fixture.ts';
import { describeSnapshot } from './describe-snapshot.ts';
import { explainRequest, type Explanation } from './explain-request.ts';
import type { RequestToExplain } from './explained-request.ts';
import { readPlatformGateway } from './platform-gateway.ts';

const SNAPSHOT = readYard(`
listeners:
  - { name: public, address: '0.0.0.0:8080' }
  - { name: inside, address: '[::1]:9090' }
filters: [{ type: badge, issuer: urn:yard }]
routes:
  - { name: all, to: orders }
  - { name: shop, hosts: ['*.shop.test'], match: { path: /orders }, to: orders }
  - { name: eu, hosts: [eu.shop.test], match: { path: /orders }, to: orders }
  - { name: line, match: { path: { template: '/orders/:id/lines/{line}' } }, to: orders, timeout: 2s, maxBody: 1KiB }
  - { name: first, match: { path: { template: '/orders/first/lines/:line' } }, to: orders }
  - { name: image, match: { path: { regex: '/orders/.*\\.png' } }, to: orders }
  - { name: mine, match: { path: { exact: /orders/mine } }, to: orders }
  - { name: get, match: { path: /v, method: GET }, to: orders }
  - { name: header, match: { path: /v, headers: { x-debug: '1' } }, to: orders }
  - { name: query, match: { path: /v, query: { q: '1' } }, to: orders }
  - { name: cookie, match: { path: /v, cookies: { c: '1' } }, to: orders }
  - name: split
    match: [{ path: /v }, { path: /w }]
    to: [{ cluster: orders, weight: 3 }, { cluster: canary, weight: 1 }]
    policy: patient
  - { name: twin, match: { path: /v }, to: orders }
  - { name: gold, match: { path: /g, claims: { plan: gold } }, to: orders }
  - { name: refund, match: { path: /g, body: { /type: refund } }, to: orders }
  - { name: d1, match: { path: /d, version: { by: date, from: 2026-01-01 } }, to: orders }
  - { name: d2, match: { path: /d, version: { by: date, from: 2026-06-01 } }, to: orders }
  - { name: once, exclusive: true, match: { path: /only/this, method: PUT }, filters: [{ type: signpost, status: 308 }] }
  - { name: hidden, listeners: [inside], match: { path: /hidden }, to: orders }
clusters:
  orders: { endpoints: [http://10.0.0.7:3000, unix:/run/orders.sock], policy: { timeout: { total: 1s } } }
  canary: { dns: 'https://canary.test', balancer: random }
policies: { patient: { timeout: { total: 5s } } }
`);

const explain = (request: Partial<RequestToExplain>): Explanation =>
  explainRequest(SNAPSHOT, { method: 'POST', url: '/', ...request }, KINDS);
const whyNot = ({ candidates }: Explanation, route: string): string | undefined => {
  const verdict = candidates.find((each) => each.route === route)?.verdict;
  return verdict?.kind === 'won' ? 'won' : verdict?.why;
};

test('the route that wins is shown with what the request meets on its way', () => {
  const { destiny, request, listener } = explain({ url: 'http://eu.shop.test:8080/orders/4%2B2/lines/7?x=1' });
  expect(request).toEqual({ method: 'POST', host: 'eu.shop.test', path: '/orders/4%2B2/lines/7', query: '?x=1' });
  expect(listener).toEqual({ name: 'public', address: '0.0.0.0:8080' });
  expect(destiny).toMatchObject({ kind: 'route', route: 'eu' });
  expect(explain({ url: 'http://else.test/orders/4%2B2/lines/7' }).destiny).toEqual({
    kind: 'route',
    route: 'line',
    parameters: { id: '4+2', line: '7' },
    filters: [{ type: 'badge', says: 'Asks for a badge.', isShared: true }],
    destinations: [
      {
        cluster: 'orders',
        share: 1,
        endpoints: ['http://10.0.0.7:3000', 'unix:/run/orders.sock'],
        balancer: 'p2c',
      },
    ],
    timeoutMs: 2_000,
    maxBodyBytes: 1_024,
    policy: { of: 'cluster', name: 'one of its own' },
    needed: [],
  });
  expect(explain({ url: '/w' }).destiny).toMatchObject({
    route: 'split',
    destinations: [
      { cluster: 'orders', share: 0.75 },
      { cluster: 'canary', share: 0.25, endpoints: ['https://canary.test:443 (each address of the name)'] },
    ],
    policy: { of: 'route', name: 'patient' },
  });
});

test('every match that fits and loses says by what', () => {
  const eu = explain({ url: 'http://eu.shop.test/orders/first/lines/7' });
  expect(eu.candidates[0]).toMatchObject({
    route: 'eu',
    verdict: { kind: 'won' },
    words: 'any method /orders and below',
  });
  expect(whyNot(eu, 'shop')).toBe('eu names the host more precisely (eu.shop.test)');
  expect(whyNot(eu, 'line')).toBe('eu names the host more precisely (eu.shop.test)');
  const first = explain({ url: '/orders/first/lines/7' });
  expect(whyNot(first, 'line')).toBe(
    'first has the template whose first different segment stands for itself (/orders/first/lines/:line)',
  );
  expect(whyNot(first, 'all')).toBe('first has a template, which comes before a prefix');
  expect(whyNot(explain({ url: '/orders/mine' }), 'all')).toBe('mine has a whole path, which comes before a prefix');
  const v = explain({
    method: 'GET',
    url: '/v?q=1',
    headers: [
      ['X-Debug', '1'],
      ['Cookie', 'c=1'],
    ],
  });
  expect(whyNot(v, 'get')).toBe('won');
  expect(whyNot(v, 'all')).toBe('get has the longer prefix (/v and below)');
  expect(whyNot(v, 'header')).toBe('get names the method');
  const post = (more: Partial<RequestToExplain>) => explain({ url: '/v?q=1', ...more });
  expect(whyNot(post({ headers: [['x-debug', '1']] }), 'query')).toBe(
    'header has more conditions on headers (1 against 0)',
  );
  expect(whyNot(post({ headers: [['cookie', 'c=1']] }), 'cookie')).toBe(
    'query has more conditions on the query (1 against 0)',
  );
  expect(whyNot(explain({ url: '/v', headers: [['cookie', 'c=1']] }), 'twin')).toBe(
    'cookie has more other conditions (1 against 0)',
  );
  expect(whyNot(explain({ url: '/v' }), 'twin')).toBe('split is as precise, and stands before it');
  expect(whyNot(explain({ url: '/d', headers: [['api-version', '2026-07-01']] }), 'd1')).toBe(
    'd2 is of a later day (2026-06-01)',
  );
});

test('a match that does not fit says the first thing that fails', () => {
  const v = explain({ url: 'https://shop.test/v', headers: [['x-debug', '2']] });
  expect(whyNot(v, 'shop')).toBe('the host is not *.shop.test');
  expect(whyNot(v, 'image')).toBe('the path is not paths that match /orders/.*\\.png');
  expect(whyNot(v, 'get')).toBe('the method is not GET');
  expect(whyNot(v, 'header')).toBe('it does not hold that header x-debug is "1"');
  expect(whyNot(v, 'query')).toBe('it does not hold that query parameter q is "1"');
  expect(v.candidates.some(({ route }) => route === 'hidden')).toBe(false);
});

test('claims and bodies count when they are given', () => {
  const nobody = explain({ url: '/g' });
  expect(nobody.destiny).toMatchObject({ route: 'all', needed: ['identity', 'body'] });
  expect(whyNot(nobody, 'gold')).toBe('it does not hold that claim plan is "gold": nobody is known');
  expect(whyNot(nobody, 'refund')).toBe('it does not hold that body /type is "refund": there is no body of JSON');
  expect(explain({ url: '/g', claims: { plan: 'gold' } }).destiny).toMatchObject({
    route: 'gold',
    needed: ['identity'],
  });
  const refund = explain({ url: '/g', claims: { plan: 'tin' }, body: '{"type":"refund"}' });
  expect(refund.destiny).toMatchObject({ route: 'refund' });
  expect(whyNot(refund, 'gold')).toBe('it does not hold that claim plan is "gold"');
});

test('what is refused says why, with the code that a client would see', () => {
  expect(explain({ method: 'GET', url: '/only/this/one' }).destiny).toEqual({
    kind: 'refused',
    status: 405,
    code: 'METHOD_NOT_ALLOWED',
    why: 'the path takes PUT',
  });
  expect(whyNot(explain({ method: 'GET', url: '/only/this' }), 'all')).toMatch(/^an exclusive route/);
  expect(explain({ url: '/a//b' }).destiny).toMatchObject({ status: 400, code: 'BAD_REQUEST' });
  expect(explain({ url: 'http://shop.test/a/../b' }).destiny).toMatchObject({ status: 400 });
  const alone = readYard(
    "listeners: [{ name: a, address: ':1' }]\nroutes: [{ name: r, match: { path: /r }, to: c }]\nclusters: { c: { endpoints: [] } }",
  );
  expect(explainRequest(alone, { method: 'GET', url: '/x' }).destiny).toMatchObject({ status: 404, code: 'NO_ROUTE' });
});

test('the listener is the one that is named, or has the port', () => {
  expect(explain({ url: 'http://shop.test:9090/hidden' }).destiny).toMatchObject({ route: 'hidden' });
  expect(explain({ url: 'http://shop.test/hidden', listener: 'inside' }).listener).toEqual({
    name: 'inside',
    address: '[::1]:9090',
  });
  expect(explain({ url: 'http://shop.test/hidden' }).destiny).toMatchObject({ route: 'all' });
  expect(() => explain({ listener: 'out' })).toThrow(/There are: public, inside/);
  expect(() => explain({ url: 'shop.test/x' })).toThrow(/is neither a URL nor a path/);
});

test('a snapshot describes itself without what filters keep to themselves', () => {
  const described = describeSnapshot(SNAPSHOT, KINDS);
  expect(described).toMatchObject({
    origin: 'yard.yaml',
    hash: SNAPSHOT.hash,
    loadedAt: '1970-01-01T00:00:00.000Z',
    listeners: [
      { name: 'public', address: '0.0.0.0:8080', routes: SNAPSHOT.routes.length - 1 },
      { name: 'inside', routes: SNAPSHOT.routes.length },
    ],
    clusters: [
      { name: 'orders', policy: 'one of its own' },
      { name: 'canary', balancer: 'random' },
    ],
  });
  expect(described.routes.find(({ name }) => name === 'once')).toMatchObject({
    isExclusive: true,
    matches: ['PUT /only/this and below'],
    filters: ['Asks for a badge.', 'Sends elsewhere.'],
  });
  expect(JSON.stringify(described)).not.toContain('urn:yard');
});

test('the gateway of a platform is explained by what it was started with', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'explain-test-'));
  const file = join(folder, 'gateway.json');
  const config = {
    listen: { port: 8080 },
    routes: [
      { path: '/orders', service: 'orders', roles: ['buyer'], methods: ['GET'] },
      { path: '/', service: 'shop' },
    ],
    endpoints: { orders: { socketPath: '/run/orders.sock' }, shop: { socketPath: '/run/shop.sock' } },
    jwks: 'unix:/run/control.sock',
    issuer: 'urn:yard',
    audience: 'urn:yard:gateway',
    absent: ['shop'],
  };
  await writeFile(file, JSON.stringify(config));
  const ports = { clock: virtualClock(), random: seededRandom('explain') };
  const { snapshot, kinds } = await readPlatformGateway(file, ports);
  await rm(folder, { recursive: true });
  const asked = (method: string, url: string) => explainRequest(snapshot, { method, url }, kinds).destiny;
  expect(asked('HEAD', '/orders/7')).toMatchObject({
    kind: 'route',
    destinations: [{ cluster: 'orders', endpoints: ['unix:/run/orders.sock'] }],
    filters: [
      { says: 'verifies the token of the platform' },
      { says: 'needs one of the roles buyer' },
      { says: 'tells the service who asks, and how much time is left' },
    ],
  });
  // A route of the platform keeps its path for itself.
  expect(asked('POST', '/orders/7')).toMatchObject({ kind: 'refused', status: 405 });
  expect(asked('POST', '/catalog')).toMatchObject({ filters: [{}, { says: 'says that shop was not started' }, {}] });
  await expect(readPlatformGateway(file, ports)).rejects.toThrow("can't be read");
});
