import { readStream, streamTail, type DocSource, type PayloadSeal, type StreamTail } from '@fairlead/store';
import { fail } from '../errors.ts';
import type { Decider, DomainEvent } from './decider-types.ts';
import { streamOf } from './decider-stream.ts';
import { fold, type StoredEvent } from './fold.ts';

/** Where snapshots are: documents under the names of streams. */
export const SNAPSHOTS = 'fairlead.snapshot';

/** A stream and what it has come to. */
export interface Loaded<State> {
  readonly stream: string;
  readonly state: State;
  /** Version of the last event; 0 before the first. */
  readonly version: number;
  /** Position of the last event; 0n before the first. */
  readonly position: bigint;
  /** Events that were read: those since the snapshot. */
  readonly since: number;
  /** Their data, in bytes. */
  readonly bytes: number;
  /** Version of the snapshot's document, for who puts the next one; 0 when there is none. */
  readonly snapshotVersion: number;
}

/**
 * The present state of a stream, from its snapshot on, in one statement; two when its events are sealed.
 * @throws STREAM_INVALID, STREAM_TRIMMED, STREAM_SEALED, and what `fold` throws
 */
export async function load<State>(
  from: DocSource,
  decider: Decider<never, DomainEvent, State, unknown>,
  id: string,
  seal?: PayloadSeal,
): Promise<Loaded<State>> {
  const stream = streamOf(decider, from.ctx, id);
  const tail = await streamTail(from, stream, { namespace: SNAPSHOTS, fits: decider.fingerprint });
  const { version, snapshot, snapshotVersion } = tail;
  const events = await opened(from, stream, tail, seal);
  const after = snapshot?.version ?? 0;
  if (events.length < version - after) {
    const first = events[0]?.version ?? version + 1;
    throw fail(
      'STREAM_TRIMMED',
      `${stream}: events ${after + 1} to ${first - 1} were trimmed from the log, and no snapshot of decider "${decider.name}" as it is now has them. ` +
        'Restore them from the archive, or keep the log for as long as snapshots may have to be made anew.',
      { details: { stream, after, first } },
    );
  }
  // What a snapshot that fits has as its state was a state of this decider.
  const begin = snapshot === undefined ? decider.initial(id) : (snapshot.state as State);
  return {
    stream,
    state: fold(decider, stream, begin, events),
    version,
    position: tail.events.at(-1)?.position ?? BigInt(snapshot?.position ?? 0),
    since: events.length,
    bytes: tail.events.reduce((sum, { bytes }) => sum + bytes, 0),
    snapshotVersion,
  };
}

async function opened(
  from: DocSource,
  stream: string,
  { snapshot, version, events }: StreamTail,
  seal: PayloadSeal | undefined,
): Promise<readonly StoredEvent[]> {
  if (!events.some(({ sealed }) => sealed)) return events;
  const query = { after: snapshot?.version ?? 0, through: version, limit: events.length, seal };
  const read = await readStream(from, stream, query);
  for (const event of read) assertOpen(stream, event);
  return read;
}

/**
 * That what an event says can be read.
 * @throws STREAM_SEALED
 */
export function assertOpen(
  stream: string,
  { version, sealed }: { readonly version: number; readonly sealed?: 'opened' | 'closed' | 'shredded' },
): void {
  if (sealed === undefined || sealed === 'opened') return;
  throw fail(
    'STREAM_SEALED',
    sealed === 'closed'
      ? `${stream}: event ${version} is sealed. Give the seal that it was appended with.`
      : `${stream}: event ${version} is gone for good, for the keys of its tenant were destroyed.`,
    { details: { stream, version, sealed } },
  );
}
