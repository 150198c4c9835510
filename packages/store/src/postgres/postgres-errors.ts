import { constants } from 'node:os';
import { FairleadError } from '@fairlead/core';
import { fail } from '../errors.ts';

/** The SQLSTATE of a driver's error, `undefined` for anything else. */
export function sqlState(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined;
  const { code } = error;
  // EPIPE, EBUSY and others have five letters, too, and are no words of the server.
  if (typeof code !== 'string' || Object.hasOwn(constants.errno, code)) return undefined;
  return /^[0-9A-Z]{5}$/.test(code) ? code : undefined;
}

/** Server says: the transaction sat idle for too long, or lasted too long. Either ends the session. */
const TIMEOUT_STATES = new Set(['25P03', '25P04']);

/** Whether an error is what the server said before it ended the session. */
export function isLastWord(error: unknown): boolean {
  const state = sqlState(error);
  if (state === undefined || typeof error !== 'object' || error === null) return false;
  // A server may translate its severities, so what we know of the states comes first.
  if (TIMEOUT_STATES.has(state) || isConnectionLoss(error)) return true;
  return 'severity' in error && (error.severity === 'FATAL' || error.severity === 'PANIC');
}

/** Server says: ended by an administrator, crashed, starting, too many connections. */
const UNAVAILABLE_STATES = new Set(['57P01', '57P02', '57P03', '57P05', '53300']);

/** Whether an error means that the connection is gone or can't be had. */
export function isConnectionLoss(error: unknown): boolean {
  const state = sqlState(error);
  if (state !== undefined) return state.startsWith('08') || UNAVAILABLE_STATES.has(state);
  if (!(error instanceof Error)) return false;
  if ('code' in error && typeof error.code === 'string' && /^(E[A-Z]+|ERR_STREAM_\w+|ERR_SOCKET_\w+)$/.test(error.code))
    return true;
  // The driver gives these no code.
  return /^Connection terminated|connection timeout|not queryable|Client was closed/i.test(error.message);
}

/**
 * The failure that callers see. Lost connections and server limits become Fairlead's codes; what a statement itself did
 * wrong (a constraint, a syntax error, a serialization failure) stays the driver's error with its SQLSTATE in `code`.
 */
export function databaseFailure(error: unknown, name: string): unknown {
  if (error instanceof FairleadError) return error;
  const state = sqlState(error);
  if (state !== undefined && TIMEOUT_STATES.has(state)) {
    return fail(
      'TRANSACTION_TIMEOUT',
      `${name}: the server ended a transaction that lasted too long or sat idle. Do slow work outside of transactions, or raise transactionTimeoutMs.`,
      { cause: error, details: { sqlState: state } },
    );
  }
  if (state === '57014' && error instanceof Error && /timeout/.test(error.message)) {
    return new FairleadError(
      'deadline',
      'DEADLINE_EXCEEDED',
      `${name}: the database did not answer before the deadline.`,
      {
        cause: error,
      },
    );
  }
  if (state === '53100') {
    return fail(
      'DATABASE_FULL',
      `${name}: the database's disk is full, so nothing was written. Free space on it; then it goes on by itself.`,
      { cause: error, details: { sqlState: state }, retryAfterMs: 5_000 },
    );
  }
  if (state !== undefined && error instanceof Error && /File too large/.test(error.message)) {
    return fail(
      'DATABASE_FULL',
      `${name}: a file of the database may not grow further, so nothing was written. Raise the limit of the size of files (ulimit -f, LimitFSIZE=) for the database's server and start it again.`,
      { cause: error, details: { sqlState: state }, retryAfterMs: 5_000 },
    );
  }
  if (isConnectionLoss(error)) {
    return fail(
      'DATABASE_UNAVAILABLE',
      `${name}: the database can't be reached or dropped the connection. Nothing was committed; repeat it when the database is back.`,
      { cause: error, details: state === undefined ? {} : { sqlState: state }, retryAfterMs: 250 },
    );
  }
  return error;
}
