import type { Finding } from './finding.ts';
import { readText } from './repository.ts';

interface LockEntry {
  readonly dependencies?: Record<string, string>;
  readonly optionalDependencies?: Record<string, string>;
  readonly resolved?: string;
  readonly link?: boolean;
}

const FILE = 'package-lock.json';

/**
 * What would make `npm ci` fail, or ask one machine's server, somewhere else: an entry that names its server, and a
 * dependency without an entry. The latter happens to other platforms' binaries when they can't be fetched, or when a
 * lockfile is written beside an existing `node_modules`.
 */
export function checkLockfile(root: string, files: readonly string[]): Finding[] {
  if (!files.includes(FILE)) return [];
  // npm's lockfile, version 3: `packages` by path.
  const { packages = {} } = JSON.parse(readText(root, FILE)) as { packages?: Record<string, LockEntry> };
  const found = (message: string): Finding => ({ file: FILE, line: 0, message });
  return Object.entries(packages).flatMap(([path, entry]) => {
    const findings: Finding[] = [];
    if (entry.link !== true && entry.resolved !== undefined) {
      findings.push(found(`${path} names its server; npm install with omit-lockfile-registry-resolved`));
    }
    const named = Object.keys({ ...entry.dependencies, ...entry.optionalDependencies });
    const missing = named.filter((name) => !resolves(packages, path, name));
    if (missing.length > 0) {
      findings.push(
        found(`${path || 'the root'} needs ${missing.join(', ')}, which has no entry: npm ci would refuse`),
      );
    }
    return findings;
  });
}

/** Whether an entry stands where Node would look for `name` from the package at `path`. */
function resolves(packages: Readonly<Record<string, LockEntry>>, path: string, name: string): boolean {
  for (let at = path; ; at = at.slice(0, Math.max(0, at.lastIndexOf('/')))) {
    if (`${at === '' ? '' : `${at}/`}node_modules/${name}` in packages) return true;
    if (at === '') return false;
  }
}
