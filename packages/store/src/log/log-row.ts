import type { Context } from '@fairlead/core';
import type { Row, Sql } from '../database.ts';
import type { PayloadSeal } from '../encryption/payload-seal.ts';
import type { LoggedEvent } from './log-types.ts';
import { openEvents } from './sealed-events.ts';

/** What `eventsIn` needs of the log's rows. */
export const EVENT_COLUMNS = `position, stream, version, id, type, schema_version, key, data, time, tenant, subject, traceparent,
  correlation_id, causation_id, criticality, sealed, private`;

/**
 * Rows of EVENT_COLUMNS as events, opened by `seal`.
 * @throws SEAL_BROKEN, KEY_UNAVAILABLE
 */
export function eventsIn(
  ctx: Context,
  sql: Sql,
  seal: PayloadSeal | undefined,
  rows: readonly Row[],
): Promise<readonly LoggedEvent[]> {
  // Every row has the columns above.
  const keys = rows.map((row) => row['sealed'] as string | null);
  return openEvents(ctx, sql, seal, rows.map(toEvent), keys);
}

function toEvent(row: Row): LoggedEvent {
  // The columns above, whose types the migration fixes.
  const columns = row as {
    position: string;
    stream: string;
    version: string;
    id: string;
    type: string;
    schema_version: number;
    key: string;
    data: unknown;
    time: Date;
    tenant: string | null;
    subject: string | null;
    traceparent: string;
    correlation_id: string;
    causation_id: string | null;
    criticality: LoggedEvent['criticality'];
    private: boolean | null;
  };
  return {
    position: BigInt(columns.position),
    stream: columns.stream,
    version: Number(columns.version),
    id: columns.id,
    type: columns.type,
    schemaVersion: columns.schema_version,
    key: columns.key,
    data: columns.data,
    time: columns.time.getTime(),
    tenant: columns.tenant ?? undefined,
    subject: columns.subject ?? undefined,
    traceparent: columns.traceparent,
    correlationId: columns.correlation_id,
    causationId: columns.causation_id ?? undefined,
    criticality: columns.criticality,
    ...(columns.private === true && { private: true }),
  };
}
