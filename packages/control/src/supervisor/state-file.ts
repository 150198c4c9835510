import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { InstanceStatus } from '../running-platform.ts';
import { replaceFile } from './data-dir.ts';
import { processStarted, type ProcessIdentity } from './process-identity.ts';

/** An instance and which process it is, so that a later command can tell it from a stranger with the same number. */
export interface InstanceRecord extends InstanceStatus {
  /** See `ProcessIdentity.started`; `undefined` when no process runs. */
  readonly started: string | undefined;
}

/** What a supervisor leaves for other commands, and for the next one if it is killed. */
export interface PlatformState {
  readonly version: 1;
  readonly platform: string;
  readonly supervisor: ProcessIdentity;
  /** Folder of this run's sockets. */
  readonly socketDir: string;
  /** `undefined` until it is known. */
  readonly gatewayUrl: string | undefined;
  readonly adminUrl: string | undefined;
  readonly instances: readonly InstanceRecord[];
}

const pathIn = (dataDir: string): string => join(dataDir, 'state.json');

/** Reads `<dataDir>/state.json`; `undefined` when there is none that this version understands. */
export async function readState(dataDir: string): Promise<PlatformState | undefined> {
  const text = await readFile(pathIn(dataDir), 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== 'object' || value === null || !('version' in value) || value.version !== 1) return undefined;
    // Written by `stateWriter` below, as a whole, in a file that only this user can write: its shape is ours.
    return value as PlatformState;
  } catch {
    return undefined;
  }
}

/** Removes `<dataDir>/state.json`. */
export function removeState(dataDir: string): Promise<void> {
  return rm(pathIn(dataDir), { force: true });
}

/** Keeps `<dataDir>/state.json` (0600) up to date. */
export interface StateWriter {
  /** Writes what `current` says, soon; changes that come while it writes are written together. */
  touch(): void;
  /** Resolves once the latest is written. */
  flush(): Promise<void>;
}

/**
 * A writer of what `current()` says. A failed write is told to `onError` and tried again at the next change.
 */
export function stateWriter(
  dataDir: string,
  current: () => Omit<PlatformState, 'instances'> & { readonly instances: readonly InstanceStatus[] },
  onError: (error: unknown) => void,
): StateWriter {
  const started = new Map<number, string | undefined>();
  let dirty = false;
  let writing: Promise<void> | undefined;

  async function record(instance: InstanceStatus): Promise<InstanceRecord> {
    const { pid } = instance;
    if (pid === undefined) return { ...instance, started: undefined };
    if (!started.has(pid)) started.set(pid, await processStarted(pid));
    return { ...instance, started: started.get(pid) };
  }

  async function write(): Promise<void> {
    while (dirty) {
      dirty = false;
      const state = current();
      const pids = new Set(state.instances.map(({ pid }) => pid));
      for (const pid of started.keys()) if (!pids.has(pid)) started.delete(pid);
      try {
        const instances = await Promise.all(state.instances.map(record));
        await replaceFile(pathIn(dataDir), `${JSON.stringify({ ...state, instances }, undefined, 2)}\n`);
      } catch (error) {
        onError(error);
      }
    }
    writing = undefined;
  }

  return {
    touch() {
      dirty = true;
      writing ??= write();
    },
    async flush() {
      while (writing !== undefined) await writing;
    },
  };
}
