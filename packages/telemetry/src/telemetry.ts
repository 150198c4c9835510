import type { Clock, Closeable, Random } from '@fairlead/core';
import type { AccessLineOptions, AccessLines } from './access-lines.ts';
import type { LogDestination, Logger, LogLevel } from './logger.ts';
import type { Metrics } from './metrics.ts';
import type { TraceSampling } from './sampling.ts';
import type { Tracer } from './span.ts';

/** What a service or process tells about itself. */
export interface Telemetry extends Closeable {
  readonly log: Logger;
  readonly tracer: Tracer;
  readonly metrics: Metrics;
  /** Says which of the lines about requests that went well are written; whoever writes such lines asks it. */
  readonly accessLines: AccessLines;
  /**
   * From now on no log line or span shows this value; it is written as `[redacted]`. Values of fewer than 6 characters
   * are refused (false), for they would tear holes into everything.
   */
  redactValue(secret: string): boolean;
}

/** Where spans go, as OTLP/HTTP JSON. */
export type OtlpOptions =
  | {
      /**
       * Delivers one `ExportTraceServiceRequest`, the UTF-8 of its JSON. A rejection is repeated unless it is a FairleadError of a kind below
       * 500 other than `exhausted`.
       */
      readonly send: (json: Uint8Array, signal: AbortSignal) => Promise<void>;
    }
  | {
      /**
       * Base URL of a collector: `http://host:4318`, `https://…`, or `unix:/path/to.sock`; `/v1/traces` is appended. A base
       * path may follow, after a colon for a socket (`unix:/path/to.sock:/base`).
       */
      readonly url: string;
      /** Sent with every request, such as an authorization. */
      readonly headers?: Readonly<Record<string, string>> | undefined;
    };

/** What is hidden from logs and spans besides what always is: keys such as `password`, `apiKey`, `authorization`. */
export interface RedactOptions {
  /** Further names of fields; upper and lower case, `-` and `_` don't count. */
  readonly keys?: readonly string[] | undefined;
  /** Secret values; see `Telemetry.redactValue`. */
  readonly values?: readonly string[] | undefined;
}

/** How telemetry is made. */
export interface TelemetryOptions {
  /** `service.name`, on every line and span. */
  readonly service: string;
  /** `service.instance.id`. Default: none. */
  readonly instance?: string | undefined;
  readonly clock: Clock;
  readonly random: Random;
  /** The least level that is written. Default `info`. */
  readonly logLevel?: LogLevel | undefined;
  /** Default `pretty` when lines go to a terminal, else `json`. */
  readonly logFormat?: 'json' | 'pretty' | undefined;
  /**
   * Where lines go. Default: standard output. A warning or error is written, with all before it, before `log` returns;
   * other lines within a millisecond or two of an idle event loop, and when the process ends. Only SIGKILL can lose those.
   */
  readonly destination?: LogDestination | undefined;
  /** Where spans go. Default: nowhere; the trace context travels all the same. */
  readonly otlp?: OtlpOptions | undefined;
  /** Which traces are recorded. Default: whole at human rates, 100 a second above them; those of callers as they say. */
  readonly traces?: TraceSampling | undefined;
  /** Which lines about requests that went well are written. Default: 100 a second of each operation, then one of 100. */
  readonly accessLines?: AccessLineOptions | undefined;
  readonly redact?: RedactOptions | undefined;
  /** Whether the metrics tell of the process too (memory, CPU, event loop). Default false; true in process entries. */
  readonly processMetrics?: boolean | undefined;
}
