import { Fields } from '@fairlead/net';
import { expect, test } from 'vitest';
import { strictest, type Dependence } from './freshness.ts';

const fields = (cacheControl: string | undefined, more: Readonly<Record<string, string>> = {}) =>
  new Fields(
    Object.entries({ ...(cacheControl === undefined ? {} : { 'cache-control': cacheControl }), ...more }).flat(),
  );
const dependence: Dependence = {
  forwarded: new Set(['accept-language']),
  made: new Set(['x-tenant']),
  askedBy: [],
  isPersonal: false,
};

test.each<[(string | undefined)[], string]>([
  [['max-age=60'], 'max-age=60'],
  [['max-age=60', 'max-age=10'], 'max-age=10'],
  [['public, max-age=60', 'public, max-age=10'], 'public, max-age=10'],
  [['public, max-age=60', 'max-age=10'], 'max-age=10'],
  [['public, max-age=60', 'private, max-age=10'], 'private, max-age=10'],
  [['max-age=60', 'no-store'], 'no-store'],
  [['max-age=60', undefined], 'no-store'],
  [['max-age=60', 'public'], 'no-store'],
  [['max-age=60', 'no-cache'], 'no-cache'],
  [['private="x, y", max-age=5', 'max-age=60, must-revalidate'], 'private, max-age=5, must-revalidate'],
  [['max-age=60, s-maxage=5'], 'max-age=5'],
  [['max-age="60"'], 'max-age=60'],
  [['max-age=soon'], 'max-age=0'],
  [['Max-Age=60, No-Store'], 'no-store'],
  [[], 'no-store'],
])('parts that say %j may be kept as %s', (parts, expected) => {
  expect(
    strictest(
      parts.map((each) => fields(each)),
      dependence,
    ).cacheControl,
  ).toBe(expected);
});

test('a part that has been kept before is fresh for what is left', () => {
  expect(strictest([fields('max-age=60', { age: '45' })], dependence).cacheControl).toBe('max-age=15');
  expect(strictest([fields('max-age=60', { age: '90' })], dependence).cacheControl).toBe('max-age=0');
  expect(strictest([fields('max-age=60', { age: 'x' })], dependence).cacheControl).toBe('max-age=0');
});

test('the whole depends on what parts depend on, as far as the request for it can tell', () => {
  const varying = (vary: string) =>
    strictest([fields('public, max-age=60', { vary }), fields('max-age=9')], dependence);
  expect(varying('Accept-Language, Accept-Encoding')).toEqual({ cacheControl: 'max-age=9', vary: 'accept-language' });
  expect(varying('accept-encoding')).toEqual({ cacheControl: 'max-age=9', vary: undefined });
  expect(varying('*').cacheControl).toBe('no-store');
  expect(varying('accept-language, X-Tenant').cacheControl).toBe('no-store');
});

test('whoever is asked by who asks makes the whole that one’s own', () => {
  const parts = [fields('public, max-age=60')];
  expect(strictest(parts, { ...dependence, isPersonal: true }).cacheControl).toBe('private, max-age=60');
  expect(strictest(parts, { ...dependence, askedBy: ['x-b', 'x-a'] }).vary).toBe('x-a, x-b');
});
