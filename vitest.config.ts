import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

/** The export condition under which workspace packages resolve to their TypeScript, as `node --conditions` does. */
const conditions = ['@fairlead/source', 'node', 'import', 'module', 'default'];
/** One embedded Postgres a run, shared by the workers. */
const globalSetup = fileURLToPath(new URL('./packages/store/src/testing/global-setup.ts', import.meta.url));
/** `npm run test:int`: the tests that need servers, packed packages or minutes. */
const integration = process.env['FAIRLEAD_TESTS'] === 'int';
/** Where CI wants the counts as JSON; unset elsewhere. */
const report = process.env['FAIRLEAD_TEST_REPORT'];
const roots = ['packages', 'examples', 'test', 'tools', 'bench'];

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions, externalConditions: conditions } },
  test: {
    include: roots.map((root) => `${root}/**/*${integration ? '.int' : ''}.test.ts`),
    exclude: ['**/node_modules/**', '**/dist/**', ...(integration ? [] : ['**/*.int.test.ts'])],
    globalSetup: existsSync(globalSetup) ? [globalSetup] : [],
    testTimeout: integration ? 240_000 : 30_000,
    hookTimeout: integration ? 240_000 : 60_000,
    fileParallelism: !integration,
    pool: 'forks',
    maxWorkers: 2,
    allowOnly: false,
    reporters: report === undefined ? ['default'] : ['default', ['json', { outputFile: report }]],
  },
});
