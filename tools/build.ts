// `npm run build`: every package of packages/ that has an index, from TypeScript to dist/ (JavaScript, declarations and
// source maps), in the order of the house; then the files of the gateway (gateway-bundle.ts). Nothing in development needs it:
// Node runs the TypeScript as it is.

import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { bundleGateway } from './gateway-bundle.ts';
import { LAYERS } from './layers.ts';
import { ROOT } from './repository.ts';

const only = process.argv.slice(2);
for (const name of LAYERS) {
  if (only.length > 0 && !only.includes(name)) continue;
  if (!existsSync(join(ROOT, 'packages', name, 'src/index.ts'))) continue;
  const startedAt = performance.now();
  const output = build(name);
  if (output === '' && name === 'cli') await bundleGateway();
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  console.log(`${output === '' ? 'built ' : 'FAILED'}  ${name.padEnd(10)} ${seconds.padStart(5)} s`);
  if (output === '') continue;
  console.log(output);
  process.exitCode = 1;
  break;
}

/** Compiles one package against its neighbours' declarations; what the compiler says when it fails. */
function build(name: string): string {
  const folder = join(ROOT, 'packages', name);
  const project = join(ROOT, '.cache/build', `${name}.json`);
  mkdirSync(join(ROOT, '.cache/build'), { recursive: true });
  writeFileSync(
    project,
    JSON.stringify({
      extends: '../../tsconfig.json',
      compilerOptions: {
        // Without the source condition a neighbour is what its users see: the declarations in its dist/.
        customConditions: [],
        noEmit: false,
        declaration: true,
        sourceMap: true,
        rewriteRelativeImportExtensions: true,
        rootDir: join(folder, 'src'),
        outDir: join(folder, 'dist'),
      },
      include: [join(folder, 'src')],
      exclude: ['*.test.ts', '*.fixture.ts', 'fixtures/**', 'test-terminal.ts'].map((each) =>
        join(folder, 'src/**', each),
      ),
    }),
  );
  rmSync(join(folder, 'dist'), { recursive: true, force: true });
  const ended = spawnSync(join(ROOT, 'node_modules/.bin/tsc'), ['-p', project], { cwd: ROOT, encoding: 'utf8' });
  if (ended.error !== undefined) return `tsc did not start: ${ended.error.message}; run npm ci`;
  return ended.status === 0 ? '' : `${ended.stdout}${ended.stderr}`.trim();
}
