import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { PlatformDefinition } from './definition.ts';
import { buildModel } from './load.ts';

const FILE = join(new URL('../fixtures/', import.meta.url).pathname, 'platform.ts');
const CORS = { type: 'cors', origins: ['https://shop.test'] };
const LIMIT = { type: 'rate-limit', by: 'tenant', rates: ['100/s'] };
const PAGE = {
  type: 'compose',
  parts: { order: { to: 'orders', path: '/orders' }, stock: { to: 'stock', path: '/' } },
};

function model(gateway: object) {
  return buildModel(FILE, {
    name: 'yard',
    services: { stock: './stock/service.ts', orders: './orders/service.ts' },
    externals: { billing: { contract: './billing/contract.ts', run: './billing/main.ts' } },
    // `as`: wrong blueprints are what this is about.
    gateway: gateway as PlatformDefinition['gateway'],
  });
}

test('a route has the filters for all and then its own, as they were written', async () => {
  const { routes, hash } = await model({
    filters: [CORS],
    routes: [
      { path: '/orders', service: 'orders', filters: [LIMIT] },
      { path: '/page', filters: [PAGE] },
    ],
  });
  expect(routes).toMatchObject([
    { path: '/orders', service: 'orders', filters: [CORS, LIMIT] },
    { path: '/page', service: undefined, filters: [CORS, PAGE] },
  ]);
  expect(Object.isFrozen(routes[0]?.filters[1]?.['rates'])).toBe(true);
  const other = await model({
    filters: [CORS],
    routes: [
      { path: '/orders', service: 'orders', filters: [{ ...LIMIT, rates: ['99/s'] }] },
      { path: '/page', filters: [PAGE] },
    ],
  });
  expect(other.hash).not.toBe(hash);
});

test('everything that is wrong with filters is told at once, each with its place', async () => {
  const error: unknown = await model({
    filters: [{ ...CORS, origin: 'https://shop.test' }],
    routes: [
      { path: '/a', service: 'orders', filters: [{ ...LIMIT, rates: ['fast'] }, { type: 'corse' }] },
      { path: '/b', filters: [{ ...PAGE, parts: { order: { to: 'billing', path: '/{path:id}' } } }] },
      {
        path: '/c',
        service: 'orders',
        filters: [{ type: 'api-key', consumers: [{ name: 'a', keys: [`sha256:${'0'.repeat(64)}`] }] }],
      },
      { path: '/d', service: 'orders', filters: [{ ...PAGE, parts: { order: { to: 'billing', path: '/' } } }] },
    ],
  }).catch((reason: unknown) => reason);
  expect(error).toMatchObject({ code: 'PLATFORM_INVALID' });
  const { problems } = (error as { details: { problems: { path: string; message: string }[] } }).details;
  expect(problems.map(({ path, message }) => `${path}: ${message}`)).toEqual([
    'gateway.filters[0].origin: is no known key; did you mean "origins"?',
    expect.stringMatching(/^gateway.routes\[0\].filters\[0\].rates\[0\]: /),
    'gateway.routes[0].filters[1].type: "corse" is no filter; did you mean cors?',
    expect.stringMatching(/^gateway.routes\[1\].filters\[0\].parts.order.path: has \{path:id\}/),
    expect.stringMatching(/^gateway.routes\[2\].filters\[0\].type: says who asks/),
    'gateway.routes[3].filters[0].parts.order.to: there is no service "billing"; there are: stock, orders',
  ]);
});

test('what says who may pass does not stand behind a cache, also one for all routes', async () => {
  const acl = { type: 'acl', allow: ['gold'] };
  await expect(
    model({ filters: [{ type: 'cache' }], routes: [{ path: '/a', service: 'orders', filters: [LIMIT, acl] }] }),
  ).rejects.toThrow('gateway.routes[0].filters[1].type: "acl" says who may pass, and "cache" stands before it');
  const ip = { type: 'ip', allow: ['10.0.0.0/8'] };
  await expect(
    model({ filters: [{ type: 'cache' }], routes: [{ path: '/a', service: 'orders', filters: [ip] }] }),
  ).resolves.toBeDefined();
});

test('a route without a service is answered by a filter, or leads nowhere', async () => {
  await expect(model({ routes: [{ path: '/a', filters: [LIMIT] }] })).rejects.toThrow(
    'gateway.routes[0]: leads nowhere: give it a service, or a filter that answers',
  );
  await expect(model({ routes: [{ path: '/a' }] })).rejects.toThrow('leads nowhere');
  await expect(model({ filters: 'all', routes: [] })).rejects.toThrow('gateway.filters: must be a list of filters');
});

test('a filter is what JSON can carry: other processes read it', async () => {
  const wrong = { type: 'respond', json: { at: new Date(0), run: () => 1 } };
  await expect(model({ routes: [{ path: '/a', filters: [wrong] }] })).rejects.toThrow(
    'gateway.routes[0].filters[0].json.at: is nothing that JSON can carry',
  );
});
