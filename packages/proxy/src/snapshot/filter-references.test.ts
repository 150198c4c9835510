import { expect, test } from 'vitest';
import { z } from 'zod';
import type { FilterSpec } from '../engine/compiled-route.ts';
import type { FilterKind } from './filter-kind.ts';
import { FILTER_KINDS } from './filter-kinds.ts';
import { readSnapshot } from './read-snapshot.ts';

/** A filter with others inside. */
const wrapKind: FilterKind<{ readonly type: 'wrap'; readonly of: readonly FilterSpec[] }> = {
  type: 'wrap',
  schema: z.strictObject({ type: z.literal('wrap'), of: z.array(z.looseObject({ type: z.string() })) }),
  clusters: ({ of }, inside) =>
    of.flatMap((spec, at) => inside(spec).map(({ cluster, path }) => ({ cluster, path: ['of', at, ...path] }))),
  explain: () => 'wraps',
  make: () => ({ type: 'wrap' }),
};

function problemsOf(filter: string): readonly unknown[] {
  const text = `
listeners: [{ name: web, address: ':80' }]
clusters: { orders: { endpoints: [] }, canary: { endpoints: [] } }
routes:
  - name: all
    to: orders
    filters:
      - ${filter}
`;
  try {
    readSnapshot(text, { origin: 'a.yaml', loadedAtMs: 0, kinds: [...FILTER_KINDS, wrapKind] });
    return [];
  } catch (error) {
    // `as`: it throws SNAPSHOT_INVALID.
    const { problems } = (error as { details: { problems: { path: string; message: string; line: number }[] } })
      .details;
    return problems.map(({ path, message, line }) => `${line} ${path}: ${message}`);
  }
}

const AT = '8 routes[0].filters[0]';

test.each([
  ['{ type: mirror, to: cannary }', [`${AT}.to: there is no cluster "cannary"; did you mean canary?`]],
  [
    '{ type: split, rings: [{ by: tenant, values: [a], to: canary }, { by: tenant, values: [b], to: nobody }], weights: { orders: 1, other: 1 } }',
    [
      `${AT}.rings[1].to: there is no cluster "nobody"; there are: orders, canary`,
      `${AT}.weights.other: there is no cluster "other"; there are: orders, canary`,
    ],
  ],
  [
    '{ type: wrap, of: [{ type: wrap, of: [{ type: mirror, to: x }] }] }',
    [`${AT}.of[0].of[0].to: there is no cluster "x"; there are: orders, canary`],
  ],
  ['{ type: mirror, to: canary }', []],
  ['{ type: split, weights: { orders: 1, canary: 1 } }', []],
])('a cluster that a filter names is there, or the configuration is refused: %s', (filter, problems) =>
  expect(problemsOf(filter)).toEqual(problems),
);

test('filters for all routes name clusters that are there, too', () => {
  const text = `{ listeners: [{ name: web, address: ':80' }], routes: [], clusters: { a: { endpoints: [] } }, filters: [{ type: mirror, to: b }] }`;
  expect(() => readSnapshot(text, { origin: 'a.yaml', loadedAtMs: 0, kinds: FILTER_KINDS })).toThrow(
    'filters[0].to: there is no cluster "b"',
  );
});

test('a filter that is written wrong is told of once', () => {
  expect(problemsOf('{ type: mirror, too: nobody }')).toHaveLength(2);
  expect(problemsOf('{ type: mirror, too: nobody }').join()).not.toContain('there is no cluster');
});
