import { expect, test } from 'vitest';
import { z } from 'zod';
import { defineContract } from './contract.ts';
import { operation } from './operation.ts';
import { findOperation } from './route.ts';

const output = z.object({});
const byId = z.object({ id: z.string() });
const shop = defineContract({
  name: 'shop',
  version: '1.0.0',
  operations: {
    get: operation({ method: 'GET', path: '/orders/{id}', input: byId, output }),
    drop: operation({ method: 'DELETE', path: '/orders/{id}', input: byId, output }),
    latest: operation({ method: 'GET', path: '/orders/latest', output }),
    list: operation({ method: 'GET', path: '/orders', output }),
    root: operation({ method: 'GET', path: '/', output }),
  },
});

test.each([
  ['GET', '/orders/7', 'get'],
  ['GET', '/orders/latest', 'latest'],
  ['DELETE', '/orders/latest', 'drop'],
  ['GET', '/orders?limit=1', 'list'],
  ['GET', '/orders/a%2Fb?x=/orders', 'get'],
  ['GET', '/', 'root'],
])('%s %s is %s', (method, path, name) => {
  expect(findOperation(shop, method, path)).toMatchObject({ kind: 'operation', operation: { name } });
});

test.each([['/orders/'], ['//orders'], ['/orders/7/items'], ['/%6Frders'], ['orders'], ['']])(
  'GET %s is not found',
  (path) => {
    expect(findOperation(shop, 'GET', path)).toEqual({ kind: 'not-found' });
  },
);

test('a known path with another method tells which methods there are', () => {
  const match = findOperation(shop, 'PUT', '/orders/7');
  expect(match).toEqual({ kind: 'method-not-allowed', allow: ['GET', 'DELETE'] });
});
