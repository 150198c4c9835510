// telemetry.ts      what a service is given, and its options
// logger.ts         lines; create-logger.ts hands them on, pretty.ts makes them readable, redaction.ts safe
// span.ts           spans; create-tracer.ts opens them, recorded-span.ts is one and span-shape.ts what many have in common,
//                   span-exporter.ts delivers them, otlp.ts and otlp-sender.ts say how
// sampling.ts       which traces are recorded; unsampled-span.ts is a span of the others, access-lines.ts the same for lines,
//                   sampling-environment.ts and sampling-metrics.ts where that is said and told
// gathered-lines.ts lines that are written together; standard-output.ts those of a process that has nowhere else to write
// metrics.ts        RED and other metrics; create-metrics.ts keeps them with prom-client
// recording.ts      telemetry for tests and the simulator
// open-telemetry/    lets third-party instrumentation see our spans
import { CORE_ERRORS, FairleadError, nearest } from '@fairlead/core';
import { accessLines } from './access-lines.ts';
import { createLogger } from './create-logger.ts';
import { createMetrics } from './create-metrics.ts';
import { createTracer } from './create-tracer.ts';
import type { LogDestination, Logger, LogLevel } from './logger.ts';
import type { Metrics } from './metrics.ts';
import { otlpSender } from './otlp-sender.ts';
import { otlpFormat } from './otlp.ts';
import { prettyDestination } from './pretty.ts';
import { redaction } from './redaction.ts';
import { samplingMetrics } from './sampling-metrics.ts';
import { sampler } from './sampling.ts';
import { SpanExporter } from './span-exporter.ts';
import { standardOutput } from './standard-output.ts';
import type { RecordedSpan } from './recorded-span.ts';
import type { Telemetry, TelemetryOptions } from './telemetry.ts';

const LEVELS: readonly LogLevel[] = ['debug', 'info', 'warn', 'error'];

/** The options' names, each once; a forgotten one does not compile. */
const OPTION_NAMES = Object.keys({
  service: true,
  instance: true,
  clock: true,
  random: true,
  logLevel: true,
  logFormat: true,
  destination: true,
  otlp: true,
  traces: true,
  accessLines: true,
  redact: true,
  processMetrics: true,
} satisfies Record<keyof TelemetryOptions, true>);

/**
 * Logs, spans and metrics of one service or process. Close it last: `close` delivers the spans that are still held, for
 * at most `graceMs`, and never rejects.
 * @throws MISCONFIGURED when an option is unknown, the log level is none, the OTLP URL can't be used, or a number of `traces` or
 * `accessLines` is out of its range
 */
export function createTelemetry(options: TelemetryOptions): Telemetry {
  checkOptions(options);
  const { service, instance, clock } = options;
  const redact = redaction(options.redact?.keys ?? [], options.redact?.values ?? []);
  const log = createLogger({
    service,
    instance,
    clock,
    level: options.logLevel ?? 'info',
    destination: destinationOf(options),
    redaction: redact,
  });
  const metrics = createMetrics({ service, processMetrics: options.processMetrics ?? false });
  const exporter = exporterOf(options, log, metrics);
  const tracer = createTracer({
    clock,
    sampler: sampler(options.traces ?? {}),
    redaction: redact,
    record: exporter && ((span) => exporter.record(span)),
  });
  const lines = accessLines(options.accessLines);
  samplingMetrics(metrics, tracer, lines);
  return {
    log,
    tracer,
    metrics,
    accessLines: lines,
    redactValue: (secret) => redact.add(secret),
    close: async (closeOptions) => exporter?.close(closeOptions),
    [Symbol.asyncDispose]: async () => exporter?.close(),
  };
}

function checkOptions(options: TelemetryOptions): void {
  for (const name of Object.keys(options)) {
    if (OPTION_NAMES.includes(name)) continue;
    const meant = nearest(name, OPTION_NAMES);
    throw misconfigured(
      `${options.service}: createTelemetry has no option "${name}".${meant === undefined ? '' : ` Did you mean "${meant}"?`}`,
    );
  }
  if (options.logLevel !== undefined && !LEVELS.includes(options.logLevel)) {
    throw misconfigured(`${options.service}: log level "${options.logLevel}" is none of ${LEVELS.join(', ')}.`);
  }
}

function destinationOf(options: TelemetryOptions): LogDestination {
  const isTerminal = options.destination === undefined && process.stdout.isTTY;
  const destination = options.destination ?? standardOutput(options.clock);
  const format = options.logFormat ?? (isTerminal ? 'pretty' : 'json');
  return format === 'json'
    ? destination
    : prettyDestination(destination, { colors: isTerminal && process.stdout.hasColors() });
}

function exporterOf(options: TelemetryOptions, log: Logger, metrics: Metrics): SpanExporter<RecordedSpan> | undefined {
  const { otlp, service, instance, clock, random } = options;
  if (otlp === undefined) return undefined;
  const exported = metrics.counter({
    name: 'fairlead_telemetry_spans_exported_total',
    help: 'Spans that the collector has accepted.',
  });
  const dropped = metrics.counter({
    name: 'fairlead_telemetry_spans_dropped_total',
    help: 'Spans that were lost, by reason.',
    labelNames: ['reason'],
  });
  const sender = 'send' in otlp ? { send: otlp.send, close: undefined } : otlpSender(otlp);
  return new SpanExporter<RecordedSpan>({
    clock,
    random,
    format: otlpFormat({ service, instance }),
    send: sender.send,
    release: sender.close,
    onFailure: (error) => log.warn(undefined, 'Spans can not be delivered; they are held and sent again.', { error }),
    onRecovery: () => log.info(undefined, 'Spans are delivered again.'),
    onExported: (count) => exported.inc(count),
    onDropped: (count, reason) => dropped.inc({ reason }, count),
  });
}

function misconfigured(message: string): FairleadError {
  return new FairleadError(CORE_ERRORS.MISCONFIGURED, 'MISCONFIGURED', message);
}
