import type { Context } from '@fairlead/core';
import type { Database } from '../database.ts';
import { acrossTenants } from '../tenancy/across-tenants.ts';
import { cursorKey, CURSORS, type CursorBody, type HeadBody } from './cursor-doc.ts';
import { shardOf } from './event-filter.ts';

/**
 * What a subscription has made of an event: `waiting` before its turn has come; `parked` when it failed, or waits behind one
 * of its key that did, and is tried again; `dead` when itself or that one was given up; `handled` otherwise, also when it was not for it.
 */
export type EventOutcome = 'waiting' | 'parked' | 'dead' | 'handled';

/** What a subscription of this database has made of an event of the log, as far as is committed. */
export async function eventOutcome(
  ctx: Context,
  database: Database,
  name: string,
  event: { readonly position: bigint; readonly key: string },
): Promise<EventOutcome> {
  const whole = acrossTenants(database);
  const from = { ctx, database: whole };
  // Documents of this namespace are written in this folder only.
  const head = (await CURSORS.get(from, name))?.body as HeadBody | undefined;
  if (head === undefined) return 'waiting';
  const { shards } = head;
  const cursor = await CURSORS.get(from, cursorKey({ name, shard: shardOf(event.key, shards) }));
  const position = BigInt((cursor?.body as CursorBody | undefined)?.position ?? head.start);
  if (position < event.position) return 'waiting';
  const { rows } = await whole.query<{ parked: boolean; dead: boolean | null }>(
    ctx,
    `select coalesce(bool_or(p.position = $3::bigint), false) as parked, bool_or(p.dead) as dead
       from fairlead_parked_event p where p.subscription = $1 and p.key = $2 and p.position <= $3::bigint`,
    [name, event.key, event.position.toString()],
  );
  if (rows[0]?.parked !== true) return 'handled';
  return rows[0].dead === true ? 'dead' : 'parked';
}
