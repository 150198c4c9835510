/** How much a line matters; in rising order. */
export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

/** What a line says besides its message. An Error as a value is written with its code, stack and causes. */
export type LogFields = Readonly<Record<string, unknown>>;

/** What a line says of the work that it is about; every Context is one. */
export interface LogOrigin {
  readonly trace: { readonly traceId: string; readonly spanId: string };
  readonly requestId: string;
  readonly tenant: string | undefined;
  readonly correlationId: string;
}

/**
 * Writes lines. Given the Context of the work, a line carries its trace, span, request and tenant. Logging never throws.
 */
export interface Logger {
  debug(ctx: LogOrigin | undefined, message: string, fields?: LogFields): void;
  info(ctx: LogOrigin | undefined, message: string, fields?: LogFields): void;
  warn(ctx: LogOrigin | undefined, message: string, fields?: LogFields): void;
  error(ctx: LogOrigin | undefined, message: string, fields?: LogFields): void;
  /** A logger whose every line bears these fields too. */
  child(fields: LogFields): Logger;
}

/** Where lines go. */
export interface LogDestination {
  /** Takes one line with its line break. Without a `flush` it returns when the line is safe from a crash of the process. */
  write(line: string): void;
  /** Makes everything taken so far safe from a crash of the process; called after every warning and error. */
  flush?(): void;
}
