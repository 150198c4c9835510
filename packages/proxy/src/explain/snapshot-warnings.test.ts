import { expect, test } from 'vitest';
import { readYard, yardWith } from '../snapshot/yard.fixture.ts';
import { snapshotWarnings } from './snapshot-warnings.ts';

test('matches that no request reaches, and clusters that no route leads to', () => {
  const warnings = (routes: string) => snapshotWarnings(readYard(yardWith(routes)));
  expect(
    warnings(`  - { name: a, match: { path: /x, headers: { a: '1' } }, to: orders }
  - { name: b, match: [{ path: /y }, { path: /x/, headers: { A: '1' } }], to: canary }
  - { name: c, hosts: [shop.test], match: { path: /x, headers: { a: '1' } }, to: orders }
  - { name: d, hosts: [shop.test, else.test], match: { path: /x, headers: { a: '1' } }, to: orders }`),
  ).toEqual(['match 1 of the route b is never reached: a has the same']);
  expect(warnings('  - { name: a, to: orders }')).toEqual(['no route leads to the cluster canary']);
});
