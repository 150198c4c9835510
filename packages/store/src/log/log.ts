import { formatTraceparent, uuidV7, type Context } from '@fairlead/core';
import type { Tx } from '../database.ts';
import { fail } from '../errors.ts';
import type { LoggedEvent, NewEvent } from './log-types.ts';
import { sqlState } from '../postgres/postgres-errors.ts';

/** What the stream must be for the append to happen: anything, empty, non-empty, or at exactly this version. */
export type ExpectedVersion = 'any' | 'none' | 'exists' | number;

/** What came of an append. A conflict wrote nothing and leaves the transaction usable. */
export type AppendResult =
  | { readonly kind: 'appended'; readonly events: readonly LoggedEvent[] }
  | { readonly kind: 'conflict'; readonly actual: number };

/** The most that one event's data may measure as JSON in UTF-8, in bytes. */
export const MAX_EVENT_BYTES = 1024 * 1024;

const EXPECTED = { any: -1, exists: -2, none: 0 } as const;

interface Prepared {
  readonly id: string;
  readonly type: string;
  readonly schemaVersion: number;
  readonly key: string;
  readonly json: string;
}

/**
 * Appends events to one stream in the caller's transaction: they are there when it commits and never were when it
 * does not. Tenant, subject, trace, correlation, causation and criticality are taken from `tx.ctx`, the time from
 * `fairlead.now()`. The stream stays locked until the transaction ends, so appends to one stream queue up and versions
 * have no gaps; a conflict draws no position. Keep the transaction short: readers wait for it at the gap that it holds.
 *
 * An empty `events` only checks the expectation.
 * @throws EVENT_INVALID, EVENT_TOO_LARGE (above 1 MiB of JSON) before anything is sent; EVENT_DUPLICATE when the log has
 *   an event with this id (the transaction can then only roll back)
 */
export async function append(
  tx: Tx,
  stream: string,
  expected: ExpectedVersion,
  events: readonly NewEvent[],
): Promise<AppendResult> {
  const { ctx } = tx;
  if (stream === '') throw fail('EVENT_INVALID', 'An event needs a stream; the name given is empty.');
  const prepared = events.map((event) => prepare(ctx, stream, event));
  const rows = await insert(tx, stream, expectedCode(stream, expected), prepared);
  const conflict = rows[0]?.conflict;
  if (conflict !== undefined && conflict !== null) return { kind: 'conflict', actual: Number(conflict) };
  const appended = prepared.map((event, index): LoggedEvent => {
    const row = rows[index];
    if (row?.o_time === undefined || row.o_time === null)
      throw fail('EVENT_INVALID', `${stream}: the log answered with fewer events than were appended.`);
    return {
      position: BigInt(row.o_position ?? 0),
      stream,
      version: Number(row.o_version),
      id: event.id,
      type: event.type,
      schemaVersion: event.schemaVersion,
      key: event.key,
      data: JSON.parse(event.json),
      time: row.o_time.getTime(),
      tenant: ctx.tenant,
      subject: ctx.caller.subject,
      traceparent: formatTraceparent(ctx.trace),
      correlationId: ctx.correlationId,
      causationId: ctx.causationId,
      criticality: ctx.criticality,
    };
  });
  return { kind: 'appended', events: appended };
}

/** Rows of fairlead_append. */
type Appended = {
  readonly conflict: string | null;
  readonly o_position: string | null;
  readonly o_version: string | null;
  readonly o_time: Date | null;
};

async function insert(
  tx: Tx,
  stream: string,
  expected: number,
  events: readonly Prepared[],
): Promise<readonly Appended[]> {
  const { ctx } = tx;
  try {
    const { rows } = await tx.query<Appended>(
      'select * from fairlead_append($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)',
      [
        stream,
        expected,
        events.map((event) => event.id),
        events.map((event) => event.type),
        events.map((event) => event.schemaVersion),
        events.map((event) => event.key),
        events.map((event) => event.json),
        ctx.tenant ?? null,
        ctx.caller.subject ?? null,
        formatTraceparent(ctx.trace),
        ctx.correlationId,
        ctx.causationId ?? null,
        ctx.criticality,
      ],
    );
    return rows;
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

function expectedCode(stream: string, expected: ExpectedVersion): number {
  if (typeof expected !== 'number') return EXPECTED[expected];
  if (!Number.isSafeInteger(expected) || expected < 0) {
    throw fail(
      'EVENT_INVALID',
      `${stream}: expected version ${expected}; give a whole number from 0, 'any', 'none' or 'exists'.`,
    );
  }
  return expected;
}

function prepare(ctx: Context, stream: string, event: NewEvent): Prepared {
  const what = `${stream}: event ${event.type === '' ? '(no type)' : event.type}`;
  const { type, key, schemaVersion = 1 } = event;
  if (type === '' || key === '' || event.id === '')
    throw fail('EVENT_INVALID', `${what} needs a type and a key, and an id that is not empty.`);
  if ([stream, type, key, event.id].some((text) => text?.includes('\0') === true))
    throw fail('EVENT_INVALID', `${what} has a NUL character in a name.`);
  if (!Number.isSafeInteger(schemaVersion) || schemaVersion < 1 || schemaVersion > 2 ** 31 - 1)
    throw fail('EVENT_INVALID', `${what} has schema version ${schemaVersion}; give a whole number from 1.`);
  const json = toJson(what, event.data);
  const bytes = Buffer.byteLength(json);
  if (bytes > MAX_EVENT_BYTES) {
    throw fail(
      'EVENT_TOO_LARGE',
      `${what} is ${bytes} bytes of JSON; at most ${MAX_EVENT_BYTES} fit. Store the bulk elsewhere and refer to it.`,
    );
  }
  return { id: event.id ?? uuidV7(ctx), type, schemaVersion, key, json };
}

function toJson(what: string, data: unknown): string {
  try {
    // Typed as string, yet undefined for what JSON has no word for.
    const json: string | undefined = JSON.stringify(data);
    if (json !== undefined) return json;
  } catch (error) {
    throw fail(
      'EVENT_INVALID',
      `${what} has data that is not JSON: ${error instanceof Error ? error.message : String(error)}`,
      { cause: error },
    );
  }
  throw fail('EVENT_INVALID', `${what} has data that is not JSON (${typeof data}).`);
}
