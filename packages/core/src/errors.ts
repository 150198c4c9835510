/**
 * The canonical kinds of failure. A code is precise (`CARD_DECLINED`), its kind says what a caller that has never heard
 * of the code should make of it. HTTP statuses are derived from kinds, at the edge only (see `problem.ts`).
 */
export type ErrorKind =
  | 'invalid'
  | 'unauthenticated'
  | 'forbidden'
  | 'not-found'
  | 'conflict'
  | 'too-large'
  | 'unprocessable'
  | 'exhausted'
  | 'cancelled'
  | 'internal'
  | 'unimplemented'
  | 'bad-gateway'
  | 'unavailable'
  | 'deadline';

/** A package's or contract's codes, each with its kind. */
export type ErrorTable = Readonly<Record<string, ErrorKind>>;

/** The codes that any part of Fairlead may throw. */
export const CORE_ERRORS = {
  /** The Context's deadline passed. */
  DEADLINE_EXCEEDED: 'deadline',
  /** The caller went away or the work was stopped. */
  CANCELLED: 'cancelled',
  /** A dependency can't be reached, or is shutting down. */
  UNAVAILABLE: 'unavailable',
  /** An option or a configuration value is wrong; thrown at construction. */
  MISCONFIGURED: 'internal',
  /** Something did not stop, or not in time. */
  CLOSE_FAILED: 'internal',
  /** A bug: nothing the caller could have done. */
  INTERNAL: 'internal',
} as const satisfies ErrorTable;

/** What may be told about a failure besides its code and message. */
export interface ErrorOptions {
  /** Facts for machines; never secrets. Shown to callers. */
  readonly details?: Readonly<Record<string, unknown>>;
  /** What led to it. Logged, never shown to callers. */
  readonly cause?: unknown;
  /** When a repeat may succeed, in milliseconds from now. Becomes `Retry-After`. */
  readonly retryAfterMs?: number;
}

/**
 * Every failure that Fairlead throws on purpose. Match `code`, never the message.
 */
export class FairleadError extends Error {
  override readonly name = 'FairleadError';
  readonly code: string;
  readonly kind: ErrorKind;
  readonly details: Readonly<Record<string, unknown>>;
  readonly retryAfterMs: number | undefined;

  constructor(kind: ErrorKind, code: string, message: string, options: ErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.kind = kind;
    this.code = code;
    this.details = options.details ?? {};
    this.retryAfterMs = options.retryAfterMs;
  }
}

/**
 * The constructor of one table's errors: `const fail = thrower(STORE_ERRORS)`, then
 * `throw fail('MIGRATION_DRIFT', 'orders: …')`. A code that is not in the table does not compile.
 */
export function thrower<Table extends ErrorTable>(
  table: Table,
): (code: keyof Table & string, message: string, options?: ErrorOptions) => FairleadError {
  return (code, message, options) => new FairleadError(table[code] ?? 'internal', code, message, options);
}

/** Whether `error` is a failure with this code. */
export function isError<Code extends string>(
  error: unknown,
  code: Code,
): error is FairleadError & { readonly code: Code } {
  return error instanceof FairleadError && error.code === code;
}
