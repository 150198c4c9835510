import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, readlinkSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '@fairlead/core';
import { fail } from '../errors.ts';

/** How long a server that lost its parent has for each way of ending, in milliseconds. */
const FAST_MS = 10_000;
const IMMEDIATE_MS = 6_000;
const LOOK_MS = 10;

/** What `postmaster.pid` says. */
export interface PostmasterFile {
  readonly pid: number;
  /** `starting`, `ready`, `stopping` and so on; empty before it is known. */
  readonly status: string;
}

/** Reads `postmaster.pid`; `undefined` when there is none or it is half-written. */
export function readPostmasterFile(clusterDir: string): PostmasterFile | undefined {
  try {
    const lines = readFileSync(join(clusterDir, 'postmaster.pid'), 'utf8').split('\n');
    const pid = Number(lines[0]);
    return Number.isSafeInteger(pid) && pid > 0 ? { pid, status: lines[7]?.trim() ?? '' } : undefined;
  } catch {
    return undefined;
  }
}

/** Notes who started the server, so that a later start can tell an orphan from a server that is looked after. */
export function recordParent(parentFile: string): void {
  writeFileSync(parentFile, `${process.pid}\n`, { mode: 0o600 });
}

/**
 * Ends what an earlier parent, killed, has left running on this cluster: its postmaster, or backends whose postmaster
 * is gone. Nothing that is not a Postgres on exactly this directory is ever signalled.
 * @throws POSTGRES_IN_USE when its parent lives, or it does not end
 */
export async function endOrphans(clusterDir: string, parentFile: string, clock: Clock): Promise<void> {
  if (!existsSync(clusterDir)) return;
  const pid = readPostmasterFile(clusterDir)?.pid;
  if (pid !== undefined && runsOn(pid, clusterDir)) {
    refuseIfOwned(pid, clusterDir, parentFile);
    await endPostmaster(pid, clusterDir, clock);
  }
  // One that has only just been started may not have written its file.
  for (const stray of processesOn(clusterDir)) refuseIfOwned(stray, clusterDir, parentFile);
  await endStrays(clusterDir, clock);
}

/** A server belongs to whoever started it for as long as that is its parent: orphans are given another. */
function refuseIfOwned(pid: number, clusterDir: string, parentFile: string): void {
  const parent = parentOf(pid);
  if (parent === undefined || parent !== recordedParent(parentFile)) return;
  throw fail(
    'POSTGRES_IN_USE',
    `${clusterDir} is in use: its Postgres (pid ${pid}) belongs to process ${parent}, which is running. Stop that first, or use another data directory.`,
  );
}

async function endPostmaster(pid: number, clusterDir: string, clock: Clock): Promise<void> {
  for (const [signal, patienceMs] of [
    ['SIGINT', FAST_MS],
    ['SIGQUIT', IMMEDIATE_MS],
  ] as const) {
    // Stopped processes take no other signal.
    send(pid, 'SIGCONT');
    send(pid, signal);
    if (await until(() => !runsOn(pid, clusterDir), patienceMs, clock)) return;
  }
  throw fail(
    'POSTGRES_IN_USE',
    `A Postgres left over from an earlier run (pid ${pid}) on ${clusterDir} does not end. Look at what it waits for, end it with kill -9 ${pid}, then start again.`,
  );
}

/** Backends notice by themselves that their postmaster is gone, unless they are busy or stopped. */
async function endStrays(clusterDir: string, clock: Clock): Promise<void> {
  const gone = (): boolean => processesOn(clusterDir).length === 0;
  if (gone()) return;
  for (const [signal, patienceMs] of [
    ['SIGQUIT', 3_000],
    ['SIGKILL', 5_000],
  ] as const) {
    for (const pid of processesOn(clusterDir)) {
      send(pid, 'SIGCONT');
      send(pid, signal);
    }
    if (await until(gone, patienceMs, clock)) return;
  }
  throw fail(
    'POSTGRES_IN_USE',
    `Processes of an earlier Postgres on ${clusterDir} do not end (pids ${processesOn(clusterDir).join(', ')}). End them, then start again.`,
  );
}

/** Removes what says that a server runs, after it has ended. */
export function forgetParent(parentFile: string): void {
  rmSync(parentFile, { force: true });
}

function recordedParent(parentFile: string): number | undefined {
  return existsSync(parentFile) ? Number(readFileSync(parentFile, 'utf8')) : undefined;
}

/** Whether a live process is a Postgres on this very directory: a pid alone may have been given to somebody else since. */
function runsOn(pid: number, clusterDir: string): boolean {
  if (process.platform === 'linux') {
    try {
      if (/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))) return false;
      return (
        readlinkSync(`/proc/${pid}/cwd`) === realpathSync(clusterDir) &&
        isPostgres(readFileSync(`/proc/${pid}/comm`, 'utf8'))
      );
    } catch {
      return false;
    }
  }
  const { stdout } = spawnSync('ps', ['-o', 'stat=,command=', '-p', String(pid)], { encoding: 'utf8' });
  return isPostgres(stdout) && stdout.includes(clusterDir) && !stdout.trimStart().startsWith('Z');
}

function isPostgres(text: string): boolean {
  return text.includes('postgres');
}

function parentOf(pid: number): number | undefined {
  if (process.platform === 'linux') {
    try {
      const parent = /^PPid:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
      return parent === undefined ? undefined : Number(parent);
    } catch {
      return undefined;
    }
  }
  return Number(spawnSync('ps', ['-o', 'ppid=', '-p', String(pid)], { encoding: 'utf8' }).stdout);
}

/** Every Postgres process whose working directory is the cluster. Elsewhere than on Linux only time helps: see start. */
function processesOn(clusterDir: string): readonly number[] {
  if (process.platform !== 'linux') return [];
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => runsOn(pid, clusterDir));
}

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It has ended already.
  }
}

async function until(condition: () => boolean, patienceMs: number, clock: Clock): Promise<boolean> {
  const end = clock.monotonic() + patienceMs;
  while (!condition()) {
    if (clock.monotonic() >= end) return false;
    await clock.sleep(LOOK_MS);
  }
  return true;
}
