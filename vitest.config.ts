import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

/**
 * The export condition under which workspace packages resolve to their TypeScript, as `node --conditions` does. Neither
 * list may hold `import`: it would also reach `require()` calls inside dependencies.
 */
const conditions = ['@fairlead/source', 'node', 'module'];
const resolve = { conditions, externalConditions: ['@fairlead/source', 'node'] };
/** One embedded Postgres a run, shared by the workers. */
const globalSetup = fileURLToPath(new URL('./packages/store/src/testing/global-setup.ts', import.meta.url));
/** `npm run test:int`: the tests that need servers, packed packages or minutes. */
const integration = process.env['FAIRLEAD_TESTS'] === 'int';
/** Where CI wants the counts as JSON; unset elsewhere. */
const report = process.env['FAIRLEAD_TEST_REPORT'];
const roots = ['packages', 'examples', 'test', 'tools', 'bench'];
const include = roots.map((root) => `${root}/**/*${integration ? '.int' : ''}.test.ts`);
const exclude = ['**/node_modules/**', '**/dist/**', ...(integration ? [] : ['**/*.int.test.ts'])];
/** Those that take minutes, most of which they wait, and know nothing of the machine's pace: two at a time, after the others. */
const patient = [
  'packages/net/src/http1/fuzz.int.test.ts',
  'test/soak/soak.int.test.ts',
  'tools/documents/documents.int.test.ts',
  'tools/packages.int.test.ts',
];

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve },
  // Where vitest loads global setup; it takes over neither of the above.
  environments: { __vitest__: { resolve } },
  test: {
    ...(integration
      ? { projects: [group('one', 0, include, [...exclude, ...patient]), group('two', 1, patient, exclude)] }
      : { include, exclude }),
    globalSetup,
    testTimeout: integration ? 240_000 : 30_000,
    hookTimeout: integration ? 240_000 : 60_000,
    pool: 'forks',
    maxWorkers: 2,
    allowOnly: false,
    reporters: report === undefined ? ['default'] : ['default', ['json', { outputFile: report }]],
  },
});

/** Files that run together, so many at a time. */
function group(name: 'one' | 'two', groupOrder: number, include: string[], exclude: string[]) {
  const maxWorkers = name === 'one' ? 1 : 2;
  return { extends: true as const, test: { name, include, exclude, maxWorkers, sequence: { groupOrder } } };
}
