import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { findProgram, runProgram } from './programs.ts';
import type { ServerKind } from './server.ts';

/** Debian asks this program before it starts what it has installed; 101 forbids it. */
const POLICY = '/usr/sbin/policy-rc.d';

const LOCK_TRIES = 60;
const LOCK_PAUSE_MS = 2_000;

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
    runApt(['update', '-qq'], env);
    try {
      runApt(['install', '-y', '-qq', '--no-install-recommends', ...packages], env);
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
      runApt(['install', '-y', '-qq', '--no-install-recommends', ...kind.packages], env);
    } catch (error) {
      failures.set(kind.name, error instanceof Error ? error.message : String(error));
    }
  }
  return failures;
}

/** Runs apt-get, after another one that runs already: tests that need servers begin at the same time. */
function runApt(args: readonly string[], env: NodeJS.ProcessEnv): void {
  for (let tries = 1; ; tries += 1) {
    try {
      runProgram('apt-get', args, { env });
      return;
    } catch (error) {
      if (tries === LOCK_TRIES || !String(error).includes('Could not get lock')) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, LOCK_PAUSE_MS);
    }
  }
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
