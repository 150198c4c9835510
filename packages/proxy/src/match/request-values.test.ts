import { expect, test } from 'vitest';
import { cookieValue, queryValue } from './request-values.ts';

test.each([
  ['?a=1', 'a', '1'],
  ['?b=2&a=1', 'a', '1'],
  ['?a=1&a=2', 'a', '1'],
  ['?aa=1&a=2', 'a', '2'],
  ['?a', 'a', ''],
  ['?a=', 'a', ''],
  ['?a&b=1', 'a', ''],
  ['?a=b=c', 'a', 'b=c'],
  ['?a=x+y%20z', 'a', 'x y z'],
  ['?%61=1', 'a', '1'],
  ['?a+b=1', 'a b', '1'],
  ['?a=%zz', 'a', '%zz'],
  ['?b=a=1', 'a', undefined],
  ['?&&a=1', 'a', '1'],
  ['?=1', '', '1'],
  ['?', 'a', undefined],
  ['', 'a', undefined],
])('in %j the parameter %j is %j', (query, name, value) => expect(queryValue(query, name)).toBe(value));

test.each([
  ['a=1', 'a', '1'],
  ['b=2; a=1', 'a', '1'],
  ['b=2;a=1', 'a', '1'],
  ['a=1; a=2', 'a', '1'],
  ['aa=1; a=2', 'a', '2'],
  ['a="x y"', 'a', 'x y'],
  ['a=', 'a', ''],
  ['a', 'a', undefined],
  ['b=a=1', 'a', undefined],
  ['a=1%20', 'a', '1%20'],
  ['', 'a', undefined],
  [undefined, 'a', undefined],
])('in %j the cookie %j is %j', (header, name, value) => expect(cookieValue(header, name)).toBe(value));
