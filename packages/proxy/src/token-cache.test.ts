import { expect, test } from 'vitest';
import { tokenCache } from './token-cache.ts';

const identity = { tenant: 'acme', subject: 'ada', roles: [], notBefore: 0, expiresAt: 100 };

test('keeps as many as it may, and forgets the least recently used first', () => {
  const cache = tokenCache(2);
  cache.set('a', identity);
  cache.set('b', identity);
  cache.get('a', 0);
  cache.set('c', identity);
  expect([cache.get('a', 0), cache.get('b', 0), cache.get('c', 0)]).toEqual([identity, undefined, identity]);
  expect(cache.size).toBe(2);
});

test('an expired or not yet valid identity is forgotten', () => {
  const cache = tokenCache(2);
  cache.set('a', identity);
  expect(cache.get('a', 99)).toBe(identity);
  expect(cache.get('a', 100)).toBeUndefined();
  expect(cache.size).toBe(0);
  cache.set('b', { ...identity, notBefore: 50 });
  expect(cache.get('b', 49)).toBeUndefined();
});

test('0 keeps none', () => {
  const cache = tokenCache(0);
  cache.set('a', identity);
  expect(cache.get('a', 0)).toBeUndefined();
});
