import { expect, test } from 'vitest';
import { routeTable } from './route-table.ts';

const route = (path: string, service: string, methods?: string[]) => ({
  path,
  service,
  methods,
  roles: undefined,
  timeoutMs: 1,
  maxBodyBytes: 1,
});

const table = routeTable([
  route('/orders', 'orders'),
  route('/orders/reports/daily', 'reports', ['GET']),
  route('/stock', 'read', ['GET']),
  route('/stock', 'write', ['POST', 'PUT']),
]);

const found = (method: string, ...segments: string[]) => {
  const decision = table.find(method, segments);
  return decision.kind === 'route' ? decision.route.service : decision.kind;
};

test('the longest prefix of whole segments wins', () => {
  expect(found('GET', 'orders')).toBe('orders');
  expect(found('GET', 'orders', '7')).toBe('orders');
  expect(found('GET', 'orders', 'reports')).toBe('orders');
  expect(found('GET', 'orders', 'reports', 'daily', 'x')).toBe('reports');
  expect(found('GET', 'ordersheet')).toBe('no-route');
  expect(found('GET')).toBe('no-route');
});

test('routes of one path are told apart by method, and HEAD goes where GET goes', () => {
  expect(found('GET', 'stock')).toBe('read');
  expect(found('HEAD', 'stock')).toBe('read');
  expect(found('PUT', 'stock')).toBe('write');
  expect(table.find('DELETE', ['stock'])).toEqual({
    kind: 'method-not-allowed',
    allow: ['GET', 'HEAD', 'POST', 'PUT'],
  });
});

test('a method that the longest prefix refuses is never given to a shorter one', () => {
  expect(found('POST', 'orders', 'reports', 'daily')).toBe('method-not-allowed');
});

test('names of an object’s own members are no routes', () => {
  expect(found('GET', '__proto__')).toBe('no-route');
  expect(found('GET', 'constructor')).toBe('no-route');
});

test('CONNECT and TRACE are never allowed', () => {
  expect(found('TRACE', 'orders')).toBe('method-not-allowed');
  expect(found('CONNECT', 'orders')).toBe('method-not-allowed');
});
