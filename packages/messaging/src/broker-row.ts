import type { Row } from '@fairlead/store';
import type { PublishedEvent } from './broker.ts';

/** An event as the broker's read statement answers it; all null when there is none. Times in milliseconds. */
export interface BrokerRow extends Row {
  readonly position: string | null;
  readonly stream: string;
  readonly version: string;
  readonly id: string;
  readonly type: string;
  readonly schema_version: number;
  readonly key: string;
  readonly data: unknown;
  readonly time_ms: string;
  readonly tenant: string | null;
  readonly subject: string | null;
  readonly traceparent: string;
  readonly correlation_id: string;
  readonly causation_id: string | null;
  readonly criticality: PublishedEvent['criticality'];
}

/** What `fromRow` needs; 64-bit numbers as text, whatever the driver's parsers. `number` is there to sort by. */
export const EVENT_COLUMNS = `position AS number, position::text AS position, stream, version::text AS version, id, type,
  schema_version, key, data, round(extract(epoch FROM time) * 1000)::text AS time_ms, tenant, subject, traceparent,
  correlation_id, causation_id, criticality`;

/** Inserts rows made by `toRow`: $1 the source, $2 their JSON array. */
export const INSERT_COLUMNS = `
  INSERT INTO fairlead_event (source, position, stream, version, id, type, schema_version, key, data, time, tenant, subject,
    traceparent, correlation_id, causation_id, criticality)
  SELECT $1, r.position, r.stream, r.version, r.id, r.type, r.schema_version, r.key, r.data::json,
    to_timestamp(r.time_ms / 1000.0), r.tenant, r.subject, r.traceparent, r.correlation_id, r.causation_id, r.criticality
  FROM jsonb_to_recordset($2::text::jsonb) AS r(position bigint, stream text, version bigint, id text, type text,
    schema_version integer, key text, data text, time_ms numeric, tenant text, subject text, traceparent text,
    correlation_id text, causation_id text, criticality text)
  ORDER BY r.position`;

/** The event as a record for `INSERT_COLUMNS`. */
export function toRow(event: PublishedEvent): Record<string, unknown> {
  return {
    position: event.position.toString(),
    stream: event.stream,
    version: event.version,
    id: event.id,
    type: event.type,
    schema_version: event.schemaVersion,
    key: event.key,
    // As text, for jsonb refuses what JSON allows and the log keeps: a \u0000 in a string.
    data: JSON.stringify(event.data),
    time_ms: event.time,
    tenant: event.tenant,
    subject: event.subject,
    traceparent: event.traceparent,
    correlation_id: event.correlationId,
    causation_id: event.causationId,
    criticality: event.criticality,
  };
}

/** The event that a row holds. */
export function fromRow(source: string, row: BrokerRow): PublishedEvent {
  return {
    source,
    position: BigInt(row.position ?? 0),
    stream: row.stream,
    version: Number(row.version),
    id: row.id,
    type: row.type,
    schemaVersion: row.schema_version,
    key: row.key,
    data: row.data,
    time: Number(row.time_ms),
    tenant: row.tenant ?? undefined,
    subject: row.subject ?? undefined,
    traceparent: row.traceparent,
    correlationId: row.correlation_id,
    causationId: row.causation_id ?? undefined,
    criticality: row.criticality,
  };
}
