import { backoff, type Context } from '@fairlead/core';
import type { TxOptions } from './database.ts';
import { sqlState } from './postgres/postgres-errors.ts';
import { metricsOf, type StoreSpan, type StoreTelemetry } from './telemetry.ts';

const MAX_ATTEMPTS = 10;
/** The longest wait before the second attempt, and the longest of all, in milliseconds. */
const WAITS = { baseMs: 5, maxMs: 250 };

/** serialization_failure and deadlock_detected: the server has rolled back and says that another attempt may do better. */
const STATES = new Set(['40001', '40P01']);

/** Where attempts are told of. */
export interface TxReport {
  /** The database's name. */
  readonly name: string;
  readonly telemetry: StoreTelemetry;
  readonly span: StoreSpan;
}

/**
 * Runs a transaction again for as long as `options.retry` says.
 * @throws what the last attempt threw, or the signal's reason when the Context ends in between
 */
export async function withRetries<T>(
  ctx: Context,
  options: TxOptions,
  { name, telemetry, span }: TxReport,
  run: () => Promise<T>,
): Promise<T> {
  const { isolation = 'read committed', retry = isolation !== 'read committed' } = options;
  if (!retry) return run();
  const waits = backoff({ ...WAITS, random: ctx.random });
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await run();
    } catch (error) {
      const state = rolledBackFor(error);
      if (state === undefined || attempt === MAX_ATTEMPTS) throw error;
      metricsOf(telemetry).counter(REPEATS).inc({ database: name, state });
      span.set('fairlead.tx.attempts', attempt + 1);
      span.set('fairlead.tx.repeated_for', state);
      await ctx.clock.sleep(waits.delayFor(attempt), ctx.signal);
    }
  }
}

const REPEATS = {
  name: 'fairlead_store_transactions_repeated_total',
  help: 'Transactions that were run again after a serialization failure (40001) or a deadlock (40P01).',
  labelNames: ['database', 'state'],
};

/** The state for which the server gave a transaction up; `undefined` for any other failure. Errors may wrap each other. */
function rolledBackFor(error: unknown): string | undefined {
  for (let at = error; at instanceof Error; at = at.cause) {
    const state = sqlState(at);
    if (state !== undefined) return STATES.has(state) ? state : undefined;
  }
  return undefined;
}
