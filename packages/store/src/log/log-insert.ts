import { formatTraceparent } from '@fairlead/core';
import type { Tx } from '../database.ts';
import { fail } from '../errors.ts';
import { keepPrepared } from '../postgres/prepared.ts';
import { sqlState } from '../postgres/postgres-errors.ts';

/** Events as they go to the log: each of these has one value an event. */
export interface EventColumns {
  readonly ids: readonly string[];
  readonly types: readonly string[];
  readonly schemaVersions: readonly number[];
  readonly keys: readonly string[];
  /** JSON. */
  readonly data: readonly string[];
  /** Whether it stays in the service. */
  readonly privates: readonly boolean[];
  /** The key that data is sealed with. */
  readonly sealed: string | null;
}

/** What the log answers. */
export type Inserted =
  | { readonly kind: 'conflict'; readonly actual: number }
  | {
      readonly kind: 'inserted';
      readonly firstVersion: number;
      readonly positions: readonly bigint[];
      readonly time: Date;
    };

/*
 * One event, the common case, is one statement that each connection keeps planned: the stream's row is taken first, which
 * makes it the caller's until the transaction ends, and the position is drawn for the row that comes from it. When none
 * comes, as a rule for a conflict, fairlead_log_append says why; it also appends several at once.
 */
const appendOne = (stream: string): string =>
  keepPrepared(`with s as (${stream} returning t.version)
    insert into fairlead_log (position, stream, version, id, type, schema_version, key, data, time, sealed,
                              tenant, subject, traceparent, correlation_id, causation_id, criticality, private)
    select nextval('fairlead_log_position'), $1, s.version, $3, $4, $5, $6, $7::text::json, fairlead.now(), $8,
           $9, $10, $11, $12, $13, $14, $15
      from s
    returning position, version, time`);

const BEGIN = `insert into fairlead_stream as t (stream, version) values ($1, 1)
  on conflict (stream) do update set version = t.version + 1`;
const GROW = 'update fairlead_stream t set version = t.version + 1 where t.stream = $1';
/** By what is expected, which is $2: -1 any, -2 some event, 0 none, else a version. */
const APPEND_ONE = {
  any: appendOne(`${BEGIN} where $2::bigint = -1`),
  none: appendOne(`${BEGIN} where t.version = $2::bigint`),
  exists: appendOne(`${GROW} and t.version > 0 and $2::bigint = -2`),
  exact: appendOne(`${GROW} and t.version = $2::bigint`),
};
const APPEND = keepPrepared(
  `select conflict, first_version, positions, at
     from fairlead_log_append($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)`,
);

/**
 * Writes events to a stream in the caller's transaction; `expected` is a version, -1 for any or -2 for some event.
 * @throws EVENT_DUPLICATE
 */
export async function insertEvents(tx: Tx, stream: string, expected: number, events: EventColumns): Promise<Inserted> {
  const { ctx } = tx;
  const { ids, types, schemaVersions, keys, data, sealed } = events;
  const shared = [
    sealed,
    ctx.tenant ?? null,
    ctx.caller.subject ?? null,
    formatTraceparent(ctx.trace),
    ctx.correlationId,
    ctx.causationId ?? null,
    ctx.criticality,
  ];
  const privates = events.privates.includes(true) ? events.privates.map((one) => one || null) : null;
  try {
    if (ids.length === 1) {
      const { rows } = await tx.query<{ position: string; version: string; time: Date }>(appendOneFor(expected), [
        stream,
        expected,
        ids[0],
        types[0],
        schemaVersions[0],
        keys[0],
        data[0],
        ...shared,
        privates?.[0] ?? null,
      ]);
      const [row] = rows;
      if (row !== undefined) {
        const { position, version, time } = row;
        return { kind: 'inserted', firstVersion: Number(version), positions: [BigInt(position)], time };
      }
    }
    const columns = [stream, expected, ids, types, schemaVersions, keys, data, ...shared, privates];
    return answer((await tx.query<Appended>(APPEND, columns)).rows);
  } catch (error) {
    if (sqlState(error) === '23505' && error instanceof Error && error.message.includes('fairlead_log_id_key')) {
      throw fail(
        'EVENT_DUPLICATE',
        `${stream}: the log already has an event with one of these ids. Leave the id out to get a new one.`,
        { cause: error },
      );
    }
    throw error;
  }
}

/** The row of fairlead_log_append. */
type Appended = {
  readonly conflict: string | null;
  readonly first_version: string | null;
  /** Separated by commas; null for no events. */
  readonly positions: string | null;
  readonly at: Date;
};

function answer(rows: readonly Appended[]): Inserted {
  // A function with out parameters has one row.
  const { conflict, first_version, positions, at } = rows[0] as Appended;
  if (conflict !== null) return { kind: 'conflict', actual: Number(conflict) };
  return {
    kind: 'inserted',
    firstVersion: Number(first_version),
    positions: positions?.split(',').map(BigInt) ?? [],
    time: at,
  };
}

function appendOneFor(expected: number): string {
  if (expected > 0) return APPEND_ONE.exact;
  if (expected === 0) return APPEND_ONE.none;
  return expected === -1 ? APPEND_ONE.any : APPEND_ONE.exists;
}
