import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The repository's root, without a slash at its end. */
export const ROOT = fileURLToPath(new URL('..', import.meta.url)).replace(/[/\\]$/, '');

const NEVER = new Set(['node_modules', 'dist', '.git', '.cache', '.fairlead', 'coverage']);

/**
 * The files that are, or would be, part of the repository: tracked ones and new ones that aren't ignored. Without git,
 * everything below `root` but what is never tracked. Paths are relative, with `/`, sorted.
 */
export function repositoryFiles(root: string = ROOT): string[] {
  if (existsSync(join(root, '.git'))) {
    const listed = execFileSync('git', ['ls-files', '-coz', '--exclude-standard'], { cwd: root, encoding: 'utf8' });
    return listed
      .split('\0')
      .filter((path) => path !== '' && existsSync(join(root, path)))
      .toSorted();
  }
  return walk(root, root).toSorted();
}

/** The text of a file of the repository. */
export function readText(root: string, path: string): string {
  return readFileSync(join(root, path), 'utf8');
}

function walk(root: string, folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return NEVER.has(entry.name) ? [] : walk(root, path);
    return [relative(root, path).replaceAll('\\', '/')];
  });
}
