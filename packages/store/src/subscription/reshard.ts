import { FairleadError } from '@fairlead/core';
import type { Tx } from '../database.ts';
import {
  currentEpoch,
  cursorKey,
  CURSORS,
  lockSubscription,
  shardCursors,
  type CursorBody,
  type HeadBody,
} from './cursor-doc.ts';
import { shardOf } from './event-filter.ts';
import { moveParked } from './parked-events.ts';

/**
 * Divides a subscription into another number of shards (1 to 256), in the caller's transaction. Whoever works on an old shard
 * is refused from then on; a batch that is about to commit is waited for. Processes that give the new number of `shards` go on
 * where the old shards stood, each event still handled once. Nothing happens when there is no such subscription yet. In a database
 * with tenancy the transaction is one of `acrossTenants(database)`.
 * @throws MISCONFIGURED for a number out of range
 */
export async function reshard(tx: Tx, name: string, shards: number): Promise<void> {
  if (!Number.isInteger(shards) || shards < 1 || shards > 256)
    throw new FairleadError(
      'internal',
      'MISCONFIGURED',
      `reshard("${name}"): shards is ${shards}; give a whole number from 1 to 256.`,
    );
  await lockSubscription(tx, name);
  // Documents of this namespace are written in this folder only.
  const head = (await CURSORS.get(tx, name))?.body as HeadBody | undefined;
  if (head === undefined || head.shards === shards) return;
  const old = await shardCursors(tx, name);
  const positions = Array.from({ length: head.shards }, (_, shard) => old.get(shard)?.position ?? head.start);
  // A division before the last one may not be worked off either; its shards all had it.
  const before = [...old.values()].map(({ inherited }) => inherited).toSorted((a, b) => b.length - a.length)[0] ?? [];
  const body: CursorBody = {
    position: positions.reduce(least),
    epoch: [...old.values()].map(({ epoch }) => epoch).reduce(least, await currentEpoch(tx)),
    claim: '',
    inherited: [{ positions }, ...before],
  };
  for (const shard of old.keys()) if (shard >= shards) await CURSORS.delete(tx, cursorKey({ name, shard }));
  await CURSORS.put(tx, name, { ...head, shards } satisfies HeadBody);
  await CURSORS.putMany(
    tx,
    Array.from({ length: shards }, (_, shard) => ({ key: cursorKey({ name, shard }), body })),
  );
  await moveParked(tx, name, (key) => shardOf(key, shards));
}

function least(a: string, b: string): string {
  return BigInt(b) < BigInt(a) ? b : a;
}
