import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const SCOPE = '@fairlead';

/** Fairlead as its users have it: packages that were built, without sources. */
export interface InstalledFairlead extends Disposable {
  /** The command. */
  readonly command: string;
}

/** Builds the packages and puts what `npm pack` takes of each into a folder, beside what they depend on. */
export function installFairlead(): InstalledFairlead {
  using stack = new DisposableStack();
  const folder = mkdtempSync(join(tmpdir(), 'fairlead-installed-'));
  stack.defer(() => rmSync(folder, { recursive: true, force: true }));
  const modules = join(folder, 'node_modules');
  mkdirSync(join(modules, SCOPE), { recursive: true });
  for (const name of readdirSync(join(ROOT, 'node_modules'))) {
    if (name !== SCOPE) symlinkSync(join(ROOT, 'node_modules', name), join(modules, name));
  }
  const packages = readdirSync(join(ROOT, 'packages'));
  for (const name of packages) {
    const dist = join(ROOT, 'packages', name, 'dist');
    // One that nobody asked for would hide it when a test can't find the sources.
    if (!existsSync(dist)) stack.defer(() => rmSync(dist, { recursive: true, force: true }));
  }
  const built = spawnSync(process.execPath, [join(ROOT, 'tools/build.ts')], { cwd: ROOT, encoding: 'utf8' });
  if (built.status !== 0) throw new Error(`npm run build: ${built.stdout}${built.stderr}`);
  for (const name of packages) {
    const from = join(ROOT, 'packages', name);
    for (const part of ['package.json', 'dist', 'bin', 'sql', 'templates']) {
      if (existsSync(join(from, part))) cpSync(join(from, part), join(modules, SCOPE, name, part), { recursive: true });
    }
  }
  const owned = stack.move();
  return {
    command: join(modules, SCOPE, 'cli', 'bin', 'fairlead.js'),
    [Symbol.dispose]: () => owned.dispose(),
  };
}
