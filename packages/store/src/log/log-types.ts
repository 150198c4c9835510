/** What a caller says an appended event is. */
export interface NewEvent {
  /** CloudEvents `id`; unique within the log. Default: a new UUIDv7. */
  readonly id?: string;
  /** CloudEvents `type`, such as `order.placed`. */
  readonly type: string;
  /** Version of the type's schema; whole, from 1. Default 1. */
  readonly schemaVersion?: number;
  /** What orders it: events of one key are delivered in order. CloudEvents `subject`. */
  readonly key: string;
  /** JSON value. */
  readonly data: unknown;
  /** Whether it stays in this service: no relay copies it. Default false: whoever `uses` the service may read it. */
  readonly private?: boolean;
}

/** An event as the log keeps it. Everything but `position` and `version` was fixed when it was appended. */
export interface LoggedEvent {
  /** Global position in this log: grows, with gaps where writers rolled back. */
  readonly position: bigint;
  /** Stream the event belongs to, such as `order-42`. */
  readonly stream: string;
  /** Place within its stream, from 1, without gaps. */
  readonly version: number;
  readonly id: string;
  readonly type: string;
  readonly schemaVersion: number;
  readonly key: string;
  /** `undefined` when it is sealed and was not opened. */
  readonly data: unknown;
  /**
   * Only on events that were sealed: `opened` here; `closed`, since the reader has no seal; `shredded`, since the tenant's
   * keys were destroyed, for good.
   */
  readonly sealed?: 'opened' | 'closed' | 'shredded';
  /** Only on events that stay in the service. */
  readonly private?: true;
  /** When it was appended, in milliseconds since the epoch, by `fairlead.now()`. */
  readonly time: number;
  readonly tenant: string | undefined;
  readonly subject: string | undefined;
  readonly traceparent: string;
  readonly correlationId: string;
  readonly causationId: string | undefined;
  readonly criticality: 'critical' | 'default' | 'sheddable';
}
