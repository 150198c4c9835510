export type { AccessLineGate, AccessLineOptions, AccessLines } from './access-lines.ts';
export { createTelemetry } from './create-telemetry.ts';
export { TELEMETRY_ERRORS } from './errors.ts';
export type { LogDestination, LogFields, Logger, LogLevel, LogOrigin } from './logger.ts';
export type { DefaultRedLabels, Metrics, Red, RedKind, RedObservation, RedOptions, Unregistered } from './metrics.ts';
export { gatheredLines } from './gathered-lines.ts';
export type { GatheredLinesOptions } from './gathered-lines.ts';
export { otlpForwarder } from './otlp-forwarder.ts';
export type { ForwardingChange, OtlpForwarder, OtlpForwarderOptions } from './otlp-forwarder.ts';
export { otlpTarget } from './otlp-target.ts';
export { constantSpan } from './span-shape.ts';
export type { RedSeries } from './red-histogram.ts';
export { redaction } from './redaction.ts';
export { noTelemetry, recordingTelemetry } from './recording.ts';
export type { LogEntry, RecordingOptions, RecordingTelemetry } from './recording.ts';
export { samplingEnvironment } from './sampling-environment.ts';
export type { TraceSampling } from './sampling.ts';
export type {
  Attributes,
  AttributeValue,
  FinishedSpan,
  Span,
  SpanEvent,
  SpanKind,
  SpanOptions,
  Tracer,
} from './span.ts';
export type { OtlpOptions, RedactOptions, Telemetry, TelemetryOptions } from './telemetry.ts';
