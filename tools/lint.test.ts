import { spawnSync } from 'node:child_process';
import { readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ROOT } from './repository.ts';
import { temporaryTree } from './testing/temporary-tree.ts';

/** What oxlint, configured as this repository is, says about `files`: `file:line rule`, sorted. */
function lint(files: Record<string, string>): string[] {
  using tree = temporaryTree({
    '.oxlintrc.json': readFileSync(join(ROOT, '.oxlintrc.json'), 'utf8'),
    'tsconfig.json': {
      compilerOptions: {
        strict: true,
        module: 'nodenext',
        target: 'es2024',
        allowImportingTsExtensions: true,
        noEmit: true,
        types: ['node'],
      },
    },
    ...files,
  });
  symlinkSync(join(ROOT, 'node_modules'), join(tree.root, 'node_modules'));
  const ended = spawnSync(join(ROOT, 'node_modules/.bin/oxlint'), ['--format', 'json'], {
    cwd: tree.root,
    encoding: 'utf8',
  });
  // The JSON reporter's shape; a change of it fails the tests below.
  const report = JSON.parse(ended.stdout) as {
    diagnostics: { code: string; filename: string; labels: { span: { line: number } }[] }[];
  };
  return report.diagnostics.map((each) => `${each.filename}:${each.labels[0]?.span.line} ${each.code}`).toSorted();
}

test('ambient time, randomness and network are refused in a package', () => {
  const found = lint({
    'packages/a/src/noun.ts': [
      "import { randomUUID } from 'node:crypto';",
      "import { setTimeout as sleep } from 'node:timers/promises';",
      'export const a = Date.now();',
      'export const b = Math.random();',
      'export const c = setTimeout(() => {}, 1);',
      'export const d = setInterval(() => {}, 1);',
      'export const e = setImmediate(() => {});',
      'export const f = performance.now();',
      'export const g = fetch;',
      'export const h = crypto.randomUUID();',
      'export const i = AbortSignal.timeout(1);',
      'export const j = [randomUUID, sleep];',
    ].join('\n'),
  });
  expect(found.map((each) => Number(each.split(':')[1]?.split(' ')[0])).toSorted((a, b) => a - b)).toEqual([
    1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11,
  ]);
});

test('real implementations, tests, tools, launchers and process entries may use them', () => {
  const text = 'export const a = Date.now() + Math.random() + performance.now();\n';
  expect(
    lint({
      'packages/core/src/real-clock.ts': text,
      'packages/a/src/noun.test.ts': text,
      'packages/a/src/main.ts': text,
      'packages/cli/bin/fairlead.js': text,
      'tools/noun.ts': text,
      'bench/noun.ts': text,
      'test/noun.ts': text,
    }),
  ).toEqual([]);
});

test('a promise that nobody waits for is refused', () => {
  expect(lint({ 'packages/a/src/noun.ts': 'export async function a(): Promise<void> {}\na();\n' })).toEqual([
    'packages/a/src/noun.ts:2 typescript(no-floating-promises)',
  ]);
});

test('a cycle of imports is refused, a type-only one too', () => {
  const found = lint({
    'packages/a/src/one.ts': "import type { Two } from './two.ts';\nexport interface One { two: Two }\n",
    'packages/a/src/two.ts': "import type { One } from './one.ts';\nexport interface Two { one: One }\n",
  });
  expect(found).toContain('packages/a/src/one.ts:1 import(no-cycle)');
});

test('any and the non-null assertion are refused, the latter not in tests', () => {
  const text = 'export const a: any = 1;\nexport const b = [1].at(0)!;\n';
  expect(lint({ 'packages/a/src/noun.ts': text, 'packages/a/src/noun.test.ts': text })).toEqual([
    'packages/a/src/noun.test.ts:1 typescript(no-explicit-any)',
    'packages/a/src/noun.ts:1 typescript(no-explicit-any)',
    'packages/a/src/noun.ts:2 typescript(no-non-null-assertion)',
  ]);
});
