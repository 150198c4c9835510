import type { Clock, Random } from '@fairlead/core';
import { accessLines, type AccessLineOptions } from './access-lines.ts';
import { createLogger } from './create-logger.ts';
import { createMetrics } from './create-metrics.ts';
import { createTracer, passingTracer } from './create-tracer.ts';
import type { Logger } from './logger.ts';
import { redaction } from './redaction.ts';
import { samplingMetrics } from './sampling-metrics.ts';
import { sampler, type TraceSampling } from './sampling.ts';
import type { FinishedSpan } from './span.ts';
import type { Telemetry } from './telemetry.ts';

/** A line as it was written. */
export interface LogEntry {
  readonly level: string;
  readonly msg: string;
  /** ISO 8601. */
  readonly time: string;
  readonly [member: string]: unknown;
}

/** Telemetry that keeps what it is told. */
export interface RecordingTelemetry extends Telemetry {
  /** Spans that have ended, in the order of their ends. */
  readonly spans: readonly FinishedSpan[];
  /** Lines of every level, in order. */
  readonly logs: readonly LogEntry[];
}

/** How a recording begins. */
export interface RecordingOptions {
  readonly clock: Clock;
  /** Unused today; taken so that it can stand where `createTelemetry` stands. */
  readonly random?: Random | undefined;
  /** Default `test`. */
  readonly service?: string | undefined;
  /** As `TelemetryOptions.traces`. Default: everything is recorded that callers have not decided otherwise about. */
  readonly traces?: TraceSampling | undefined;
  /** As `TelemetryOptions.accessLines`. Default `everything`. */
  readonly accessLines?: AccessLineOptions | undefined;
}

const EVERYTHING: TraceSampling = { keep: 'everything' };

/** Telemetry for tests and the simulator: spans and lines are kept in memory, without bound. */
export function recordingTelemetry(options: RecordingOptions): RecordingTelemetry {
  const service = options.service ?? 'test';
  const redact = redaction([], []);
  const spans: FinishedSpan[] = [];
  const logs: LogEntry[] = [];
  const log = createLogger({
    service,
    instance: undefined,
    clock: options.clock,
    level: 'debug',
    // The logger writes objects with these members, a line each.
    destination: { write: (line) => logs.push(JSON.parse(line) as LogEntry) },
    redaction: redact,
  });
  const tracer = createTracer({
    clock: options.clock,
    sampler: sampler(options.traces ?? EVERYTHING),
    redaction: redact,
    record: (span) => spans.push(span.toFinishedSpan()),
  });
  const lines = accessLines(options.accessLines ?? 'everything');
  const metrics = createMetrics({ service, processMetrics: false });
  samplingMetrics(metrics, tracer, lines);
  return {
    spans,
    logs,
    log,
    tracer,
    metrics,
    accessLines: lines,
    redactValue: (secret) => redact.add(secret),
    async close() {},
    async [Symbol.asyncDispose]() {},
  };
}

/** Telemetry that keeps nothing. The trace context travels, and metrics count, all the same. */
export function noTelemetry(): Telemetry {
  const silent = () => {};
  const log: Logger = { debug: silent, info: silent, warn: silent, error: silent, child: () => log };
  return {
    log,
    tracer: passingTracer,
    metrics: createMetrics({ service: 'none', processMetrics: false }),
    accessLines: accessLines('everything'),
    redactValue: (secret) => secret.length >= 6,
    async close() {},
    async [Symbol.asyncDispose]() {},
  };
}
