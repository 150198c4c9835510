import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';

const OXLINT = join(dirname(createRequire(import.meta.url).resolve('oxlint/package.json')), 'bin/oxlint');
const PLUGIN = fileURLToPath(new URL('./plugin.ts', import.meta.url));

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'saga-rule-'));
  const config = { jsPlugins: [PLUGIN], categories: { correctness: 'off' }, rules: { 'fairlead/saga': 'error' } };
  await writeFile(join(folder, '.oxlintrc.json'), JSON.stringify(config));
});
afterAll(() => rm(folder, { recursive: true }));

/** The lines of `code` that the rule finds something in. */
async function found(code: string): Promise<readonly number[]> {
  await writeFile(join(folder, 'code.ts'), code);
  const { promise, resolve } = Promise.withResolvers<string>();
  const args = [OXLINT, '--format', 'json', '-c', join(folder, '.oxlintrc.json'), join(folder, 'code.ts')];
  execFile(process.execPath, args, { cwd: folder }, (_error, stdout) => resolve(stdout));
  const { diagnostics } = JSON.parse(await promise) as {
    readonly diagnostics: readonly {
      readonly code: string;
      readonly labels: readonly { readonly span: { readonly line: number } }[];
    }[];
  };
  return diagnostics.map(({ labels }) => labels[0]?.span.line ?? 0).toSorted((a, b) => a - b);
}

test('time, chance, timers and the network are found in the function of a saga, however deep', async () => {
  const lines = await found(`
saga('a', async (s, input) => {
  const begun = Date.now();
  if (input) for (const each of input) each.at = new Date();
  await Promise.all([fetch('/'), s.sleep('1s')]);
  const later = () => setTimeout(() => {}, 1);
  return [Math.random(), crypto.randomUUID(), performance.now(), begun, later];
});
`);
  expect(lines).toEqual([3, 4, 5, 6, 7, 7, 7]);
});

test('steps, transactions and undos may do everything, and so may code that is no saga', async () => {
  const lines = await found(`
const other = () => Date.now() + Math.random();
saga('a', async (run, input) => {
  await run.step('a', () => fetch('/'), { undo: () => Date.now() });
  await run.transaction('b', async (tx) => tx.query('…', [Date.now()]));
  const then = new Date(run.now());
  return [run.now(), run.random(), run.id(), then, Math.max(1, 2)];
});
saga('b', named);
`);
  expect(lines).toEqual([]);
});
