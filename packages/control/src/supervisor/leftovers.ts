import type { Clock } from '@fairlead/core';
import { signalGroup } from './child-process.ts';
import { isRunning, type ProcessIdentity } from './process-identity.ts';
import { removeStaleSocketDir } from './socket-dir.ts';
import { readState, removeState, type InstanceRecord } from './state-file.ts';

/** The order in which kinds are asked to end: who takes work first, who keeps data last. */
export const DRAIN_ORDER = ['gateway', 'service', 'external', 'control', 'database'] as const;

const POLL_MS = 20;

async function waitEnd(identity: ProcessIdentity, limitMs: number, clock: Clock): Promise<boolean> {
  const until = clock.monotonic() + limitMs;
  while (await isRunning(identity)) {
    if (clock.monotonic() >= until) return false;
    await clock.sleep(POLL_MS);
  }
  return true;
}

/** Signals one process, if it is still the same one. */
async function signalOne(identity: ProcessIdentity, signal: NodeJS.Signals): Promise<void> {
  if (!(await isRunning(identity))) return;
  try {
    process.kill(identity.pid, signal);
  } catch {
    // It ended between the look and the signal.
  }
}

/**
 * Ends a process and everything in its group: asked first, by force after `graceMs`. Nothing happens when it has ended
 * already, also if its number belongs to another process now. A database is asked for a fast shutdown, then an
 * immediate one, so that it never leaves shared memory behind.
 */
export async function endProcess(
  identity: ProcessIdentity,
  kind: InstanceRecord['kind'],
  options: { readonly graceMs: number; readonly clock: Clock },
): Promise<void> {
  const { clock, graceMs } = options;
  await signalOne(identity, kind === 'database' ? 'SIGINT' : 'SIGTERM');
  if (await waitEnd(identity, graceMs, clock)) return;
  if (kind === 'database') {
    await signalOne(identity, 'SIGQUIT');
    if (await waitEnd(identity, graceMs, clock)) return;
  }
  if (await isRunning(identity)) signalGroup(identity.pid, 'SIGKILL');
  await waitEnd(identity, graceMs, clock);
}

/**
 * Ends what a killed supervisor left: the processes of `<dataDir>/state.json` that are still the ones it started, and
 * its folder of sockets. Returns the names of those that still ran. Call it only while holding the data directory's lock.
 */
export async function endLeftovers(
  dataDir: string,
  options: { readonly clock: Clock; readonly graceMs?: number },
): Promise<readonly string[]> {
  const { clock, graceMs = 3_000 } = options;
  const state = await readState(dataDir);
  if (state === undefined) return [];
  const ended: string[] = [];
  for (const kind of DRAIN_ORDER) {
    const ofKind = state.instances.filter((instance) => instance.kind === kind);
    await Promise.all(
      ofKind.map(async ({ name, pid, started }) => {
        if (pid === undefined || started === undefined || !(await isRunning({ pid, started }))) return;
        await endProcess({ pid, started }, kind, { clock, graceMs });
        ended.push(name);
      }),
    );
  }
  await removeStaleSocketDir(state.socketDir);
  await removeState(dataDir);
  return ended;
}
