import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

const pathOf = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url));

/**
 * The export condition under which workspace packages resolve to their TypeScript, as `node --conditions` does. Neither
 * list may hold `import`: it would also reach `require()` calls inside dependencies.
 */
const conditions = ['@fairlead/source', 'node', 'module'];
const resolve = { conditions, externalConditions: ['@fairlead/source', 'node'] };
/** `npm run test:int`: the tests that need servers, packed packages or minutes. */
const integration = process.env['FAIRLEAD_TESTS'] === 'int';
/** Where CI wants the counts as JSON; unset elsewhere. */
const report = process.env['FAIRLEAD_TEST_REPORT'];
const roots = ['packages', 'examples', 'test', 'tools', 'bench'];
const include = roots.map((root) => `${root}/**/*${integration ? '.int' : ''}.test.ts`);
const exclude = ['**/node_modules/**', '**/dist/**', ...(integration ? [] : ['**/*.int.test.ts'])];

/** Unit tests that change what all files of a worker have in common: `Date`, timers, chance. */
const apart = ['packages/policy/src/*-differential.test.ts', 'packages/testing/**/*.test.ts', 'examples/**/*.test.ts'];
/** Runs tests itself, in as many processes as there are processors; so it has the machine to itself, after the others. */
const alone = ['tools/servers/store-on-postgresql.int.test.ts'];
/** Integration tests that take minutes, the longest first. */
const long = [
  'tools/documents/documents.int.test.ts',
  'test/soak/soak.int.test.ts',
  'tools/packages.int.test.ts',
  'packages/net/src/http1/fuzz.int.test.ts',
  'examples/shop/simulation.int.test.ts',
];

/** Begins with what takes long, so that nobody waits for it in the end. */
class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification): number => long.findLastIndex((each) => moduleId.endsWith(each));
    const known = files.filter((file) => rank(file) >= 0).toSorted((a, b) => rank(a) - rank(b));
    return [...known, ...(await super.sort(files)).filter((file) => rank(file) < 0)];
  }
}

// Half of what a process of a platform costs is compiling what the one before it has compiled. Children inherit this.
process.env['NODE_COMPILE_CACHE'] ??= pathOf('./.cache/compiled');

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve },
  // Where vitest loads global setup; it takes over neither of the above.
  environments: { __vitest__: { resolve } },
  test: {
    projects: integration
      ? [
          { extends: true, test: { name: 'together', include, exclude: [...exclude, ...alone] } },
          { extends: true, test: { name: 'alone', include: alone, exclude, sequence: { groupOrder: 1 } } },
        ]
      : [
          { extends: true, test: { name: 'together', include, exclude: [...exclude, ...apart], isolate: false } },
          { extends: true, test: { name: 'apart', include: apart, exclude } },
        ],
    sequence: { sequencer: LongestFirst },
    // One embedded Postgres a run, shared by the workers.
    globalSetup: pathOf('./packages/store/src/testing/global-setup.ts'),
    // They end what hangs; how long something takes is nobody's failure.
    testTimeout: 300_000,
    hookTimeout: 300_000,
    expect: { poll: { timeout: 60_000 } },
    pool: 'forks',
    maxWorkers: 2,
    allowOnly: false,
    reporters: report === undefined ? ['default'] : ['default', ['json', { outputFile: report }]],
  },
});
