import type { AttributeValue, FinishedSpan, SpanEvent, SpanKind } from './span.ts';

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
  const of = `{"attributes":${attributesOf({ ...about, ...instance })}}`;
  return `{"resourceSpans":[{"resource":${of},"scopeSpans":[{"scope":{"name":"@fairlead/telemetry"},"spans":[${spans.map(spanOf).join(',')}]}]}]}`;
}

// Written piece by piece: building the objects first, for JSON.stringify to take apart again, takes three times as long,
// and every span of a busy service comes through here.

function spanOf(span: FinishedSpan): string {
  const parent = span.parentSpanId === undefined ? '' : `,"parentSpanId":"${span.parentSpanId}"`;
  const state = span.traceState === undefined ? '' : `,"traceState":${JSON.stringify(span.traceState)}`;
  const times = `"startTimeUnixNano":"${nanoseconds(span.startMs)}","endTimeUnixNano":"${nanoseconds(span.endMs)}"`;
  const status =
    span.status.kind === 'error' ? `{"code":${STATUS_ERROR},"message":${JSON.stringify(span.status.message)}}` : '{}';
  return `{"traceId":"${span.traceId}","spanId":"${span.spanId}"${parent}${state},"name":${JSON.stringify(span.name)},"kind":${KIND[span.kind]},${times},"attributes":${attributesOf(span.attributes)},"events":[${span.events.map(eventOf).join(',')}],"status":${status}}`;
}

function eventOf(event: SpanEvent): string {
  return `{"timeUnixNano":"${nanoseconds(event.timeMs)}","name":${JSON.stringify(event.name)},"attributes":${attributesOf(event.attributes)}}`;
}

function attributesOf(attributes: Readonly<Record<string, AttributeValue>>): string {
  let text = '';
  for (const key of Object.keys(attributes)) {
    const value = attributes[key];
    if (value !== undefined)
      text += `${text === '' ? '' : ','}{"key":${JSON.stringify(key)},"value":${valueOf(value)}}`;
  }
  return `[${text}]`;
}

function valueOf(value: AttributeValue): string {
  if (typeof value === 'string') return `{"stringValue":${JSON.stringify(value)}}`;
  if (typeof value === 'boolean') return `{"boolValue":${value}}`;
  if (typeof value === 'number') {
    if (Number.isSafeInteger(value)) return `{"intValue":"${value}"}`;
    // JSON knows no NaN and no infinities; protobuf's JSON writes them as text.
    return `{"doubleValue":${Number.isFinite(value) ? value : `"${value}"`}}`;
  }
  return `{"arrayValue":{"values":[${value.map((item) => `{"stringValue":${JSON.stringify(item)}}`).join(',')}]}}`;
}

/** Nanoseconds don't fit into a number; milliseconds and their fraction are written one after the other. */
function nanoseconds(ms: number): string {
  const whole = Math.floor(ms);
  const fraction = Math.round((ms - whole) * 1e6);
  if (fraction === 1e6) return `${whole + 1}000000`;
  return whole === 0 ? String(fraction) : `${whole}${String(fraction).padStart(6, '0')}`;
}
