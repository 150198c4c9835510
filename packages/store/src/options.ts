import type { Clock, Context } from '@fairlead/core';

/** What the store needs of a span. */
export interface StoreSpan {
  set(key: string, value: string | number | boolean): void;
}

/** The part of `Telemetry` that the store uses. */
export interface StoreTelemetry {
  readonly tracer: {
    span<T>(
      ctx: Context,
      options: {
        readonly name: string;
        readonly kind: 'client';
        readonly attributes?: Readonly<Record<string, string | number | boolean>>;
      },
      work: (ctx: Context, span: StoreSpan) => Promise<T>,
    ): Promise<T>;
  };
  readonly log: {
    warn(ctx: Context | undefined, message: string, fields?: Record<string, unknown>): void;
  };
}

/** How `openDatabase` connects. */
export interface DatabaseOptions {
  /** `postgresql://user:password@host:port/database`; the host may be a percent-encoded socket directory. Never logged. */
  readonly url: string;
  /** Name for logs, errors and `application_name`, usually the service's. */
  readonly name: string;
  /** Time, for reconnecting and for giving up a commit nobody waits for. */
  readonly clock: Clock;
  /** Spans and logs. Default: none. */
  readonly telemetry?: StoreTelemetry | undefined;
  /** Connections at most, besides the one that `listen` holds. Default 10; at least 1. */
  readonly maxConnections?: number;
  /** How long opening a connection may take, in milliseconds. Default 5 000; 0 is no limit. */
  readonly connectTimeoutMs?: number;
  /** How long a connection may stay unused, in milliseconds, before it is closed. Default 30 000; 0 keeps it. */
  readonly idleTimeoutMs?: number;
  /**
   * How long a transaction may last, in milliseconds, whatever its Context says; the server ends it (Postgres 17 and
   * later; before that the wait between statements is bounded by it). Default 60 000; 0 is no limit.
   */
  readonly transactionTimeoutMs?: number;
}
