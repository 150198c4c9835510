import type { Context } from '@fairlead/core';
import type { Sql, Tx } from '../database.ts';
import type { PayloadSeal, SealedPlace } from '../encryption/payload-seal.ts';
import type { LoggedEvent } from './log-types.ts';

/** What of an event its payload is bound to. */
interface EventNames {
  readonly id: string;
  readonly type: string;
  readonly schemaVersion: number;
  readonly key: string;
}

/** The columns of sealed events. */
export interface SealedData {
  /** Column `sealed`, the same for all. */
  readonly key: string;
  /** Column `data`, one each. */
  readonly json: readonly string[];
}

/** Seals the data of events that are about to be appended. */
export async function sealEvents(
  tx: Tx,
  seal: PayloadSeal,
  stream: string,
  events: readonly (EventNames & { readonly json: string })[],
): Promise<SealedData> {
  const { key, payloads } = await seal.seal(
    tx,
    events.map((event) => ({ ...placeOf(stream, event), json: event.json })),
  );
  return { key, json: payloads.map((payload) => JSON.stringify(payload)) };
}

/**
 * Opens those of `events` that are sealed: `keys` is their column `sealed`. Without a seal they are `closed`, and when the
 * keys of their tenant were destroyed `shredded`; either way they have no data.
 * @throws SEAL_BROKEN, KEY_UNAVAILABLE
 */
export async function openEvents(
  ctx: Context,
  sql: Sql,
  seal: PayloadSeal | undefined,
  events: readonly LoggedEvent[],
  keys: readonly (string | null)[],
): Promise<readonly LoggedEvent[]> {
  const sealed = events.flatMap((event, index) => {
    const key = keys[index] ?? null;
    if (key === null) return [];
    const payload = typeof event.data === 'string' ? event.data : '';
    return [{ ...placeOf(event.stream, event), index, tenant: event.tenant ?? '', key, payload }];
  });
  if (sealed.length === 0) return events;
  const opened = seal === undefined ? undefined : await seal.open(ctx, sql, sealed);
  const result = [...events];
  for (const [nth, { index }] of sealed.entries()) {
    const [event, one] = [events[index], opened?.[nth]];
    if (event === undefined) continue;
    result[index] =
      one?.kind === 'opened'
        ? { ...event, data: JSON.parse(one.json), sealed: 'opened' }
        : { ...event, data: undefined, sealed: one === undefined ? 'closed' : 'shredded' };
  }
  return result;
}

/** Everything that says what the payload means: none of it can be exchanged without the payload refusing to open. */
function placeOf(stream: string, { id, type, schemaVersion, key }: EventNames): SealedPlace {
  return { table: 'fairlead_log', row: JSON.stringify([id, stream, type, schemaVersion, key]) };
}
