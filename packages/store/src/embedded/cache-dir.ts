import { lstatSync, mkdirSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { FairleadError } from '@fairlead/core';
import { canReach, type Account } from './account.ts';

/**
 * Where binaries and the template are kept: the user's cache directory or, for root, one that the server's own account
 * can reach. Made when missing.
 * @throws MISCONFIGURED when the one given can't be reached by the server's account
 */
export function cacheDirectory(given: string | undefined, account: Account | undefined): string {
  if (given !== undefined) {
    mkdirSync(given, { recursive: true, mode: 0o755 });
    if (account !== undefined && !canReach(account, given)) {
      throw new FairleadError(
        'internal',
        'MISCONFIGURED',
        `cacheDir ${given} lies below a directory that only root may enter, so Postgres, which runs under a uid of its own, can't reach its binaries there. Leave cacheDir out.`,
      );
    }
    return given;
  }
  const candidates = account === undefined ? userCandidates() : ['/var/cache/fairlead'];
  for (const candidate of [...candidates, join(tmpdir(), `fairlead-cache-${process.getuid?.() ?? 0}`)]) {
    if (usable(candidate, account)) return candidate;
  }
  throw new FairleadError(
    'internal',
    'MISCONFIGURED',
    `No directory for Postgres' binaries: ${candidates.join(', ')} and the system's temporary folder can't be written, or belong to somebody else. Set XDG_CACHE_HOME to one that can.`,
  );
}

function userCandidates(): readonly string[] {
  // The environment is read here because this is about the machine, not about the platform's configuration.
  const home = homedir();
  const cache =
    process.platform === 'darwin'
      ? join(home, 'Library', 'Caches')
      : (process.env['XDG_CACHE_HOME'] ?? join(home, '.cache'));
  return [join(cache, 'fairlead')];
}

function usable(directory: string, account: Account | undefined): boolean {
  try {
    mkdirSync(directory, { recursive: true, mode: 0o755 });
    const found = lstatSync(directory);
    // In a shared folder somebody else may have been first: what we execute must be ours, and writable by nobody else.
    const ours = found.isDirectory() && found.uid === process.getuid?.() && (found.mode & 0o022) === 0;
    return ours && (account === undefined || canReach(account, directory));
  } catch {
    return false;
  }
}
