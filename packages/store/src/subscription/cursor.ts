import { uuidV7, type Context } from '@fairlead/core';
import type { Database, Tx } from '../database.ts';
import { fail } from '../errors.ts';
import type { Lease } from '../lease/lease-types.ts';
import {
  currentEpoch,
  cursorKey,
  CURSORS,
  lockShard,
  type CursorBody,
  type CursorName,
  type HeadBody,
  type Inherited,
} from './cursor-doc.ts';

/** A shard's cursor in the hands of who claimed it. */
export interface Cursor {
  readonly position: bigint;
  readonly epoch: string;
  readonly claim: string;
  /** The document's version: whoever knows it may move the cursor. */
  readonly version: number;
  readonly inherited: readonly Inherited[];
}

/**
 * Takes a shard over: from then on nobody commits who has claimed it before. A transaction of theirs that has begun to move
 * the cursor is waited for.
 * @throws LEASE_LOST; SUBSCRIPTION_SHARDS; CURSOR_MOVED when another one claims it at the same time
 */
export function claimCursor(
  ctx: Context,
  database: Database,
  of: CursorName & { readonly from: 'start' | 'end' | bigint },
  lease: Lease | undefined,
): Promise<Cursor> {
  return database.tx(ctx, async (tx) => {
    await lease?.guard(tx);
    await lockShard(tx, of);
    const key = cursorKey(of);
    const found = await CURSORS.getMany(tx, [of.name, key]);
    // Documents of this namespace are written in this folder only.
    const head = (found.get(of.name)?.body as HeadBody | undefined) ?? (await begin(tx, of));
    if (head.shards !== of.shards) throw otherShards(of, head.shards);
    const doc = found.get(key);
    const body = (doc?.body as CursorBody | undefined) ?? {
      position: head.start,
      epoch: await currentEpoch(tx),
      inherited: [],
    };
    const claimed = { ...body, claim: uuidV7(ctx) };
    const put = await CURSORS.put(tx, key, claimed, { expected: doc?.version ?? 'none' });
    if (put.kind === 'conflict') throw moved(of);
    return { ...claimed, position: BigInt(body.position), version: put.version };
  });
}

/**
 * Moves a cursor; the first statement of the transaction that does what it passes, so that one who has lost the shard does
 * nothing at all. Resolves to the cursor for the next time, valid when the transaction has committed.
 * @throws CURSOR_MOVED when somebody else has claimed the shard
 */
export async function moveCursor(tx: Tx, of: CursorName, cursor: Cursor, position: bigint): Promise<Cursor> {
  const inherited = cursor.inherited.filter(({ positions }) => positions.some((each) => BigInt(each) > position));
  const { claim, epoch } = cursor;
  const body = { position: position.toString(), epoch, claim, inherited } satisfies CursorBody;
  const put = await CURSORS.put(tx, cursorKey(of), body, { expected: cursor.version });
  if (put.kind === 'conflict') throw moved(of);
  return { position, epoch, claim, inherited, version: put.version };
}

async function begin(tx: Tx, of: CursorName & { readonly from: 'start' | 'end' | bigint }): Promise<HeadBody> {
  const start = of.from === 'end' ? await endOfLog(tx) : of.from === 'start' ? await startOfLog(tx) : of.from;
  const head: HeadBody = { shards: of.shards, start: start.toString() };
  const put = await CURSORS.put(tx, of.name, head, { expected: 'none' });
  if (put.kind === 'put') return head;
  // Another shard's claim has begun it meanwhile. Documents of this namespace are written in this folder only.
  return ((await CURSORS.get(tx, of.name))?.body as HeadBody | undefined) ?? head;
}

async function startOfLog(tx: Tx): Promise<bigint> {
  const { rows } = await tx.query<{ through: string }>('select through::text as through from fairlead_log_trim');
  return BigInt(rows[0]?.through ?? 0);
}

async function endOfLog(tx: Tx): Promise<bigint> {
  const { rows } = await tx.query<{ position: string }>(
    'select coalesce(max(position), 0)::text as position from fairlead_log',
  );
  return BigInt(rows[0]?.position ?? 0);
}

function moved(of: CursorName): Error {
  return fail(
    'CURSOR_MOVED',
    `Subscription "${of.name}": shard ${of.shard} is worked on by somebody else since; what was under way here was undone.`,
  );
}

function otherShards(of: CursorName, shards: number): Error {
  return fail(
    'SUBSCRIPTION_SHARDS',
    `Subscription "${of.name}" is divided into ${shards} shards, not ${of.shards}. ` +
      `Give shards: ${shards}, or divide it anew with reshard.`,
  );
}
