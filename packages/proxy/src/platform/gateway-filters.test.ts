import { once } from 'node:events';
import { Agent, get, type IncomingMessage, type RequestListener } from 'node:http';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { openEdge, textOf } from '../../fixtures/edge.ts';
import { readEdgeFilters } from './edge-filters.ts';

const CORS = { type: 'cors', origins: ['https://shop.test'] };
const LIMIT = { type: 'rate-limit', by: 'tenant', rates: ['2/m'] };
const orders = (...filters: object[]) => ({ routes: [{ path: '/orders', service: 'orders', filters }] });

test('a preflight has no token and is answered; what it asked leave for has one', async () => {
  await using edge = await openEdge({
    routes: [{ path: '/orders', service: 'orders', methods: ['GET'], filters: [CORS] }],
  });
  const origin = 'https://shop.test';
  const preflight = await edge.ask('OPTIONS', '/orders', {
    headers: { origin, 'access-control-request-method': 'GET' },
  });
  expect(preflight).toMatchObject({ status: 204, headers: { 'access-control-allow-origin': origin } });
  const refused = await edge.ask('GET', '/orders', { headers: { origin } });
  expect(refused).toMatchObject({ status: 401, headers: { 'access-control-allow-origin': origin } });
  const served = await edge.ask('GET', '/orders', { headers: { origin }, token: await edge.token() });
  expect(served).toMatchObject({ status: 200, headers: { 'access-control-allow-origin': origin } });
});

test('tenants have limits of their own, and nobody without a token uses one up', async () => {
  await using edge = await openEdge(orders(LIMIT));
  const [acme, globex] = [await edge.token(), await edge.token({ tenant: 'globex' })];
  const statuses: number[] = [];
  for (const token of [undefined, undefined, undefined, acme, acme, acme, globex])
    statuses.push((await edge.ask('GET', '/orders', { token })).status);
  expect(statuses).toEqual([401, 401, 401, 200, 200, 429, 200]);
});

test('filters change what goes on, and never who asks', async () => {
  const filters = [
    { type: 'headers', request: { set: { 'x-shop': '{tenant}' } }, answer: { set: { 'x-door': 'yes' } } },
  ];
  await using edge = await openEdge(orders(...filters));
  const { headers } = await edge.ask('GET', '/orders', { token: await edge.token() });
  expect(headers['x-door']).toBe('yes');
  expect(edge.seen[0]?.headers).toMatchObject({ 'x-shop': 'acme', 'x-fairlead-tenant': 'acme' });
});

test('a page is composed for who asks; a service that was not started is a part that is missing', async () => {
  const parts = {
    order: { to: 'orders', path: '/orders/{path:id}' },
    payment: { to: 'payments', path: '/payments', optional: true },
  };
  const filters = [CORS, LIMIT, { type: 'compose', path: '/pages/{id}', parts }];
  await using edge = await openEdge({ routes: [{ path: '/pages', filters }], absent: ['payments'] });
  const token = await edge.token({ roles: ['buyer'] });
  const page = await edge.ask('GET', '/pages/7', { token, headers: { 'x-fairlead-tenant': 'globex' } });
  expect(page).toMatchObject({
    status: 200,
    json: { order: { ok: true }, partial: { payment: 'UPSTREAM_UNAVAILABLE' } },
    headers: { 'x-fairlead-partial': 'true' },
  });
  expect(edge.seen).toMatchObject([
    {
      url: '/orders/7',
      headers: {
        'x-fairlead-tenant': 'acme',
        'x-fairlead-subject': 'ada',
        'x-fairlead-roles': 'buyer',
        'x-fairlead-caller': 'gateway',
      },
    },
  ]);
  expect(edge.seen[0]?.headers).not.toHaveProperty('authorization');
  expect(await edge.ask('GET', '/pages/7')).toMatchObject({ status: 401 });
});

test('whatever is asked on whichever connection, everybody is answered as who they are', async () => {
  const handler: RequestListener = ({ url, headers }, response) => {
    const who = `${String(headers['x-fairlead-tenant'])}/${String(headers['x-fairlead-subject'])}`;
    const body = JSON.stringify({ url, who });
    // Of a day on which the gateway's clock is not, everything would be stale.
    response.sendDate = false;
    response.writeHead(200, { 'content-type': 'application/json' }).end(body);
  };
  const pages = {
    type: 'compose',
    path: '/pages/{id}',
    parts: {
      a: { to: 'orders', path: '/a/{path:id}' },
      b: { to: 'orders', path: '/b/{path:id}', query: { of: '{subject}' } },
    },
  };
  const kept = { type: 'cache', identified: true, per: 'subject', defaultTtl: '1h' };
  await using edge = await openEdge({
    handler,
    routes: [
      { path: '/pages', filters: [pages] },
      { path: '/kept', filters: [kept, { ...pages, path: '/kept/{id}' }] },
      { path: '/orders', service: 'orders', filters: [kept] },
    ],
  });
  const people = await Promise.all(
    ['acme', 'globex'].flatMap((tenant) =>
      ['ada', 'bob'].map(async (sub) => ({ who: `${tenant}/${sub}`, token: await edge.token({ tenant, sub }) })),
    ),
  );
  const { hostname, port } = new URL(edge.gateway.url);
  const request = fc.record({
    person: fc.constantFrom(...people),
    path: fc.constantFrom('/pages/', '/kept/', '/orders/'),
    id: fc.nat(3),
    connection: fc.nat(2),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(request, { maxLength: 12 }), async (requests) => {
      const agents = Array.from({ length: 3 }, () => new Agent({ keepAlive: true, maxSockets: 1 }));
      const answers = requests.map(async ({ person, path, id, connection }) => {
        const agent = agents[connection];
        const asked = get({
          hostname,
          port,
          path: `${path}${id}`,
          agent,
          headers: { authorization: `Bearer ${person.token}` },
        });
        const [message] = (await once(asked, 'response')) as [IncomingMessage];
        const said = JSON.parse(await textOf(message)) as object;
        const { who } = person;
        const subject = who.slice(who.indexOf('/') + 1);
        expect(said).toEqual(
          path === '/orders/'
            ? { url: `${path}${id}`, who }
            : { a: { url: `/a/${id}`, who }, b: { url: `/b/${id}?of=${subject}`, who } },
        );
      });
      await Promise.all(answers);
      for (const agent of agents) agent.destroy();
    }),
    { numRuns: 40 },
  );
});

test('a token is asked for before any filter that answers', async () => {
  const filters = [{ type: 'respond', json: { secret: true } }];
  await using edge = await openEdge({ routes: [{ path: '/orders', filters }] });
  expect(await edge.ask('GET', '/orders')).toMatchObject({ status: 401 });
  expect(await edge.ask('GET', '/orders', { token: await edge.token() })).toMatchObject({ json: { secret: true } });
});

test.each<[string, object[], string]>([
  ['a slip', [{ ...LIMIT, rate: '1/s' }], 'routes[0].filters[0].rate: is no known key; did you mean "rates"?'],
  [
    'no filter',
    [{ type: 'rate-limits' }],
    'routes[0].filters[0].type: "rate-limits" is no filter; did you mean rate-limit?',
  ],
  [
    'another proof of who asks',
    [CORS, { type: 'jwt', issuer: 'https://a.test', audience: 'b', jwks: 'https://a.test/keys' }],
    'routes[0].filters[1].type: says who asks, which is for the platform’s token to say',
  ],
  [
    'another proof within a filter',
    [{ type: 'any-of', of: [{ type: 'api-key', consumers: [{ name: 'a', keys: [`sha256:${'0'.repeat(64)}`] }] }] }],
    'routes[0].filters[0].of[0].type: says who asks',
  ],
  [
    'a service that is not there',
    [{ type: 'compose', parts: { a: { to: 'order', path: '/' } } }],
    'routes[0].filters[0].parts.a.to: there is no service "order"; did you mean orders?',
  ],
  [
    'a claim in the platform’s name',
    [{ type: 'headers', request: { set: { 'x-fairlead-tenant': 'acme' } } }],
    'routes[0].filters[0].request.set.x-fairlead-tenant: is a field by which the platform itself says who asks',
  ],
  [
    'somebody else’s word for who asks',
    [{ ...LIMIT, by: { header: 'x-fairlead-subject' } }],
    'routes[0].filters[0].by.header: is a field by which',
  ],
])('%s is refused before anything listens', async (_what, filters, message) => {
  await expect(openEdge(orders(...filters))).rejects.toThrow(message);
});

test('a route without a service needs a filter that answers', async () => {
  await expect(openEdge({ routes: [{ path: '/orders', filters: [LIMIT] }] })).rejects.toThrow(
    'routes[0].service is missing, and no filter answers everything',
  );
});

test('pages may be told which parts are missing', () => {
  const exposed = ['x-fairlead-partial'];
  expect(readEdgeFilters([{ ...CORS, exposed }], []).problems).toEqual([]);
  expect(readEdgeFilters('all', []).problems).toMatchObject([
    { place: [], message: 'must be a list, and is the text "all"' },
  ]);
});
