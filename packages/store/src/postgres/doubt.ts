import { isError } from '@fairlead/core';
import { fail } from '../errors.ts';
import type { PostgresConnection } from './postgres-connection.ts';

/**
 * Whether the end of a connection during COMMIT says that nothing was committed. 25P03: nobody read the COMMIT, the server
 * hung up because it had waited too long for it. 25P04: the transaction had lasted too long; where that limit is the
 * transaction's own it is gone, with the other settings of the transaction, before the server looks at it again after
 * having committed (CommitTransaction in PostgreSQL's xact.c, ProcessInterrupts in its postgres.c).
 */
export function wasNotCommitted(error: unknown, connection: PostgresConnection): boolean {
  if (!isError(error, 'TRANSACTION_TIMEOUT')) return false;
  const state = error.details['sqlState'];
  return state === '25P03' || (state === '25P04' && connection.limitsAreLocal);
}

/** Whether a statement on its own may have written when its answer is lost. Of functions only the store's own are known to. */
export function mayWrite(text: string): boolean {
  return !/^\s*(select|show|values|table)\b/i.test(text) || /\bfairlead_\w+\s*\(/i.test(text);
}

/** The failure of work whose end nobody knows. */
export function inDoubt(name: string, during: 'COMMIT' | 'a statement', cause: unknown): Error {
  return fail(
    'COMMIT_UNKNOWN',
    `${name}: the connection broke during ${during}; it may or may not have happened. Repeat only what is idempotent.`,
    { cause },
  );
}
