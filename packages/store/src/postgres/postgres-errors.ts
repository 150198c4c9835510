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
 * The failure of a statement that a server refused since it takes no writes now (a standby, or one that was made one under an
 * open connection); `undefined` for any other.
 * @param refused `begin` when BEGIN itself was refused, `statement` when one on its own was
 */
export function refusedWrites(error: unknown, refused: 'begin' | 'statement', name: string): unknown {
  const state = sqlState(error);
  if (state !== (refused === 'begin' ? '0A000' : '25006')) return undefined;
  return fail(
    'DATABASE_UNAVAILABLE',
    `${name}: the server takes no writes: it is a standby or was made read-only. Nothing was written; the next connection may reach the primary.`,
    { cause: error, details: { sqlState: state }, retryAfterMs: 250 },
  );
}

/**
 * The failure of a statement that a session does not have prepared any more (DISCARD ALL), or whose columns have changed
 * since; `undefined` for any other. It was not carried out, and another session knows better.
 */
export function stalePlan(error: unknown, name: string): unknown {
  const state = sqlState(error);
  // The server's function that found it, which no translation touches.
  const changed = error instanceof Error && 'routine' in error && error.routine === 'RevalidateCachedQuery';
  if (state !== '26000' && !(state === '0A000' && changed)) return undefined;
  return fail(
    'DATABASE_UNAVAILABLE',
    `${name}: a session had lost a prepared statement, or a table that it reads had changed. Nothing was committed; repeat it.`,
    { cause: error, details: { sqlState: state }, retryAfterMs: 0 },
  );
}

/** Whether a statement that failed with DATABASE_UNAVAILABLE was refused, so that it is known not to have happened. */
export function wasNotDone(error: FairleadError): boolean {
  return ['25006', '26000', '0A000'].includes(String(error.details['sqlState']));
}

/** The failure of a transaction that was ended for its length. */
export function lastedTooLong(
  name: string,
  more: { readonly cause?: unknown; readonly details?: Readonly<Record<string, string>> } = {},
): Error {
  return fail(
    'TRANSACTION_TIMEOUT',
    `${name}: a transaction that lasted too long or sat idle was ended. Do slow work outside of transactions, or raise transactionTimeoutMs.`,
    more,
  );
}

/**
 * The failure that callers see. Lost connections and server limits become Fairlead's codes; what a statement itself did
 * wrong (a constraint, a syntax error, a serialization failure) stays the driver's error with its SQLSTATE in `code`.
 */
export function databaseFailure(error: unknown, name: string): unknown {
  if (error instanceof FairleadError) return error;
  const state = sqlState(error);
  if (state !== undefined && TIMEOUT_STATES.has(state)) {
    return lastedTooLong(name, { cause: error, details: { sqlState: state } });
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
  if (state === 'FLT01') {
    return fail(
      'TENANT_REQUIRED',
      `${name}: rows of tenants were asked for, and the Context names no tenant. Derive one that does, or use acrossTenants(database) for the service's own work.`,
      { cause: error },
    );
  }
  if (state === 'FLT02') {
    return fail(
      'TENANT_FORGED',
      `${name}: the tenant that a transaction claims is not proved. Either SQL has set it, or this database has not been told this service's key (installTenancy).`,
      { cause: error },
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

/** The failure of a write that the policy of a table forbids; `undefined` for any other. */
export function refusedRow(error: unknown, name: string): unknown {
  if (sqlState(error) !== '42501' || !(error instanceof Error)) return undefined;
  // The server's function that found it, which no translation touches.
  if (!('routine' in error) || error.routine !== 'ExecWithCheckOptions') return undefined;
  return fail(
    'TENANT_REFUSED',
    `${name}: a row was to be written that belongs to another tenant than the transaction's. Leave the tenant out, or use that tenant's Context.`,
    { cause: error },
  );
}
