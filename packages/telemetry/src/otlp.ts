import type { AttributeValue, FinishedSpan, SpanKind } from './span.ts';

/** Who the spans are of. */
export interface OtlpResource {
  readonly service: string;
  readonly instance: string | undefined;
}

const KIND = { internal: 1, server: 2, client: 3, producer: 4, consumer: 5 } as const satisfies Record<
  SpanKind,
  number
>;
const STATUS_ERROR = 2;

/**
 * An `ExportTraceServiceRequest` in OTLP's JSON (https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding): ids
 * in hexadecimal, 64-bit numbers as strings.
 */
export function toOtlpJson(resource: OtlpResource, spans: readonly FinishedSpan[]): string {
  const about = {
    'service.name': resource.service,
    'telemetry.sdk.name': 'fairlead',
    'telemetry.sdk.language': 'nodejs',
  };
  const instance = resource.instance === undefined ? {} : { 'service.instance.id': resource.instance };
  return JSON.stringify({
    resourceSpans: [
      {
        resource: { attributes: attributesOf({ ...about, ...instance }) },
        scopeSpans: [{ scope: { name: '@fairlead/telemetry' }, spans: spans.map(spanOf) }],
      },
    ],
  });
}

function spanOf(span: FinishedSpan): object {
  return {
    traceId: span.traceId,
    spanId: span.spanId,
    ...(span.parentSpanId === undefined ? {} : { parentSpanId: span.parentSpanId }),
    ...(span.traceState === undefined ? {} : { traceState: span.traceState }),
    name: span.name,
    kind: KIND[span.kind],
    startTimeUnixNano: nanoseconds(span.startMs),
    endTimeUnixNano: nanoseconds(span.endMs),
    attributes: attributesOf(span.attributes),
    events: span.events.map((event) => ({
      timeUnixNano: nanoseconds(event.timeMs),
      name: event.name,
      attributes: attributesOf(event.attributes),
    })),
    status: span.status.kind === 'error' ? { code: STATUS_ERROR, message: span.status.message } : {},
  };
}

function attributesOf(attributes: Readonly<Record<string, AttributeValue>>): object[] {
  return Object.entries(attributes).map(([key, value]) => ({ key, value: valueOf(value) }));
}

function valueOf(value: AttributeValue): object {
  if (typeof value === 'string') return { stringValue: value };
  if (typeof value === 'boolean') return { boolValue: value };
  if (typeof value === 'number') {
    if (Number.isSafeInteger(value)) return { intValue: String(value) };
    // JSON knows no NaN and no infinities; protobuf's JSON writes them as text.
    return { doubleValue: Number.isFinite(value) ? value : String(value) };
  }
  return { arrayValue: { values: value.map((item) => ({ stringValue: item })) } };
}

/** Nanoseconds don't fit into a number; milliseconds and their fraction are converted apart. */
function nanoseconds(ms: number): string {
  const whole = Math.floor(ms);
  return String(BigInt(whole) * 1_000_000n + BigInt(Math.round((ms - whole) * 1e6)));
}
