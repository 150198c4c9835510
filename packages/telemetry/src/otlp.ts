import { bytesOf, type Bytes, type JsonBuffer } from './json-buffer.ts';
import type { RecordedSpan } from './recorded-span.ts';
import type { BatchFormat } from './span-exporter.ts';
import type { SpanShape } from './span-shape.ts';
import type { AttributeValue, SpanEvent, SpanKind } from './span.ts';

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
const MAX_KNOWN_KEYS = 1000;
const NANOSECONDS_DIGITS = 6;

const SPAN = bytesOf('{"traceId":"');
const SPAN_ID = bytesOf('","spanId":"');
const PARENT = bytesOf('","parentSpanId":"');
const START = bytesOf('","startTimeUnixNano":"');
const END = bytesOf('","endTimeUnixNano":"');
const STRING = bytesOf('{"stringValue":');
const INT = bytesOf('{"intValue":"');

/**
 * Spans as an `ExportTraceServiceRequest` in OTLP's JSON
 * (https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding): ids in hexadecimal, 64-bit numbers as strings.
 * What the spans of a shape have in common is encoded once.
 */
export function otlpFormat(resource: OtlpResource): BatchFormat<RecordedSpan> {
  const about = {
    'service.name': resource.service,
    'telemetry.sdk.name': 'fairlead',
    'telemetry.sdk.language': 'nodejs',
    ...(resource.instance === undefined ? {} : { 'service.instance.id': resource.instance }),
  };
  const attributes = Object.entries(about).map(([key, value]) => ({ key, value: { stringValue: value } }));
  const shapes = new WeakMap<SpanShape, Bytes>();
  const keys = new Map<string, Bytes>();

  function shapeText(shape: SpanShape): Bytes {
    const known = shape.isLasting ? shapes.get(shape) : undefined;
    if (known !== undefined) return known;
    const listed = Object.entries(shape.attributes).map(([key, value]) =>
      JSON.stringify({ key, value: anyValue(value) }),
    );
    const text = bytesOf(
      `","name":${JSON.stringify(shape.name)},"kind":${KIND[shape.kind]},"attributes":[${listed.join(',')}`,
    );
    if (shape.isLasting) shapes.set(shape, text);
    return text;
  }

  function keyText(key: string): Bytes {
    const known = keys.get(key);
    if (known !== undefined) return known;
    const text = bytesOf(`{"key":${JSON.stringify(key)},"value":`);
    if (keys.size < MAX_KNOWN_KEYS) keys.set(key, text);
    return text;
  }

  function attributesTo(to: JsonBuffer, given: RecordedSpan['attributes'], alreadyOne: boolean): void {
    let first = !alreadyOne;
    for (const key in given) {
      const value = given[key];
      if (value === undefined) continue;
      if (!first) to.text(',');
      first = false;
      to.raw(keyText(key));
      valueTo(to, value);
      to.text('}');
    }
  }

  function eventsTo(to: JsonBuffer, events: readonly SpanEvent[]): void {
    let before = ',"events":[';
    for (const event of events) {
      to.text(`${before}{"timeUnixNano":"`);
      nanosecondsTo(to, event.timeMs);
      to.text(`","name":${JSON.stringify(event.name)},"attributes":[`);
      attributesTo(to, event.attributes, false);
      to.text(']}');
      before = ',';
    }
    to.text(']');
  }

  return {
    before: `{"resourceSpans":[{"resource":${JSON.stringify({ attributes })},"scopeSpans":[{"scope":{"name":"@fairlead/telemetry"},"spans":[`,
    after: ']}]}]}',
    write(to, span) {
      const { shape, events, status } = span;
      to.raw(SPAN);
      to.text(span.traceId);
      to.raw(SPAN_ID);
      to.text(span.spanId);
      if (span.parentSpanId !== undefined) {
        to.raw(PARENT);
        to.text(span.parentSpanId);
      }
      to.raw(START);
      nanosecondsTo(to, span.startMs);
      to.raw(END);
      nanosecondsTo(to, span.endMs);
      to.raw(shapeText(shape));
      attributesTo(to, span.attributes, shape.size > 0);
      to.text(']');
      if (span.traceState !== undefined) to.text(`,"traceState":${JSON.stringify(span.traceState)}`);
      if (events.length > 0) eventsTo(to, events);
      if (status.kind === 'error')
        to.text(`,"status":{"code":${STATUS_ERROR},"message":${JSON.stringify(status.message)}}`);
      to.text('}');
    },
  };
}

/** Writes what `anyValue` says, without making it for the kinds that nearly every attribute has. */
function valueTo(to: JsonBuffer, value: AttributeValue): void {
  if (typeof value === 'string') {
    to.raw(STRING);
    to.string(value);
    to.text('}');
  } else if (typeof value === 'number' && Number.isSafeInteger(value)) {
    to.raw(INT);
    to.text(String(value));
    to.text('"}');
  } else {
    to.text(JSON.stringify(anyValue(value)));
  }
}

function anyValue(value: AttributeValue): object {
  if (typeof value === 'string') return { stringValue: value };
  if (typeof value === 'boolean') return { boolValue: value };
  if (typeof value === 'number') {
    if (Number.isSafeInteger(value)) return { intValue: String(value) };
    // JSON knows no NaN and no infinities; protobuf's JSON writes them as text.
    return { doubleValue: Number.isFinite(value) ? value : String(value) };
  }
  return { arrayValue: { values: value.map((item) => ({ stringValue: item })) } };
}

/** Nanoseconds don't fit into a number; milliseconds and their fraction are written one after the other. */
function nanosecondsTo(to: JsonBuffer, ms: number): void {
  let whole = Math.floor(ms);
  let fraction = Math.round((ms - whole) * 1e6);
  if (fraction === 1e6) {
    whole += 1;
    fraction = 0;
  }
  if (whole === 0) return to.text(String(fraction));
  to.text(String(whole));
  to.digits(fraction, NANOSECONDS_DIGITS);
}
