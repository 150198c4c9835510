import { expect, test } from 'vitest';
import { checkLayers } from './layers.ts';
import { temporaryTree } from './testing/temporary-tree.ts';

const manifest = (name: string, dependencies: Record<string, string> = {}): object => ({
  name: `@fairlead/${name}`,
  dependencies,
  exports: { '.': {}, './testing': {} },
});

const house = {
  'package.json': { devDependencies: { vitest: '1' } },
  'packages/core/package.json': manifest('core'),
  'packages/store/package.json': manifest('store', { '@fairlead/core': '1', pg: '1' }),
  'packages/service/package.json': manifest('service', { '@fairlead/core': '1', '@fairlead/store': '1' }),
  'packages/store/src/log.ts':
    "import type { Clock } from '@fairlead/core';\nimport pg from 'pg';\nimport './tx.ts';\n",
  'packages/store/src/log.test.ts': "import { test } from 'vitest';\nimport { x } from '@fairlead/store/testing';\n",
};

function objections(files: Record<string, unknown>): string[] {
  using tree = temporaryTree({ ...house, ...files });
  return checkLayers(tree.root, tree.files).map(({ file, line, message }) => `${file}:${line} ${message}`);
}

test('a house in order has no objections', () => {
  expect(objections({})).toEqual([]);
});

test('an import from a package below is refused, type-only ones included', () => {
  expect(objections({ 'packages/store/src/a.ts': "import type { S } from '@fairlead/service';\n" })).toEqual([
    'packages/store/src/a.ts:1 @fairlead/store may not import @fairlead/service: it is not above store in the house',
  ]);
});

test('a declared dependency on a package below is refused', () => {
  expect(
    objections({
      'packages/store/package.json': manifest('store', { '@fairlead/core': '1', pg: '1', '@fairlead/service': '1' }),
    }),
  ).toEqual(['packages/store/package.json:0 depends on @fairlead/service, which is not above store in the house']);
});

test('an undeclared import is refused in code, and allowed in a test when the root declares it', () => {
  expect(objections({ 'packages/store/src/a.ts': "import { test } from 'vitest';\nimport z from 'zod';\n" })).toEqual([
    'packages/store/src/a.ts:1 "vitest" is imported but not declared in packages/store/package.json',
    'packages/store/src/a.ts:2 "zod" is imported but not declared in packages/store/package.json',
  ]);
});

test('core has no dependencies', () => {
  expect(objections({ 'packages/core/package.json': manifest('core', { uuid: '1' }) })).toEqual([
    'packages/core/package.json:0 core has no dependencies',
  ]);
});

test('a package without a place in the house is refused', () => {
  expect(objections({ 'packages/extra/package.json': manifest('extra') })).toEqual([
    'packages/extra/package.json:0 "@fairlead/extra" has no place in the house; add it to LAYERS in tools/layers.ts',
  ]);
});

test('an import past the exports of a package is refused, from packages and from outside', () => {
  expect(
    objections({
      'packages/service/src/a.ts': "import { x } from '@fairlead/store/src/log.ts';\n",
      'test/b.test.ts': "import { x } from '@fairlead/store/inner';\n",
    }),
  ).toEqual([
    'packages/service/src/a.ts:1 "@fairlead/store/src/log.ts" is not among the exports of @fairlead/store',
    'test/b.test.ts:1 "@fairlead/store/inner" is not among the exports of @fairlead/store',
  ]);
});

test('a test of a package may start a real server of the tools, and nothing else there', () => {
  expect(
    objections({
      'packages/store/src/a.int.test.ts':
        "import { x } from '../../../tools/servers/redis.ts';\nimport { y } from '../../../tools/layers.ts';\n",
      'packages/store/src/a.ts': "import { x } from '../../../tools/servers/redis.ts';\n",
    }),
  ).toEqual([
    'packages/store/src/a.int.test.ts:2 "../../../tools/layers.ts" leaves packages/store; import the package by name',
    'packages/store/src/a.ts:1 "../../../tools/servers/redis.ts" leaves packages/store; import the package by name',
  ]);
});

test('a relative path out of a package, or into one, is refused', () => {
  expect(
    objections({
      'packages/service/src/a.ts': "import { x } from '../../store/src/log.ts';\n",
      'test/b.test.ts': "import { x } from '../packages/store/src/log.ts';\n",
    }),
  ).toEqual([
    'packages/service/src/a.ts:1 "../../store/src/log.ts" leaves packages/service; import the package by name',
    'test/b.test.ts:1 "../packages/store/src/log.ts" reaches into a package; import it by name',
  ]);
});

test('built-in modules carry the node: prefix', () => {
  expect(
    objections({ 'packages/core/src/a.ts': "import { join } from 'path';\nimport { join as j } from 'node:path';\n" }),
  ).toEqual(['packages/core/src/a.ts:1 write "node:path": a built-in module is named as one']);
});

test('a folder with a package.json of its own imports what that declares, and nobody else does', () => {
  const peers = { 'bench/peers/package.json': { dependencies: { moleculer: '1' } } };
  const text = "import 'moleculer';\n";
  expect(objections({ ...peers, 'bench/peers/a.js': text })).toEqual([]);
  expect(objections({ ...peers, 'bench/a.ts': text })).toEqual([
    'bench/a.ts:1 "moleculer" is imported but no package.json of this repository declares it',
  ]);
});
