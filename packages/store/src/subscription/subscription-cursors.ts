import type { Context } from '@fairlead/core';
import type { Database } from '../database.ts';
import type { Doc } from '../doc/doc-types.ts';
import { acrossTenants } from '../tenancy/across-tenants.ts';
import { CURSORS, type CursorBody, type HeadBody } from './cursor-doc.ts';

/** How far a subscription has come; see `subscriptionCursors`. */
export interface SubscriptionCursor {
  readonly name: string;
  /** It needs no event up to here any more, parked ones included. */
  readonly position: bigint;
}

/**
 * How far each subscription of a database has come: nothing above may be trimmed from the log (`trimLog` takes this as
 * `cursors`). One that is not used any more counts until it is forgotten with `forgetSubscription`.
 */
export async function subscriptionCursors(ctx: Context, database: Database): Promise<readonly SubscriptionCursor[]> {
  const whole = acrossTenants(database);
  const found = await allDocs(ctx, whole);
  const { rows } = await whole.query<{ subscription: string; position: string }>(
    ctx,
    'select subscription, min(position)::text as position from fairlead_parked_event group by subscription',
  );
  const parked = new Map(rows.map((row) => [row.subscription, BigInt(row.position)]));
  const cursors: SubscriptionCursor[] = [];
  for (const [name, doc] of found) {
    if (name.includes('/')) continue;
    // Documents of this namespace are written in this folder only.
    const { shards, start } = doc.body as HeadBody;
    const positions = Array.from({ length: shards }, (_, shard) => {
      const body = found.get(`${name}/${shard}`)?.body as CursorBody | undefined;
      return BigInt(body?.position ?? start);
    });
    const first = parked.get(name);
    if (first !== undefined) positions.push(first - 1n);
    cursors.push({ name, position: positions.reduce((a, b) => (b < a ? b : a)) });
  }
  return cursors;
}

/**
 * Forgets a subscription: its cursors and parked events. One of the same name begins anew; processes that still work on it do,
 * too. False when there is none.
 */
export function forgetSubscription(ctx: Context, database: Database, name: string): Promise<boolean> {
  return acrossTenants(database).tx(ctx, async (tx) => {
    const { docs } = await CURSORS.list(tx, { prefix: `${name}/`, limit: 1_000 });
    for (const { key } of docs) await CURSORS.delete(tx, key);
    await tx.query('delete from fairlead_parked_event where subscription = $1', [name]);
    return (await CURSORS.delete(tx, name)).kind === 'deleted';
  });
}

async function allDocs(ctx: Context, database: Database): Promise<ReadonlyMap<string, Doc>> {
  const found = new Map<string, Doc>();
  for (let after: string | undefined = ''; after !== undefined;) {
    const page = await CURSORS.list({ ctx, database }, { after, limit: 1_000 });
    for (const doc of page.docs) found.set(doc.key, doc);
    after = page.next;
  }
  return found;
}
