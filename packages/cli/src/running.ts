import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import {
  adminClient,
  dataDirAt,
  isRunning,
  lockHolder,
  readState,
  type AdminClient,
  type InstanceRecord,
  type PlatformState,
} from '@fairlead/control';
import { FairleadError } from '@fairlead/core';
import { text, type Flag } from './flag.ts';
import type { Terminal } from './terminal.ts';

/** The flag that every command has which looks at a platform. */
export const dataDirFlag: Flag<string> = text('where the platform keeps its data', 'folder', '.fairlead');

/** A platform as its state file says, checked against what really runs. */
export interface Snapshot {
  readonly state: PlatformState | undefined;
  /** Whether its supervisor runs. */
  readonly running: boolean;
  /** Instances; one whose process is gone though nobody noted it is `stopped`. */
  readonly instances: readonly InstanceRecord[];
}

/** Looks at the platform of a data directory; the control plane is not asked, so that it may be down. */
export async function snapshot(terminal: Terminal, dataDir: string): Promise<Snapshot> {
  const path = resolve(terminal.cwd, dataDir);
  const [state, holder] = await Promise.all([readState(path), lockHolder(path)]);
  const instances = await Promise.all(
    (state?.instances ?? []).map(async (instance): Promise<InstanceRecord> => {
      const { pid, started } = instance;
      const alive = pid !== undefined && started !== undefined && (await isRunning({ pid, started }));
      if (alive || holder !== undefined) return instance;
      return { ...instance, state: 'stopped', pid: undefined };
    }),
  );
  return { state, running: holder !== undefined, instances };
}

/**
 * A client of the running platform's admin API.
 * @throws UNAVAILABLE when none runs on this data directory
 */
export async function runningAdmin(terminal: Terminal, dataDir: string): Promise<AdminClient> {
  const path = resolve(terminal.cwd, dataDir);
  const { state, running } = await snapshot(terminal, dataDir);
  const credential = await readFile(dataDirAt(path).secret('admin.token'), 'utf8').catch(() => undefined);
  if (!running || state?.adminUrl === undefined || credential === undefined) {
    throw new FairleadError(
      'unavailable',
      'UNAVAILABLE',
      `No platform runs on ${path}. Start one with fairlead up, or name its folder with --data-dir.`,
    );
  }
  return adminClient({ url: state.adminUrl, credential: credential.trim() });
}
