import { spawnSync } from 'node:child_process';
import { statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const FOLDER = fileURLToPath(new URL('./peers', import.meta.url));

/**
 * Installs what Fairlead is measured against into bench/peers/node_modules, as its lockfile pins it, unless that is there.
 * The repository's own `npm ci` stays small without it.
 * @throws Error with what npm said when that fails
 */
export function installPeers(): void {
  // npm writes the second file last.
  if (writtenMs('package-lock.json') <= writtenMs('node_modules/.package-lock.json')) return;
  console.error('installing the peers into bench/peers');
  const ended = spawnSync('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], {
    cwd: FOLDER,
    encoding: 'utf8',
  });
  if (ended.status !== 0) throw new Error(`the peers could not be installed: ${ended.stderr || String(ended.error)}`);
}

function writtenMs(file: string): number {
  return statSync(`${FOLDER}/${file}`, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}
