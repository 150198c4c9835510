import { expect, test } from 'vitest';
import { circles } from './circles.ts';

test('finds each circle once, whatever the order, and nothing in a line', () => {
  const edges = new Map([
    ['a', ['b']],
    ['b', ['c', 'x']],
    ['c', ['a']],
    ['d', ['a', 'e']],
    ['e', ['d']],
    ['f', ['f']],
    ['x', []],
  ]);
  expect(circles(edges)).toEqual([['a', 'b', 'c'], ['d', 'e'], ['f']]);
  expect(
    circles(
      new Map([
        ['a', ['b']],
        ['b', ['unknown']],
      ]),
    ),
  ).toEqual([]);
});
