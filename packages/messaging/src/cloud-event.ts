import type { PublishedEvent } from './broker.ts';

/** An event in CloudEvents 1.0 structured JSON (https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md). */
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
  /** Extension attributes: W3C trace context, whose event it is, and what it belongs to. */
  readonly traceparent: string;
  readonly tenant?: string;
  readonly correlationid: string;
  readonly causationid?: string;
  /** On whose behalf it was published. */
  readonly authid?: string;
  readonly criticality: string;
  readonly dataversion: number;
  /** Stream, version in it and position in the source's log, so that nothing is lost on the way there and back. */
  readonly stream: string;
  readonly streamversion: number;
  readonly sequence: string;
}

/** The event as a CloudEvent. */
export function toCloudEvent(event: PublishedEvent): CloudEvent {
  throw new Error(`not yet: ${event.id}`);
}

/**
 * The event that a CloudEvent is.
 * @throws INVALID_CLOUD_EVENT naming the attribute that is missing or wrong
 */
export function fromCloudEvent(value: unknown): PublishedEvent {
  throw new Error(`not yet: ${typeof value}`);
}
