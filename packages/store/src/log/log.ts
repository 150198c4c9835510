/*
 * The append-only log. Around this file:
 *   log-insert.ts     the statements of an append          log-types.ts      events, before and after
 *   log-reader.ts     reading by position, losing nothing  settled-positions.ts  which gaps stay
 *   stream-reader.ts  reading one stream, from its snapshot on
 *   log-row.ts        rows as events                       sealed-events.ts  data that only keys open
 *   log-epoch.ts      what a restore does to cursors       log-trim.ts       deleting what everybody has read
 *   log-archive.ts    events as files, and back: log-archive-restore.ts, archive-file.ts
 *   tenant-export.ts  everything of one tenant as a file   log-channel.ts    where appends are announced
 */
import { formatTraceparent, uuidV7, type Context } from '@fairlead/core';
import type { Tx } from '../database.ts';
import { fail } from '../errors.ts';
import type { PayloadSeal } from '../encryption/payload-seal.ts';
import { LOG_CHANNEL } from './log-channel.ts';
import { insertEvents } from './log-insert.ts';
import type { LoggedEvent, NewEvent } from './log-types.ts';
import { sealEvents } from './sealed-events.ts';

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
  readonly private: boolean;
}

/**
 * Appends events to one stream in the caller's transaction: they are there when it commits and never were when it
 * does not. Tenant, subject, trace, correlation, causation and criticality are taken from `tx.ctx`, the time from
 * `fairlead.now()`. The stream stays locked until the transaction ends, so appends to one stream queue up and versions
 * have no gaps; a conflict draws no position. Keep the transaction short: readers wait for it at the gap that it holds.
 *
 * Works at every isolation level. In `read committed` it waits for a transaction that appends to the same stream and then sees what that
 * did: an expectation is compared with the version that is there. Above it, a stream that has changed since the snapshot is SQLSTATE
 * 40001 (the transaction runs again where `retry` says so), never a second event of one version.
 *
 * An append that belongs to no other change is one statement: `database.tx(ctx, (tx) => append(tx, …), { autocommit: true })`.
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
  const code = expectedCode(stream, expected);
  const sealed = seal && (await sealEvents(tx, seal, stream, prepared));
  const inserted = await insertEvents(tx, stream, code, {
    ids: prepared.map((event) => event.id),
    types: prepared.map((event) => event.type),
    schemaVersions: prepared.map((event) => event.schemaVersion),
    keys: prepared.map((event) => event.key),
    privates: prepared.map((event) => event.private),
    data: sealed?.json ?? prepared.map((event) => event.json),
    sealed: sealed?.key ?? null,
  });
  if (inserted.kind === 'conflict') return inserted;
  const { firstVersion, positions } = inserted;
  const time = inserted.time.getTime();
  const traceparent = formatTraceparent(ctx.trace);
  // As readers will see it. All at once takes half the time.
  const data = JSON.parse(`[${prepared.map((event) => event.json).join(',')}]`) as readonly unknown[];
  if (prepared.length > 0) tx.announce(LOG_CHANNEL);
  const appended = prepared.map((event, index): LoggedEvent => ({
    position: positions[index] ?? 0n,
    stream,
    version: firstVersion + index,
    id: event.id,
    type: event.type,
    schemaVersion: event.schemaVersion,
    key: event.key,
    data: data[index],
    time,
    tenant: ctx.tenant,
    subject: ctx.caller.subject,
    traceparent,
    correlationId: ctx.correlationId,
    causationId: ctx.causationId,
    criticality: ctx.criticality,
    ...(sealed && { sealed: 'opened' }),
    ...(event.private && { private: true }),
  }));
  return { kind: 'appended', events: appended };
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
  // A character is at most three bytes, so most need not be counted.
  const bytes = json.length * 3 > MAX_EVENT_BYTES ? Buffer.byteLength(json) : 0;
  if (bytes > MAX_EVENT_BYTES) {
    throw fail(
      'EVENT_TOO_LARGE',
      `${what} is ${bytes} bytes of JSON; at most ${MAX_EVENT_BYTES} fit. Store the bulk elsewhere and refer to it.`,
    );
  }
  return { id, type, schemaVersion, key, json, private: event.private === true };
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
