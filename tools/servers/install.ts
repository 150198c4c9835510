import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { findProgram, runProgram } from './programs.ts';
import type { ServerKind } from './server.ts';

/** Debian asks this program before it starts what it has installed; 101 forbids it. */
const POLICY = '/usr/sbin/policy-rc.d';

/**
 * Installs the Debian packages of the kinds that aren't on this machine, without letting any of them start. Where that
 * is not possible (not Debian, not root), it changes nothing; the reasons come back by server name.
 */
export function installMissing(kinds: readonly ServerKind[]): Map<string, string> {
  const missing = kinds.filter((kind) => !kind.installed());
  const packages = missing.flatMap((kind) => kind.packages);
  if (missing.length === 0) return new Map();
  if (findProgram('apt-get') === undefined) {
    return new Map(missing.map((kind) => [kind.name, `not installed; ${kind.elsewhere}`]));
  }
  if (process.getuid?.() !== 0) {
    return new Map(
      missing.map((kind) => [kind.name, `not installed; sudo apt-get install ${kind.packages.join(' ')}`]),
    );
  }
  return withoutStarting(() => {
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
    runProgram('apt-get', ['update', '-qq'], { env });
    try {
      runProgram('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...packages], { env });
      return new Map();
    } catch {
      // One package that can't be had must not keep the others away.
      return installOneByOne(missing, env);
    }
  });
}

function installOneByOne(missing: readonly ServerKind[], env: NodeJS.ProcessEnv): Map<string, string> {
  const failures = new Map<string, string>();
  for (const kind of missing) {
    try {
      runProgram('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...kind.packages], { env });
    } catch (error) {
      failures.set(kind.name, error instanceof Error ? error.message : String(error));
    }
  }
  return failures;
}

/** Runs `work` while the system is told to start no daemon; a policy that somebody else has set stays. */
function withoutStarting<T>(work: () => T): T {
  const ours = !existsSync(POLICY);
  if (ours) writeFileSync(POLICY, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  try {
    return work();
  } finally {
    if (ours) rmSync(POLICY, { force: true });
  }
}
