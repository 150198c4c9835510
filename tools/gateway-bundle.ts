// What `fairlead gateway run` needs as few files, in `packages/cli/dist/gateway`: a module of its own for each of 450 files is 8 MB of
// a gateway and half of its start. Readable, for stacks; whoever imports packages gets them as ever, and nobody imports these.

import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { rolldown } from 'rolldown';
import { ROOT } from './repository.ts';

const CLI = join(ROOT, 'packages/cli/dist');
const FOLDER = join(CLI, 'gateway');
const OURS = /\/packages\/(\w+)\/dist\//;
const INDEX = /\/packages\/\w+\/dist\/index\.js$/;

/** Makes the files of packages that have been built. */
export async function bundleGateway(): Promise<void> {
  await using build = await rolldown({
    input: {
      run: join(CLI, 'gateway-run/main.js'),
      // A worker, which the fleet starts from the file `main.js` beside its own.
      main: join(ROOT, 'packages/proxy/dist/fleet/main.js'),
    },
    platform: 'node',
    // Found from the packages that have them.
    external: ['yaml', 're2js', 'ioredis'],
    // An import that is not there is only warned of.
    onLog(level, log) {
      if (level === 'warn') throw new Error(log.message);
    },
  });
  const { output } = await build.write({
    dir: FOLDER,
    format: 'esm',
    entryFileNames: '[name].js',
    chunkFileNames: ({ moduleIds }) => `${packageOf(moduleIds) ?? '[name]'}-[hash].js`,
    comments: false,
  });
  const bundled = output.flatMap((file) => (file.type === 'chunk' ? file.moduleIds : []));
  writeFileSync(join(FOLDER, 'LICENSES.txt'), licenses(bundled));
}

/** The package that most of these modules are of, if a whole package is among them. */
function packageOf(modules: readonly string[]): string | undefined {
  if (!modules.some((id) => INDEX.test(id))) return undefined;
  const names = modules.flatMap((id) => OURS.exec(id)?.[1] ?? []);
  const countOf = (name: string): number => names.filter((each) => each === name).length;
  return names.toSorted((one, other) => countOf(other) - countOf(one))[0];
}

/** The licences of others' packages among these modules. */
function licenses(modules: readonly string[]): string {
  const folders = new Set(modules.flatMap((id) => /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+/.exec(id) ?? []));
  return [...folders]
    .toSorted()
    .map((folder) => {
      const name = folder.slice(folder.lastIndexOf('node_modules/') + 'node_modules/'.length);
      const file = readdirSync(folder).find((each) => /^licen[cs]e/i.test(each));
      if (file === undefined) throw new Error(`${name} has no licence that the gateway's files could bring along`);
      return `${name}\n\n${readFileSync(join(folder, file), 'utf8').trim()}\n`;
    })
    .join(`\n${'-'.repeat(80)}\n\n`);
}
