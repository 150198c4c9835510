import { expect, test } from 'vitest';
import { matchingPath, pathParameters } from './request-path.ts';
import { SegmentNode, SegmentScan } from './segment-node.ts';

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
  const scan = new SegmentScan();
  const childAt = (path: string, start: number) => {
    scan.scan(path, start);
    return root.child(path, start, scan.end, scan.hash);
  };
  for (const name of names) {
    expect(childAt(`/x/${name}/y`, 3)?.segment).toBe(name);
    expect(root.grow(name)).toBe(childAt(`/x/${name}`, 3));
  }
  expect(childAt('/x/s1000/y', 3)).toBeUndefined();
  // Another segment of the same hash would still be another segment.
  scan.scan('s1', 0);
  expect(root.child('/x/t1/y', 3, 5, scan.hash)).toBeUndefined();
  expect(new SegmentNode('').child('/s1', 1, 3, scan.hash)).toBeUndefined();
});
