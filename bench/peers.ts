import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const FOLDER = fileURLToPath(new URL('./peers', import.meta.url));

/**
 * Installs what Fairlead is measured against into bench/peers/node_modules, as its lockfile pins it, unless it is there.
 * The repository's own `npm ci` stays small without it.
 * @throws Error with what npm said when that fails
 */
export function installPeers(): void {
  // npm writes this file last.
  if (existsSync(`${FOLDER}/node_modules/.package-lock.json`)) return;
  console.error('installing the peers into bench/peers, once');
  const ended = spawnSync('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], {
    cwd: FOLDER,
    encoding: 'utf8',
  });
  if (ended.status !== 0) throw new Error(`the peers could not be installed: ${ended.stderr || String(ended.error)}`);
}
