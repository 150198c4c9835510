// concurrency, affinity, when, error-page and relocate: kinds that are a few lines each.
import { expect, test } from 'vitest';
import { answering, get, OK, running, upstream } from '../engine/engine.fixture.ts';
import { affinityKind } from './affinity-kind.ts';
import { concurrencyKind } from './concurrency-kind.ts';
import { filterWorld, type TestFacts } from './passage.fixture.ts';
import { respondKind } from './respond-kind.ts';
import { whenKind } from './when-kind.ts';

const OUTCOME = { status: 200, cause: undefined, durationMs: 1 };

test('so many requests of one are under way, and no more', () => {
  const world = filterWorld();
  const make = (max: number) =>
    concurrencyKind.make(
      concurrencyKind.schema.parse({ type: 'concurrency', by: '{header:x-key}', max, name: 'n' }),
      world,
    );
  const [filter, looser] = [make(1), make(2)];
  const of = (key: string) => world.passage({ headers: { 'x-key': key } });
  const first = of('a');
  expect(filter.request?.(first)).toBeUndefined();
  const second = of('a');
  expect(filter.request?.(second)).toMatchObject({ status: 503, cause: 'OVERLOADED' });
  // Those who were turned away end, too, and free nothing.
  filter.ended?.(second, OUTCOME);
  expect(filter.request?.(of('a'))).toMatchObject({ status: 503 });
  // Another limit of the same name counts together.
  expect(looser.request?.(of('a'))).toBeUndefined();
  expect(looser.request?.(of('a'))).toMatchObject({ status: 503 });
  expect(filter.request?.(of('b'))).toBeUndefined();
  expect([1, 2].map(() => filter.request?.(world.passage()))).toEqual([undefined, undefined]);
  filter.ended?.(first, OUTCOME);
  filter.ended?.(first, OUTCOME);
  expect(looser.request?.(of('a'))).toBeUndefined();
});

test('requests that belong together have a key', () => {
  const world = filterWorld();
  const filter = affinityKind.make(affinityKind.schema.parse({ type: 'affinity', by: '{cookie:s}' }), world);
  const [known, unknown] = [world.passage({ headers: { cookie: 's=7' } }), world.passage()];
  for (const passage of [known, unknown]) expect(filter.request?.(passage)).toBeUndefined();
  expect([known.hashKey, unknown.hashKey]).toEqual(['7', undefined]);
});

test.each<[title: string, spec: object, facts: TestFacts, isMeant: boolean]>([
  ['a method', { is: { method: 'POST' } }, { method: 'POST' }, true],
  ['another method', { is: { method: 'POST' } }, {}, false],
  ['not a method', { isNot: { method: ['GET', 'HEAD'] } }, { method: 'PUT' }, true],
  ['a field', { is: { headers: { 'x-a': '1' } } }, { headers: { 'x-a': '1' } }, true],
  ['one of several', { is: [{ method: 'PUT' }, { query: { a: '1' } }] }, { query: '?a=1' }, true],
  ['none of several', { isNot: [{ method: 'PUT' }, { query: { a: '1' } }] }, { query: '?a=1' }, false],
  ['an expression', { is: { path: { regex: '/a.*' } } }, { path: '/%61b' }, true],
  ['a beginning', { is: { path: { startsWith: '/a', unless: ['/ab'] } } }, { path: '/abc' }, false],
  ['a whole path', { is: { path: { exact: '/a' } } }, { path: '/a/' }, false],
  ['a prefix', { is: { path: '/a/' } }, { path: '/a' }, true],
  ['no prefix', { is: { path: '/a' } }, { path: '/ab' }, false],
  ['a client', { is: { client: '192.0.2.0/24' } }, {}, true],
])('filters are for requests with %s', (_title, spec, facts, isMeant) => {
  const world = filterWorld();
  const written = { type: 'when', filters: [{ type: 'respond', status: 204 }], ...spec };
  const filter = whenKind.make(whenKind.schema.parse(written), world);
  expect(filter.request?.(world.passage(facts))).toEqual(
    isMeant ? expect.objectContaining({ status: 204 }) : undefined,
  );
});

test('what a filter for some requests may ask for is known early', () => {
  const faults = (spec: object) =>
    JSON.stringify(whenKind.schema.safeParse({ type: 'when', filters: [{ type: 'respond' }], ...spec }).error?.issues);
  expect(faults({ is: { claims: { plan: 'gold' } } })).toContain('where routes are chosen');
  expect(faults({ is: { path: { template: '/{id}' } } })).toContain('write a regex');
  expect(faults({})).toContain('write one of is and isNot');
});

test('filters for some requests edit and answer those only', async () => {
  const shop = await answering(OK);
  const filters = [
    {
      type: 'when',
      is: { headers: { 'x-ring': 'testers' } },
      filters: [
        { type: 'headers', answer: { set: { 'x-seen': 'yes' } } },
        { type: 'when', is: { method: 'DELETE' }, filters: [{ type: 'respond', status: 405 }] },
      ],
    },
  ];
  const { client } = await running({ clusters: { shop: { endpoints: [shop.origin] } }, filters });
  expect(await client().send(get('/', 'X-Ring: testers')).got('ok')).toContain('x-seen: yes');
  expect(await client().send(get('/')).got('ok')).not.toContain('x-seen');
  const refused = await client().send(get('/', 'X-Ring: testers').replace('GET', 'DELETE')).got('}');
  expect(refused).toMatch(/^HTTP\/1.1 405 [^]*x-seen: yes/);
});

test('pages take the place of failures of the gateway, and of others where that is wanted', async () => {
  const shop = await answering('HTTP/1.1 404 Not Found\r\ncontent-length: 4\r\n\r\ngone');
  const clusters = { shop: { endpoints: [shop.origin] }, nobody: { endpoints: [] } };
  const page = (spec: object) => ({
    type: 'error-page',
    on: [404, 503],
    answer: { body: 'sorry {host}', template: true },
    ...spec,
  });
  const routes = [
    { name: 'own', match: { path: '/own' }, to: 'shop', filters: [page({})] },
    { name: 'all', match: { path: '/all' }, to: 'shop', filters: [page({ of: 'all' })] },
    {
      name: 'none',
      match: { path: '/none' },
      to: 'nobody',
      filters: [page({ answer: { status: 302, headers: { location: '/status{search}' } } })],
    },
    { name: 'later', match: { path: '/later' }, filters: [page({}), { type: 'respond', status: 404 }] },
    { name: 'before', match: { path: '/before' }, filters: [{ type: 'respond', status: 404 }, page({})] },
  ];
  const { client } = await running({ clusters, routes });
  expect(await client().send(get('/own')).got('gone')).toMatch(/^HTTP\/1.1 404 /);
  expect(await client().send(get('/all')).got('sorry shop.test')).toMatch(
    /^HTTP\/1.1 404 [^]*content-type: text\/plain/,
  );
  expect(await client().send(get('/none?a=1')).got('\r\n\r\n')).toMatch(
    /^HTTP\/1.1 302 [^]*location: \/status\?a=1\r\n/,
  );
  expect(await client().send(get('/later')).got('sorry')).toMatch(/^HTTP\/1.1 404 /);
  expect(await client().send(get('/before')).got('ANSWERED_HERE')).not.toContain('sorry');
});

test('where upstreams send clients is what clients can reach', async () => {
  let location = '';
  const shop = await upstream((wire) => {
    wire.socket.on('data', () => wire.send(`HTTP/1.1 302 Found\r\nlocation: ${location}\r\ncontent-length: 0\r\n\r\n`));
  });
  const rules = [
    { from: 'http://orders.internal/v1/', to: '{scheme}://{host}/orders/' },
    { from: 'http://orders.internal/', to: '/' },
  ];
  const { client } = await running({
    clusters: { shop: { endpoints: [shop.origin] } },
    filters: [{ type: 'relocate', rules }],
  });
  for (const [from, to] of [
    ['http://orders.internal/v1/7', 'http://shop.test/orders/7'],
    ['http://orders.internal/x', '/x'],
    ['https://orders.internal/x', 'https://orders.internal/x'],
  ]) {
    location = from ?? '';
    expect(await client().send(get('/')).got('\r\n\r\n')).toContain(`location: ${to}\r\n`);
  }
});

test('an answer may hold something of the request, where that is wanted', async () => {
  const routes = [
    {
      name: 'echo',
      match: { path: '/echo' },
      filters: [{ type: 'respond', body: '{method} {target}', headers: { 'x-host': ['{host}', 'b'] }, template: true }],
    },
    { name: 'plain', match: { path: '/plain' }, filters: [{ type: 'respond', body: '{method}' }] },
  ];
  const { client } = await running({ clusters: {}, routes });
  expect(await client().send(get('/echo?a=1')).got('GET /echo?a=1')).toMatch(/x-host: shop\.test\r\nx-host: b\r\n/);
  await client().send(get('/plain')).got('{method}');
  expect(respondKind.schema.safeParse({ type: 'respond', body: '{nothing}', template: true }).success).toBe(false);
});
