import { expect, test } from 'vitest';
import { checkLockfile } from './lockfile.ts';
import { temporaryTree } from './testing/temporary-tree.ts';

function objections(packages: Record<string, unknown>): string[] {
  using tree = temporaryTree({ 'package-lock.json': { lockfileVersion: 3, packages } });
  return checkLockfile(tree.root, tree.files).map(({ message }) => message);
}

const complete = {
  '': { dependencies: { '@fairlead/core': '1', a: '1' } },
  'node_modules/@fairlead/core': { resolved: 'packages/core', link: true },
  'packages/core': { optionalDependencies: { 'b-linux': '1' } },
  'packages/core/node_modules/b-linux': { version: '1' },
  'node_modules/a': { dependencies: { c: '1' } },
  'node_modules/a/node_modules/c': { version: '1' },
};

test('a lockfile in which everything has an entry passes, nested and linked ones included', () => {
  expect(objections(complete)).toEqual([]);
});

test('a binary of another platform without an entry is refused', () => {
  expect(
    objections({ ...complete, 'packages/core': { optionalDependencies: { 'b-linux': '1', 'b-macos': '1' } } }),
  ).toEqual(['packages/core needs b-macos, which has no entry: npm ci would refuse']);
});

test('an entry that only another package could see does not count', () => {
  expect(objections({ ...complete, '': { dependencies: { c: '1' } } })).toEqual([
    'the root needs c, which has no entry: npm ci would refuse',
  ]);
});

test('an entry that names its server is refused', () => {
  expect(
    objections({ ...complete, 'node_modules/a/node_modules/c': { resolved: 'https://example.com/c.tgz' } }),
  ).toEqual(['node_modules/a/node_modules/c names its server; npm install with omit-lockfile-registry-resolved']);
});
