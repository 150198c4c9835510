import { expect, test } from 'vitest';
import { readTarget } from './request-target.ts';

test.each([
  ['/', [], ''],
  ['/orders', ['orders'], ''],
  ['/orders/', ['orders'], ''],
  ['/orders/42?a=1&b=//..%2F', ['orders', '42'], '?a=1&b=//..%2F'],
  ['/%6frders/a%20b', ['orders', 'a b'], ''],
  ['/caf%C3%A9', ['café'], ''],
  ['/a%252fb', ['a%2fb'], ''],
  ['/...', ['...'], ''],
  ['/?', [], '?'],
])('%s is read as %j', (target, segments, query) => {
  expect(readTarget(target)).toEqual({ kind: 'target', path: target.split('?')[0], query, segments });
});

test.each([
  '',
  '*',
  'http://orders/',
  '//orders',
  '/a//b',
  '/a/./b',
  '/a/..',
  '/a/%2e%2e/b',
  '/a/.%2E/b',
  '/a/..;x=1/b',
  '/a%2Fb',
  '/a%2fb',
  '/a%5cb',
  '/a\\b',
  '/a%00b',
  '/a%0d%0ab',
  '/a%7f',
  '/a%zz',
  '/a%',
  '/a%ff',
  '/a#b',
  '/a b',
  '/caf\u00e9',
])('%j is refused', (target) => {
  expect(readTarget(target).kind).toBe('ambiguous');
});
