import {
  docs,
  type Database,
  type DocSource,
  type StoreTelemetry,
  type StreamSnapshot,
  type Tx,
} from '@fairlead/store';
import type { Decider, DomainEvent } from './decider-types.ts';
import { SNAPSHOTS } from './load.ts';
import { unplainAt } from './plain-json.ts';

/** A state that is worth keeping. */
export interface NewSnapshot {
  readonly stream: string;
  readonly body: StreamSnapshot;
  /** Version of the document that it takes the place of; 0 for none. */
  readonly expected: number;
}

/** What a command has left behind. */
interface Standing {
  readonly stream: string;
  readonly state: unknown;
  readonly version: number;
  readonly position: bigint;
  /** Events since the last snapshot, and their bytes, before the command. */
  readonly since: number;
  readonly bytes: number;
  readonly snapshotVersion: number;
  /** Events that the command has appended. */
  readonly appended: number;
}

type SnapshotRules = Pick<Decider<never, DomainEvent, never, unknown>, 'name' | 'snapshot' | 'fingerprint'>;
type Telling = Pick<StoreTelemetry, 'log' | 'metrics'> | undefined;

const snapshots = docs(SNAPSHOTS);
/** Deciders whose states JSON can't keep, which was told once. */
const unkept = new WeakSet<object>();

/** The snapshot that is due after a command, if one is. */
export function dueSnapshot(
  decider: SnapshotRules,
  { stream, state, version, position, since, bytes, snapshotVersion, appended }: Standing,
): NewSnapshot | undefined {
  const { snapshot, fingerprint } = decider;
  if (snapshot === undefined || appended === 0 || unkept.has(decider)) return undefined;
  if (since + appended < snapshot.every && bytes < snapshot.bytes) return undefined;
  // Now and then, so that one that can't be kept, or that two releases keep taking from each other, costs little.
  const step = Math.max(1, Math.floor(snapshot.every / 10));
  if (Math.floor(version / step) === Math.floor((version - appended) / step)) return undefined;
  const body = { fits: fingerprint, version, position: position.toString(), state };
  return { stream, body, expected: snapshotVersion };
}

/**
 * Keeps a snapshot, in the caller's transaction under a savepoint, or in a statement of its own. Somebody else's that came first
 * stays. Never rejects: without it the stream is read from further back, that is all.
 */
export async function keepSnapshot(
  from: Tx | { readonly ctx: DocSource['ctx']; readonly database: Database },
  decider: SnapshotRules,
  { stream, body, expected }: NewSnapshot,
  telemetry: Telling,
): Promise<void> {
  const { ctx } = from;
  const unplain = unplainAt(body.state);
  if (unplain !== undefined) {
    unkept.add(decider);
    telemetry?.log.warn(
      ctx,
      `Decider "${decider.name}" has no snapshots: JSON would not give ${unplain} back as it is. Keep the state plain, or set snapshot: false.`,
      { stream },
    );
    return;
  }
  const put = (tx: Tx): Promise<unknown> =>
    snapshots.put(tx, stream, body, { expected: expected === 0 ? 'none' : expected });
  try {
    if ('database' in from) await from.database.tx(ctx, put, { autocommit: true });
    else await underSavepoint(from, put);
  } catch (error) {
    telemetry?.log.warn(ctx, `${stream}: its snapshot could not be kept; the stream is read from further back`, {
      error,
    });
  }
}

async function underSavepoint(tx: Tx, work: (tx: Tx) => Promise<unknown>): Promise<void> {
  await tx.query('savepoint fairlead_snapshot');
  try {
    await work(tx);
  } catch (error) {
    await tx.query('rollback to savepoint fairlead_snapshot');
    throw error;
  } finally {
    await tx.query('release savepoint fairlead_snapshot');
  }
}
