/*
 * The append-only log. Around this file:
 *   log-types.ts     events, before and after            log-reader.ts   reading by position, losing nothing
 *   log-epoch.ts     what a restore does to cursors      settled-positions.ts   which gaps stay
 */
import { formatTraceparent, uuidV7, type Context } from '@fairlead/core';
import type { Tx } from '../database.ts';
import { fail } from '../errors.ts';
import type { PayloadSeal } from '../encryption/payload-seal.ts';
import { LOG_CHANNEL } from './log-channel.ts';
import type { LoggedEvent, NewEvent } from './log-types.ts';
import { sealEvents, type SealedData } from './sealed-events.ts';
import { sqlState } from '../postgres/postgres-errors.ts';
import { keepPrepared } from '../postgres/prepared.ts';

/** What the stream must be for the append to happen: anything, empty, non-empty, or at exactly this version. */
export type ExpectedVersion = 'any' | 'none' | 'exists' | number;

/** What came of an append. A conflict wrote nothing and leaves the transaction usable. */
export type AppendResult =
  | { readonly kind: 'appended'; readonly events: readonly LoggedEvent[] }
  | { readonly kind: 'conflict'; readonly actual: number };

/** How events are appended. */
export interface AppendOptions {
  /** Seals their data, so that it is gone when the tenant's keys are destroyed. Default: it lies in the clear. */
  readonly seal?: PayloadSeal | undefined;
}

/** The most that one event's data may measure as JSON in UTF-8, in bytes. */
export const MAX_EVENT_BYTES = 1024 * 1024;

/** The most characters of a stream's name, a type, a key or an id. */
const MAX_NAME_LENGTH = 512;

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
 * An empty `events` only checks the expectation. With `seal`, what the events say is encrypted for the Context's tenant
 * before it leaves the process; streams, types, keys and ids lie in the clear.
 * @throws EVENT_INVALID, EVENT_TOO_LARGE (above 1 MiB of JSON) before anything is sent; EVENT_DUPLICATE when the log has
 *   an event with this id (the transaction can then only roll back); with `seal` what `PayloadSeal.seal` throws
 */
export async function append(
  tx: Tx,
  stream: string,
  expected: ExpectedVersion,
  events: readonly NewEvent[],
  { seal }: AppendOptions = {},
): Promise<AppendResult> {
  const { ctx } = tx;
  checkName('An event', 'stream', stream);
  const prepared = events.map((event) => prepare(ctx, stream, event));
  const traceparent = formatTraceparent(ctx.trace);
  const code = expectedCode(stream, expected);
  const sealed = seal && (await sealEvents(tx, seal, stream, prepared));
  const row = await insert(tx, stream, code, traceparent, prepared, sealed);
  if (row.conflict !== null) return { kind: 'conflict', actual: Number(row.conflict) };
  if (prepared.length > 0) tx.announce(LOG_CHANNEL);
  const positions = row.positions?.split(',') ?? [];
  const first = Number(row.first_version);
  const time = row.at.getTime();
  const appended = prepared.map((event, index): LoggedEvent => ({
    position: BigInt(positions[index] ?? 0),
    stream,
    version: first + index,
    id: event.id,
    type: event.type,
    schemaVersion: event.schemaVersion,
    key: event.key,
    data: JSON.parse(event.json),
    time,
    tenant: ctx.tenant,
    subject: ctx.caller.subject,
    traceparent,
    correlationId: ctx.correlationId,
    causationId: ctx.causationId,
    criticality: ctx.criticality,
    ...(sealed && { sealed: 'opened' }),
  }));
  return { kind: 'appended', events: appended };
}

/** The row of fairlead_log_append. */
type Appended = {
  readonly conflict: string | null;
  readonly first_version: string | null;
  /** Separated by commas; null for no events. */
  readonly positions: string | null;
  readonly at: Date;
};

const APPEND = keepPrepared(
  'select * from fairlead_log_append($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)',
);

async function insert(
  tx: Tx,
  stream: string,
  expected: number,
  traceparent: string,
  events: readonly Prepared[],
  sealed: SealedData | undefined,
): Promise<Appended> {
  const { ctx } = tx;
  try {
    const { rows } = await tx.query<Appended>(APPEND, [
      stream,
      expected,
      events.map((event) => event.id),
      events.map((event) => event.type),
      events.map((event) => event.schemaVersion),
      events.map((event) => event.key),
      sealed?.json ?? events.map((event) => event.json),
      sealed?.key ?? null,
      ctx.tenant ?? null,
      ctx.caller.subject ?? null,
      traceparent,
      ctx.correlationId,
      ctx.causationId ?? null,
      ctx.criticality,
    ]);
    const [row] = rows;
    if (row === undefined) throw fail('EVENT_INVALID', `${stream}: the log did not answer.`);
    return row;
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
  if (typeof expected === 'string' && Object.hasOwn(EXPECTED, expected)) return EXPECTED[expected];
  if (typeof expected !== 'number' || !Number.isSafeInteger(expected) || expected < 0) {
    throw fail(
      'EVENT_INVALID',
      `${stream}: expected version ${String(expected)}; give a whole number from 0, 'any', 'none' or 'exists'.`,
    );
  }
  return expected;
}

function prepare(ctx: Context, stream: string, event: NewEvent): Prepared {
  const what = `${stream}: event ${event.type === '' ? '(no type)' : event.type}`;
  const { type, key, schemaVersion = 1, id = uuidV7(ctx) } = event;
  checkName(what, 'type', type);
  checkName(what, 'key', key);
  checkName(what, 'id', id);
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
  return { id, type, schemaVersion, key, json };
}

/** Refuses what the database can't keep as it is, or not in an index. */
function checkName(what: string, which: string, name: string): void {
  const wrong =
    name === ''
      ? 'is empty'
      : name.length > MAX_NAME_LENGTH
        ? `has ${name.length} characters`
        : name.includes('\0') || !name.isWellFormed()
          ? 'has a NUL character or half of a surrogate pair'
          : undefined;
  if (wrong !== undefined)
    throw fail(
      'EVENT_INVALID',
      `${what} needs a ${which} of 1 to ${MAX_NAME_LENGTH} characters; the one given ${wrong}.`,
    );
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
