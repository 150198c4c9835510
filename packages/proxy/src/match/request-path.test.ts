import { expect, test } from 'vitest';
import { matchingPath, pathParameters } from './request-path.ts';
import { hashOf, SegmentNode } from './segment-node.ts';

test.each([
  ['/a/b', '/a/b'],
  ['/%61/b', '/a/b'],
  ['/caf%C3%A9', '/café'],
  ['/a%20b', '/a b'],
  ['/%zz', '/%zz'],
  ['/%ff', '/%ff'],
  ['/a%2Fb', '/a%2Fb'],
  ['/a%2fb', '/a%2Fb'],
  ['/a%5cb%41', '/a%5CbA'],
  // One that was let through must not become the same as one that was escaped twice.
  ['/a%252Fb', '/a%2Fb'],
  ['/a%252Fb%2F', '/a%252Fb%2F'],
])('%s is matched as %s', (path, matching) => expect(matchingPath(path)).toBe(matching));

test('a template says what its parameters are', () => {
  expect(pathParameters('/orders/:id/lines/{line}', '/orders/4%2B2/lines/x')).toEqual({ id: '4+2', line: 'x' });
  expect(pathParameters('/orders', '/orders')).toEqual({});
});

test('a node finds each of many children where they stand in a path, and nothing else', () => {
  const root = new SegmentNode<number>('');
  const names = Array.from({ length: 1_000 }, (_, index) => `s${index}`);
  for (const name of names) root.grow(name);
  expect(root.children()).toHaveLength(1_000);
  for (const name of names) {
    const path = `/x/${name}/y`;
    const hash = hashOf(path, 3, 3 + name.length);
    expect(root.child(path, 3, 3 + name.length, hash)?.segment).toBe(name);
    expect(root.grow(name)).toBe(root.child(path, 3, 3 + name.length, hash));
  }
  expect(root.child('/x/s1000/y', 3, 8, hashOf('s1000', 0, 5))).toBeUndefined();
  // Another segment of the same hash would still be another segment.
  expect(root.child('/x/t1/y', 3, 5, hashOf('s1', 0, 2))).toBeUndefined();
});
