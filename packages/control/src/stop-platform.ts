import type { Clock } from '@fairlead/core';
import { makeDataDir } from './supervisor/data-dir.ts';
import { lockDataDir, lockHolder } from './supervisor/data-dir-lock.ts';
import { endLeftovers } from './supervisor/leftovers.ts';
import { isRunning } from './supervisor/process-identity.ts';

/** What there was to stop. */
export type StopOutcome =
  /** A supervisor ran and has drained its platform. */
  | { readonly kind: 'drained'; readonly pid: number }
  /** A supervisor ran, did not end in time and was ended by force; `leftovers` are the instances that were ended after it. */
  | { readonly kind: 'forced'; readonly pid: number; readonly leftovers: readonly string[] }
  /** No supervisor ran; these instances of one that was killed did. */
  | { readonly kind: 'leftovers'; readonly leftovers: readonly string[] }
  /** Nothing ran. */
  | { readonly kind: 'nothing' };

const POLL_MS = 25;

/**
 * Stops whatever runs on a data directory: asks its supervisor to drain, ends it by force after `timeoutMs` (default
 * 30 000), and ends what a killed one left. Afterwards nothing of it runs.
 * @throws DATA_DIR_LOCKED when another platform starts on it meanwhile
 */
export async function stopPlatform(
  dataDir: string,
  options: { readonly clock: Clock; readonly timeoutMs?: number },
): Promise<StopOutcome> {
  const { clock, timeoutMs = 30_000 } = options;
  const holder = await lockHolder(dataDir);
  let forced = false;
  if (holder !== undefined) {
    process.kill(holder.pid, 'SIGTERM');
    const until = clock.monotonic() + timeoutMs;
    while (await isRunning(holder)) {
      if (clock.monotonic() >= until && !forced) {
        forced = true;
        process.kill(holder.pid, 'SIGKILL');
      }
      await clock.sleep(POLL_MS);
    }
  }
  const { path } = await makeDataDir(dataDir);
  const lock = await lockDataDir(path);
  try {
    const leftovers = await endLeftovers(path, { clock });
    if (holder !== undefined)
      return forced ? { kind: 'forced', pid: holder.pid, leftovers } : { kind: 'drained', pid: holder.pid };
    return leftovers.length > 0 ? { kind: 'leftovers', leftovers } : { kind: 'nothing' };
  } finally {
    await lock.release();
  }
}
