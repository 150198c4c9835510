import { backoff, type Context } from '@fairlead/core';
import { sqlState } from '../postgres/postgres-errors.ts';

/**
 * How long a statement of a migration may stand in line for a lock, in milliseconds. Everybody who comes after it stands
 * behind it, also those who would not have to wait for whom it waits for.
 */
export const LOCK_WAIT_MS = 100;

/** How long a migration goes on trying to get its locks, in milliseconds. */
const PATIENCE_MS = 300_000;
/** The longest wait before the second attempt, and the longest of all, in milliseconds. */
const WAITS = { baseMs: 200, maxMs: 5_000 };

/**
 * Runs an attempt again for as long as it does not get a lock in time, with pauses in which others go on.
 * @throws what the last attempt threw, or the signal's reason when the Context ends in between
 */
export async function untilLocked<T>(ctx: Context, attempt: () => Promise<T>): Promise<T> {
  const waits = backoff({ ...WAITS, random: ctx.random });
  const until = ctx.clock.monotonic() + PATIENCE_MS;
  for (let attempts = 1; ; attempts += 1) {
    try {
      return await attempt();
    } catch (error) {
      const refused = error instanceof Error && (isLockTimeout(error) || isLockTimeout(error.cause));
      if (!refused || ctx.clock.monotonic() >= until) throw error;
      await ctx.clock.sleep(waits.delayFor(attempts), ctx.signal);
    }
  }
}

/** lock_not_available. */
function isLockTimeout(error: unknown): boolean {
  return sqlState(error) === '55P03';
}
