import { expect, test } from 'vitest';
import type { SideRequest } from '../../engine/filter.ts';
import { composeKind } from './compose-kind.ts';
import { composeWorld, read, type Scripted } from './compose.fixture.ts';

/** Clusters by name. */
const by = (clusters: Readonly<Record<string, Scripted>>) => (request: SideRequest) => clusters[request.cluster] ?? {};

const PAGE = {
  path: '/orders/{id}/page',
  parts: {
    order: { to: 'orders', path: '/orders/{path:id}' },
    customer: { to: 'customers', path: '/customers/{order#/customerId}', optional: true },
    payment: { to: 'payments', path: '/payments', query: { orderId: '{path:id}' }, default: { state: 'unknown' } },
  },
};
const ORDER = { body: { id: 7, customerId: 'c 1' } };
const page = (world: ReturnType<typeof composeWorld>, headers: Record<string, string> = {}) => ({
  ...world.passage({ path: '/orders/7/page', headers }),
  leftMs: 1_000,
});

test('parts are asked at once, or after those whose answers they need, and stand in the order in which they are written', async () => {
  const world = composeWorld(
    by({
      orders: { ...ORDER, afterMs: 30 },
      customers: { body: { name: 'Ada' }, afterMs: 20 },
      payments: { body: { state: 'paid' }, afterMs: 10 },
    }),
  );
  const said = await world.compose(PAGE, page(world));
  expect(said.text).toBe('{"order":{"id":7,"customerId":"c 1"},"customer":{"name":"Ada"},"payment":{"state":"paid"}}');
  expect(said).toMatchObject({
    status: 200,
    tookMs: 50,
    fields: { 'content-type': 'application/json', 'x-fairlead-partial': 'false' },
  });
  expect(world.asked.map(({ cluster, target }) => `${cluster} ${target}`)).toEqual([
    'orders /orders/7',
    'payments /payments?orderId=7',
    'customers /customers/c%201',
  ]);
});

test('what is optional and fails is left out or has its default, and the whole says so twice', async () => {
  const world = composeWorld(
    by({ orders: ORDER, customers: { fails: 'UPSTREAM_RESET' }, payments: { afterMs: 5_000 } }),
  );
  const said = await world.compose(PAGE, page(world));
  expect(JSON.parse(said.text)).toEqual({
    order: { id: 7, customerId: 'c 1' },
    payment: { state: 'unknown' },
    partial: { customer: 'UPSTREAM_RESET', payment: 'UPSTREAM_TIMEOUT' },
  });
  expect(said).toMatchObject({
    status: 200,
    // Before the route's own time is over.
    tookMs: 950,
    fields: { 'x-fairlead-partial': 'true', 'cache-control': 'no-store' },
  });
});

test('an optional part that says that there is nothing makes nothing partial', async () => {
  const world = composeWorld(by({ orders: ORDER, customers: { status: 204 }, payments: { status: 404 } }));
  const said = await world.compose(PAGE, page(world));
  expect(JSON.parse(said.text)).toEqual({ order: ORDER.body, payment: { state: 'unknown' } });
  expect(said.fields).toMatchObject({ 'x-fairlead-partial': 'false' });
});

test.each<[string, Scripted, object]>([
  ['time', { afterMs: 5_000 }, { status: 504, cause: 'UPSTREAM_TIMEOUT' }],
  ['nobody who answers', { fails: 'UPSTREAM_UNAVAILABLE' }, { status: 503, cause: 'UPSTREAM_UNAVAILABLE' }],
  ['a connection that breaks', { fails: 'UPSTREAM_RESET' }, { status: 502, cause: 'UPSTREAM_RESET' }],
  ['a failure of its own', { status: 500 }, { status: 502, cause: 'PART_REFUSED', members: { partStatus: 500 } }],
  ['a redirect', { status: 302 }, { status: 502, cause: 'PART_REFUSED' }],
  ['no JSON', { body: Buffer.from('<p>') }, { status: 502, cause: 'PART_INVALID' }],
  ['half of its JSON', { body: Buffer.from('{"id":7') }, { status: 502, cause: 'PART_INVALID' }],
  ['no UTF-8', { body: Buffer.from([0x22, 0xff, 0x22]) }, { status: 502, cause: 'PART_INVALID' }],
  ['an endless list of lists', { body: Buffer.from('['.repeat(5_000)) }, { status: 502, cause: 'PART_INVALID' }],
  ['more than it may', { body: 'x'.repeat(300 * 1024) }, { status: 502, cause: 'UPSTREAM_INVALID' }],
])('a part that must be there and has %s is the failure of the whole', async (_what, order, expected) => {
  const world = composeWorld(by({ orders: order }));
  const said = await world.compose(PAGE, page(world));
  expect(said).toMatchObject(expected);
  expect(said.members).toMatchObject({ part: 'order' });
});

test('there is no page of what is not there: a 404 of a part is that of the whole, with its body', async () => {
  const problem = { code: 'ORDER_NOT_FOUND' };
  const fields = { 'content-type': 'application/problem+json', 'set-cookie': 'a=b' };
  const world = composeWorld(by({ orders: { status: 404, body: problem, fields }, payments: { afterMs: 100 } }));
  const said = await world.compose(PAGE, page(world));
  expect(said).toMatchObject({ status: 404, cause: 'PART_ANSWERED', text: JSON.stringify(problem) });
  expect(said.fields).toEqual({ 'content-type': ['application/problem+json'], 'cache-control': 'no-store' });
  const strict = { parts: { order: { to: 'orders', path: '/orders', passes: [] } } };
  expect(await world.compose(strict)).toMatchObject({ status: 502, cause: 'PART_REFUSED' });
});

test('where everything is optional and nothing has come, there is no answer', async () => {
  const world = composeWorld(by({ a: { status: 500 }, b: { fails: 'UPSTREAM_UNAVAILABLE' } }));
  const parts = { a: { to: 'a', path: '/', default: 1 }, b: { to: 'b', path: '/', optional: true } };
  expect(await world.compose({ parts })).toMatchObject({ status: 502, members: { part: 'a' } });
});

test('parts are picked, renamed and put in their places', async () => {
  const world = composeWorld(
    by({
      a: { body: { data: { id: 1, lines: [{ sku: 'x' }], secret: 's' }, partial: 'mine' } },
      b: { body: { data: { lines: [2, 3] } } },
      c: { body: { id: 9, more: { of: 'c' } } },
    }),
  );
  const said = await world.compose({
    parts: {
      c: { to: 'c', path: '/', at: '' },
      a: {
        to: 'a',
        path: '/',
        pick: { '/id': '/data/id', '/more/sku': '/data/lines/0/sku', '/none': '/none' },
        at: '',
      },
      b: { to: 'b', path: '/', pick: '/data/lines', at: '/more/~1lines' },
    },
  });
  expect(said.text).toBe('{"id":1,"more":{"of":"c","sku":"x","/lines":[2,3]}}');
  const none = await world.compose({ parts: { b: { to: 'b', path: '/', pick: '/rows' } } });
  expect(none).toMatchObject({ status: 502, cause: 'PART_INVALID' });
  const list = await world.compose({ parts: { b: { to: 'b', path: '/', pick: '/data/lines', at: '' } } });
  expect(list).toMatchObject({ status: 502, cause: 'PART_INVALID' });
});

test('a part can not say in the name of the whole that parts are missing', async () => {
  const world = composeWorld(by({ a: { body: { id: 1, partial: { a: 'b' } } } }));
  expect((await world.compose({ parts: { a: { to: 'a', path: '/', at: '' } } })).text).toBe('{"id":1}');
});

test('what goes on is what filters have set, and what is asked for; the time is the part’s', async () => {
  const world = composeWorld(by({}));
  const passage = page(world, { 'accept-language': 'de', cookie: 'a=b', 'x-a': '1', authorization: 'Bearer x' });
  passage.setUpstream('x-fairlead-tenant', 'acme');
  passage.setUpstream('x-fairlead-timeout-ms', '990');
  passage.setUpstream('accept-language', undefined);
  const parts = {
    a: { to: 'a', path: '/', timeout: '200ms', headers: { 'x-b': 'a {header:x-a}', 'x-none': '{header:none}' } },
  };
  await world.compose({ parts, forward: ['accept-language', 'x-a'] }, passage);
  expect(world.asked[0]).toMatchObject({ timeoutMs: 200, method: 'GET', passage });
  expect(world.asked[0]?.fields).toEqual({
    accept: 'application/json',
    'accept-encoding': 'identity',
    'x-forwarded-for': '192.0.2.1',
    'x-forwarded-proto': 'https',
    'x-forwarded-host': 'shop.test',
    'x-a': '1',
    'x-fairlead-tenant': 'acme',
    'x-fairlead-timeout-ms': '200',
    'x-b': 'a 1',
  });
});

test.each([
  ['a slash', 'a/b'],
  ['dots', '..'],
  ['a backslash', 'a\\b'],
  ['a line break', 'a\r\nx: y'],
  ['nothing', ''],
  ['half a character', '\ud800'],
  ['no text', { a: 1 }],
  ['nothing at all', undefined],
])('a part that is asked by what another says with %s in it is not asked', async (_what, customerId) => {
  const world = composeWorld(by({ orders: { body: { customerId } } }));
  const said = await world.compose(PAGE, page(world));
  expect(JSON.parse(said.text)).toMatchObject({ partial: { customer: 'PART_SKIPPED' } });
  expect(world.asked.map(({ cluster }) => cluster)).toEqual(['orders', 'payments']);
});

test('values are encoded for where they stand, whatever is in them', async () => {
  const world = composeWorld(by({ a: { body: { id: 'a?b=c&d#e%2f é', big: 12345678901234567890n.toString() } } }));
  const parts = {
    a: { to: 'a', path: '/' },
    b: {
      to: 'b',
      path: '/x-{a#/id}/y',
      query: { 'k&': '{a#/id}', n: '{query:n}', none: '{query:none}' },
      headers: { 'x-v': '{query:line}' },
    },
  };
  const query = `?n=1%202&line=${encodeURIComponent('a\r\nx-evil: 1')}`;
  await world.compose({ parts }, { ...world.passage({ query }), leftMs: 100 });
  const value = 'a%3Fb%3Dc%26d%23e%252f%20%C3%A9';
  expect(world.asked[1]?.target).toBe(`/x-${value}/y?k%26=${value}&n=1%202`);
  expect(world.asked[1]?.fields).toMatchObject({ 'x-v': 'a%0D%0Ax-evil%3A%201' });
});

test('what the request says and can not be sent is the request’s mistake', async () => {
  const world = composeWorld(by({}));
  const parts = { a: { to: 'a', path: '/x/{query:id}' } };
  expect(await world.compose({ parts }, world.passage({ query: '?id=..' }))).toMatchObject({
    status: 400,
    cause: 'BAD_REQUEST',
  });
  expect(await world.compose({ parts }, world.passage())).toMatchObject({ status: 400, members: { part: 'a' } });
  expect(world.asked).toEqual([]);
});

test('numbers that a double can not hold arrive as they were sent', async () => {
  const body = Buffer.from('{"id":12345678901234567890,"x":1e400,"y":0.10,"s":"1e400"}');
  const world = composeWorld(by({ a: { body } }));
  const parts = { a: { to: 'a', path: '/' }, b: { to: 'b', path: '/{a#/id}' } };
  const said = await world.compose({ parts });
  expect(said.text).toBe('{"a":{"id":12345678901234567890,"x":1e400,"y":0.10,"s":"1e400"},"b":{}}');
  expect(world.asked[1]?.target).toBe('/12345678901234567890');
});

test('a member is a member, whatever it is called', async () => {
  const body = Buffer.from('{"__proto__":{"isAdmin":true},"constructor":1}');
  const world = composeWorld(by({ a: { body }, b: { body } }));
  const said = await world.compose({
    parts: { a: { to: 'a', path: '/', at: '' }, b: { to: 'b', path: '/', at: '/__proto__' } },
  });
  expect(said.text).toBe('{"__proto__":{"isAdmin":true,"__proto__":{"isAdmin":true},"constructor":1},"constructor":1}');
  expect(Object.hasOwn(Object.prototype, 'isAdmin')).toBe(false);
});

test('HEAD asks whether something is there', async () => {
  const world = composeWorld(by({ a: { body: Buffer.alloc(0) }, b: { status: 404 } }));
  const part = (to: string) => ({ to, path: '/', method: 'HEAD', default: false });
  const said = await world.compose({ parts: { a: part('a'), b: part('b') } });
  expect(said.text).toBe('{"a":true,"b":false}');
});

test('only reads are composed, and only paths of the form', async () => {
  const world = composeWorld(by({ orders: ORDER }));
  for (const method of ['POST', 'OPTIONS', 'DELETE'])
    expect(await world.compose(PAGE, world.passage({ method, path: '/orders/7/page' }))).toMatchObject({
      status: 405,
      fields: { allow: 'GET, HEAD' },
    });
  for (const path of ['/orders/7', '/orders//page', '/orders/7/page/', '/orders/7/8/page', '/'])
    expect(await world.compose(PAGE, world.passage({ path }))).toMatchObject({ status: 404, cause: 'NO_ROUTE' });
  expect(await world.compose(PAGE, world.passage({ method: 'HEAD', path: '/%6frders/7/page' }))).toMatchObject({
    status: 200,
  });
});

test('no more parts are under way than may be, and no more requests', async () => {
  const slow = { afterMs: 10 };
  const world = composeWorld(() => slow);
  const parts = Object.fromEntries(Array.from({ length: 9 }, (_, at) => [`p${at}`, { to: 'a', path: `/${at}` }]));
  const said = await world.compose({ parts, parallel: 4 });
  expect(said).toMatchObject({ status: 200, tookMs: 30 });
  expect(world.mostUnderWay).toBe(4);

  const filter = composeKind.make(read({ parts: { a: { to: 'a', path: '/' } }, maxInFlight: 2 }), world);
  const asked = Array.from({ length: 3 }, () => filter.request?.(world.passage()));
  expect(asked[2]).toMatchObject({ status: 503, cause: 'COMPOSITION_BUSY' });
  await world.clock.runAll();
  expect([await asked[0], await asked[1]]).toMatchObject([{ status: 200 }, { status: 200 }]);
  const again = filter.request?.(world.passage());
  await world.clock.runAll();
  expect(await again).toMatchObject({ status: 200 });
});

test('the whole has its own bound', async () => {
  const world = composeWorld(() => ({ body: 'x'.repeat(600) }));
  const parts = { a: { to: 'a', path: '/' }, b: { to: 'b', path: '/' } };
  expect(await world.compose({ parts, maxBytes: '1KiB' })).toMatchObject({
    status: 502,
    cause: 'COMPOSITION_TOO_LARGE',
  });
});

test('nothing is asked any more once the whole is lost', async () => {
  const world = composeWorld(by({ a: { status: 500, afterMs: 10 }, b: { afterMs: 100 } }));
  const parts = {
    a: { to: 'a', path: '/' },
    b: { to: 'b', path: '/', optional: true },
    c: { to: 'c', path: '/', after: ['b'], optional: true },
  };
  expect(await world.compose({ parts })).toMatchObject({ status: 502, tookMs: 10 });
  expect(world.asked.map(({ cluster }) => cluster)).toEqual(['a', 'b']);
});

test('the plan is told in the order of asking', () => {
  expect(composeKind.explain(read(PAGE))).toBe(
    'makes one answer of 3 parts: order from orders and payment from payments (optional), then customer from customers (optional)',
  );
});
