import { expect, test } from 'vitest';
import { checkRepositoryRules, MAX_LINES } from './repository-rules.ts';
import { temporaryTree } from './testing/temporary-tree.ts';

function objections(files: Record<string, unknown>): string[] {
  using tree = temporaryTree(files);
  return checkRepositoryRules(tree.root, tree.files).map(({ file, line, message }) => `${file}:${line} ${message}`);
}

test('a file may have as many lines as the limit and not one more', () => {
  expect(objections({ 'packages/a/src/long.ts': 'a;\n'.repeat(MAX_LINES) })).toEqual([]);
  expect(objections({ 'packages/a/src/long.ts': 'a;\n'.repeat(MAX_LINES + 1) })).toEqual([
    'packages/a/src/long.ts:0 401 lines; split it by noun (at most 400)',
  ]);
});

test.each(['utils', 'string-utils', 'helpers', 'process-manager', 'common'])(
  'a file or folder named %s is refused',
  (name) => {
    expect(objections({ [`packages/a/src/${name}.ts`]: '' })).toHaveLength(1);
    expect(objections({ [`packages/a/src/${name}/noun.ts`]: '' })).toHaveLength(1);
  },
);

test('an index with a star export or logic is refused, one of named exports passes', () => {
  expect(
    objections({
      'packages/a/src/index.ts': "// The map.\nexport { a } from './a.ts';\nexport type {\n  B,\n} from './b.ts';\n",
    }),
  ).toEqual([]);
  const message = 'an index holds explicit named exports from its siblings and nothing else';
  expect(objections({ 'packages/a/src/index.ts': "export { a } from './a.ts';\nexport * from './b.ts';\n" })).toEqual([
    `packages/a/src/index.ts:2 ${message}`,
  ]);
  expect(objections({ 'packages/a/src/deep/index.ts': 'export const a = 1;\n' })).toEqual([
    `packages/a/src/deep/index.ts:1 ${message}`,
  ]);
});

test('reading the machine clock through Date is refused outside the real implementations', () => {
  const text =
    "const a = new Date();\nconst b = new Date(0);\nconst c = Date();\n// new Date()\nconst d = 'new Date()';\nnew Date(x.now());\n";
  const message = 'new Date() reads the machine clock; build it from ctx.clock.now()';
  expect(objections({ 'packages/a/src/noun.ts': text })).toEqual([
    `packages/a/src/noun.ts:1 ${message}`,
    `packages/a/src/noun.ts:3 ${message}`,
  ]);
  for (const file of [
    'packages/core/src/real-clock.ts',
    'packages/a/src/main.ts',
    'packages/a/src/noun.test.ts',
    'tools/noun.ts',
  ]) {
    expect(objections({ [file]: text })).toEqual([]);
  }
});

test('packages take HTTP and TLS of Node from core, which loads them for whoever asks', () => {
  const dear = "import { request } from 'node:http';\nimport {\n  connect,\n  constants,\n} from 'node:http2';\n";
  expect(objections({ 'packages/net/src/pool.ts': `\n${dear}` })).toEqual([
    'packages/net/src/pool.ts:2 an import of node:http costs each process megabytes; take onDemand.http of @fairlead/core',
    'packages/net/src/pool.ts:3 an import of node:http2 costs each process megabytes; take onDemand.http2 of @fairlead/core',
  ]);
  const fine = "import type { Agent } from 'node:http';\nimport { connect } from 'node:net';\n";
  expect(
    objections({ 'packages/net/src/pool.ts': fine, 'packages/net/src/pool.test.ts': dear, 'bench/main.ts': dear }),
  ).toEqual([]);
});

test("SQL that reads the server's clock or draws its chance is refused, in files and in the strings of code", () => {
  const words = [
    'now()',
    'NOW ( )',
    'random()',
    'clock_timestamp()',
    'statement_timestamp()',
    'transaction_timestamp()',
    'current_timestamp',
    'localtimestamp',
    'gen_random_uuid()',
    'uuidv7()',
  ];
  for (const word of words) {
    const sql = `-- ${word}\n/* ${word} */\nselect fairlead.now(), p_random, x.${word.replace(' ', '')};\nselect ${word};\n`;
    const found = objections({ 'packages/a/sql/a/0001_a.sql': sql });
    expect(found, word).toHaveLength(1);
    expect(found[0]).toMatch(/^packages\/a\/sql\/a\/0001_a\.sql:4 .*fairlead\.now\(\)/);
    const code = `// ${word}\nconst q = \`select ${word} where \${now() + random()}\`;\nconst fine = now() + uuidv7(x) + 'select fairlead.now()';\n`;
    expect(objections({ 'packages/a/src/noun.ts': code }), word).toEqual([
      expect.stringMatching(/^packages\/a\/src\/noun\.ts:2 /),
    ]);
    expect(objections({ 'packages/a/src/noun.test.ts': code })).toEqual([]);
  }
});

test('paths of one machine are refused wherever they stand', () => {
  const home = ['', 'home', 'ada'].join('/');
  const path = `${home}/fairlead`;
  expect(objections({ 'docs/a.md': `See ${path}.\n`, 'packages/a/src/noun.ts': `const a = '${path}';\n` })).toEqual([
    `docs/a.md:1 "${home}" exists on one machine only`,
    `packages/a/src/noun.ts:1 "${home}" exists on one machine only`,
  ]);
  expect(objections({ 'docs/a.md': 'GET /orders/home and https://example.com/home/page\n' })).toEqual([]);
});

test('hosts that serve packages are refused', () => {
  const host = ['registry', 'example', 'com'].join('.');
  expect(objections({ '.npmrc': `registry=https://${host}/\n` })).toEqual([
    `.npmrc:1 "${host}": where packages come from is the reader's setting, not ours`,
  ]);
});
