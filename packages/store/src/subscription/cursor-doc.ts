import type { Tx } from '../database.ts';
import type { DocSource } from '../doc/doc-types.ts';
import { docs } from '../doc/docs.ts';
import { prefixEnd } from '../doc/prefix-end.ts';

const NAMESPACE = 'fairlead.cursor';
const ROWS = `select 1 from fairlead_doc where namespace = $1 and owner = '' and key`;

/** Where subscriptions stand, as documents: one for each subscription, one for each of its shards. */
export const CURSORS = docs(NAMESPACE, { tenancy: 'none' });

/** Which shard of what. */
export interface CursorName {
  readonly name: string;
  readonly shard: number;
  readonly shards: number;
}

/** A subscription as a whole; its document's key is its name. */
export interface HeadBody {
  readonly shards: number;
  /** Where each shard begins. */
  readonly start: string;
}

/** Where a shard stands; its document's key is `name/shard`. */
export interface CursorBody {
  readonly position: string;
  /** The log's epoch that the position is of. */
  readonly epoch: string;
  /** Who works on it: a new one for each claim. */
  readonly claim: string;
  readonly inherited: readonly Inherited[];
}

/** What was done when the subscription was divided in another way: the position of each shard that it had. */
export interface Inherited {
  readonly positions: readonly string[];
}

/** The key of a shard's document. */
export function cursorKey({ name, shard }: { readonly name: string; readonly shard: number }): string {
  return `${name}/${shard}`;
}

/** The documents of a subscription's shards, as far as they have been worked on: by shard. */
export async function shardCursors(from: DocSource, name: string): Promise<ReadonlyMap<number, CursorBody>> {
  const { docs: found } = await CURSORS.list(from, { prefix: `${name}/`, limit: 1_000 });
  // Documents of this namespace are written in this folder only.
  return new Map(found.map(({ key, body }) => [Number(key.slice(name.length + 1)), body as CursorBody]));
}

/** Locks a shard for whoever claims it, until the transaction ends: waits for who works on it, keeps off who divides anew. */
export async function lockShard(tx: Tx, of: CursorName): Promise<void> {
  await tx.query(`${ROWS} = $2 for share`, [NAMESPACE, of.name]);
  await tx.query(`${ROWS} = $2 for update`, [NAMESPACE, cursorKey(of)]);
}

/** Locks a whole subscription until the transaction ends: waits for all who work on it. */
export async function lockSubscription(tx: Tx, name: string): Promise<void> {
  await tx.query(`${ROWS} = $2 for update`, [NAMESPACE, name]);
  const shards = `${name}/`;
  await tx.query(`${ROWS} >= $2 and key < $3 order by key for update`, [NAMESPACE, shards, prefixEnd(shards)]);
}

/** The log's epoch, as the transaction sees it. */
export async function currentEpoch(tx: Tx): Promise<string> {
  const { rows } = await tx.query<{ epoch: string }>('select max(epoch)::text as epoch from fairlead_log_epoch');
  return rows[0]?.epoch ?? '0';
}
