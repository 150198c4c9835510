import type { PublishedEvent } from './broker.ts';
import { fail } from './errors.ts';

/**
 * An event in CloudEvents 1.0 structured JSON
 * (https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md).
 */
export interface CloudEvent {
  readonly specversion: '1.0';
  readonly id: string;
  /** `/<service>`. */
  readonly source: string;
  readonly type: string;
  /** The event's key. */
  readonly subject: string;
  /** RFC 3339, UTC. */
  readonly time: string;
  readonly datacontenttype: 'application/json';
  readonly data: unknown;
  /** W3C Trace Context of the producer's span (the Distributed Tracing extension). */
  readonly traceparent: string;
  readonly tenant?: string;
  readonly correlationid: string;
  readonly causationid?: string;
  /** On whose behalf it was published: the token's subject. */
  readonly authid?: string;
  readonly criticality: PublishedEvent['criticality'];
  /** Version of the type's schema. */
  readonly dataversion: number;
  /** Stream in the source's log. */
  readonly stream: string;
  /** Place within the stream. */
  readonly streamversion: number;
  /** Position in the source's log, decimal. */
  readonly sequence: string;
}

/** The event as a CloudEvent; nothing is lost on the way there and back. */
export function toCloudEvent(event: PublishedEvent): CloudEvent {
  return {
    specversion: '1.0',
    id: event.id,
    source: `/${event.source}`,
    type: event.type,
    subject: event.key,
    time: new Date(event.time).toISOString(),
    datacontenttype: 'application/json',
    data: event.data,
    traceparent: event.traceparent,
    ...(event.tenant === undefined ? {} : { tenant: event.tenant }),
    correlationid: event.correlationId,
    ...(event.causationId === undefined ? {} : { causationid: event.causationId }),
    ...(event.subject === undefined ? {} : { authid: event.subject }),
    criticality: event.criticality,
    dataversion: event.schemaVersion,
    stream: event.stream,
    streamversion: event.version,
    sequence: event.position.toString(),
  };
}

/**
 * The event that a CloudEvent of ours is. Attributes that it doesn't know are ignored, as the specification asks.
 * @throws INVALID_CLOUD_EVENT naming the attribute that is missing or wrong
 */
export function fromCloudEvent(value: unknown): PublishedEvent {
  const attributes = record(value);
  const text = (name: string): string => {
    const found = attributes[name];
    if (typeof found !== 'string' || found === '') throw wrong(name, 'a non-empty string', found);
    return found;
  };
  const optional = (name: string): string | undefined =>
    attributes[name] === undefined || attributes[name] === null ? undefined : text(name);
  const whole = (name: string): number => {
    const found = attributes[name];
    if (typeof found !== 'number' || !Number.isSafeInteger(found) || found < 0)
      throw wrong(name, 'a whole number', found);
    return found;
  };
  if (attributes['specversion'] !== '1.0') throw wrong('specversion', '"1.0"', attributes['specversion']);
  const source = text('source');
  if (!/^\/[^/]+$/.test(source)) throw wrong('source', '"/<service>"', source);
  const time = Date.parse(text('time'));
  if (Number.isNaN(time)) throw wrong('time', 'an RFC 3339 time', attributes['time']);
  const sequence = text('sequence');
  if (!/^[0-9]{1,19}$/.test(sequence)) throw wrong('sequence', 'a decimal position', sequence);
  if (!('data' in attributes)) throw wrong('data', 'a JSON value', undefined);
  return {
    source: source.slice(1),
    position: BigInt(sequence),
    stream: text('stream'),
    version: whole('streamversion'),
    id: text('id'),
    type: text('type'),
    schemaVersion: whole('dataversion'),
    key: text('subject'),
    data: attributes['data'],
    time,
    tenant: optional('tenant'),
    subject: optional('authid'),
    traceparent: text('traceparent'),
    correlationId: text('correlationid'),
    causationId: optional('causationid'),
    criticality: criticality(attributes['criticality']),
  };
}

function record(value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw fail('INVALID_CLOUD_EVENT', 'A CloudEvent in structured mode is a JSON object; this is something else.');
  }
  // A non-null object that is not an array: its members can be asked for by name.
  return value as Readonly<Record<string, unknown>>;
}

function criticality(value: unknown): PublishedEvent['criticality'] {
  if (value === undefined) return 'default';
  if (value === 'critical' || value === 'default' || value === 'sheddable') return value;
  throw wrong('criticality', '"critical", "default" or "sheddable"', value);
}

function wrong(name: string, expected: string, found: unknown): Error {
  const what = found === undefined ? 'is missing' : `is ${JSON.stringify(found)?.slice(0, 80)}`;
  return fail('INVALID_CLOUD_EVENT', `CloudEvent attribute "${name}" ${what}; expected ${expected}.`, {
    details: { attribute: name },
  });
}
