import { thrower, type ErrorTable } from '@fairlead/core';

/** The codes that this package throws. */
export const STORE_ERRORS = {
  /** No connection can be had, it broke before COMMIT was sent, or the server takes no writes: nothing happened, a repeat is safe. */
  DATABASE_UNAVAILABLE: 'unavailable',
  /** The connection broke during COMMIT, or under a single statement that may write: it may or may not have happened. */
  COMMIT_UNKNOWN: 'unavailable',
  /** A statement of the transaction failed and the failure was swallowed, so COMMIT became ROLLBACK. */
  TX_ABORTED: 'internal',
  /** A transaction was used after it had ended. */
  TX_CLOSED: 'internal',
  /** A limit ended the work, and nothing was committed: `transactionTimeoutMs` or the idle limit. */
  TRANSACTION_TIMEOUT: 'deadline',
  /** A migration that was applied has changed since. */
  MIGRATION_DRIFT: 'internal',
  /** A migration that was applied has no file any more. */
  MIGRATION_MISSING: 'internal',
  /** A new migration sorts before one that was applied. */
  MIGRATION_OUT_OF_ORDER: 'internal',
  /** A migration's statement failed; its transaction was rolled back. */
  MIGRATION_FAILED: 'internal',
  /** The migration files themselves are wrong: a name, a duplicate number, an unreadable directory. */
  MIGRATION_INVALID: 'internal',
  /** An event can't be appended: not JSON, a bad name, a bad version. */
  EVENT_INVALID: 'invalid',
  /** An event's data is larger than `maxEventBytes`. */
  EVENT_TOO_LARGE: 'too-large',
  /** An event with this id is in the log already. */
  EVENT_DUPLICATE: 'conflict',
  /** A cursor is of an epoch that a restore from backup has ended, and knows events that the log now lacks. */
  LOG_EPOCH_CHANGED: 'conflict',
  /** Events after a cursor were trimmed from the log. */
  LOG_TRIMMED: 'conflict',
  /** A file of an archive of the log is missing, none, of another log, cut off or changed. */
  ARCHIVE_INVALID: 'invalid',
  /** An archive ends before the log begins. */
  ARCHIVE_MISMATCH: 'conflict',
  /** A document can't be written or asked for: a bad key, a body that is not JSON, a bad version. */
  DOC_INVALID: 'invalid',
  /** A document's body is larger than `maxBodyBytes`. */
  DOC_TOO_LARGE: 'too-large',
  /** A shard's cursor was moved or claimed by somebody else; what was under way was undone. The subscription goes on by itself. */
  CURSOR_MOVED: 'conflict',
  /** A subscription is divided into another number of shards than it was before. */
  SUBSCRIPTION_SHARDS: 'conflict',
  /** A lease has ended: not renewed in time, taken over, released or closed. What was done under its token is refused. */
  LEASE_LOST: 'conflict',
  /** A lease can't have this name. */
  LEASE_INVALID: 'invalid',
  /** A lease was asked for after the process' leases were closed. */
  LEASES_CLOSED: 'unavailable',
  /** A job can't be enqueued or written: not JSON, a bad key or number. */
  JOB_INVALID: 'invalid',
  /** A job's payload is larger than its queue's `maxPayloadBytes`, or its progress than 16 KiB. */
  JOB_TOO_LARGE: 'too-large',
  /** A job is no longer this worker's: it was returned to its queue, has ended or was cancelled. What was done under it is refused. */
  JOB_LOST: 'conflict',
  /** A tenant has as many jobs waiting as it may have. */
  JOB_OVER_QUOTA: 'exhausted',
  /** Embedded Postgres did not start; the message has its last log lines. */
  POSTGRES_START_FAILED: 'unavailable',
  /** No binaries for this platform are installed, or their copy is damaged. */
  POSTGRES_BINARIES: 'internal',
  /** Another live process runs on this data directory. */
  POSTGRES_IN_USE: 'unavailable',
  /** A server was given that these credentials can't provision. */
  PROVISION_FAILED: 'internal',
  /** The server has the platform's roles already, with passwords that are not known here: another platform may use them. */
  ROLES_TAKEN: 'conflict',
  /** The database's disk is full, or a file of it may not grow further; what was under way was rolled back. */
  DATABASE_FULL: 'unavailable',
  /** A backup's file is none, of another format, cut off or changed. */
  BACKUP_INVALID: 'invalid',
  /** A backup does not fit this service or this code's migrations. */
  BACKUP_MISMATCH: 'conflict',
  /** A database is to be replaced while somebody is connected to it. */
  DATABASE_IN_USE: 'conflict',
  /** Something of a tenant was asked for without one: its Context names no tenant. */
  TENANT_REQUIRED: 'forbidden',
  /** The tenant that a transaction claims is not proved: SQL has changed it, or the database doesn't know this process' key. */
  TENANT_FORGED: 'forbidden',
  /** A row was to be written that belongs to another tenant, or to none. */
  TENANT_REFUSED: 'forbidden',
  /** No such tenant was created here, or it is being dropped. */
  UNKNOWN_TENANT: 'not-found',
  /** What was sealed does not open: it was changed, or lies in the place of another row or tenant. */
  SEAL_BROKEN: 'internal',
  /** A key is needed that can not be had: its key-encryption key is gone, or its holder does not answer. */
  KEY_UNAVAILABLE: 'unavailable',
  /** Something was to be sealed for a tenant whose keys were destroyed. */
  TENANT_SHREDDED: 'conflict',
} as const satisfies ErrorTable;

/** Makes one of this package's errors. */
export const fail = thrower(STORE_ERRORS);
