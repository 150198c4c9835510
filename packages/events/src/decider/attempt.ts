import { uuidV7 } from '@fairlead/core';
import { append, readStream, type LoggedEvent, type PayloadSeal, type Tx } from '@fairlead/store';
import { fail } from '../errors.ts';
import type { Decider, DomainEvent } from './decider-types.ts';
import { decided } from './decision.ts';
import { factsOf } from './facts.ts';
import { evolved } from './fold.ts';
import type { Decided, ExpectedStream, HandleOptions, RejectedCommand, StreamConflict } from './handle-types.ts';
import { load, type Loaded } from './load.ts';
import { dueSnapshot, type NewSnapshot } from './snapshot.ts';

/** What came of one attempt; `lost` when somebody else has appended in between. */
export type Attempt<State, Reason> =
  | { readonly kind: 'lost' }
  | StreamConflict
  | RejectedCommand<Reason, State>
  | (Decided<State> & { readonly snapshot: NewSnapshot | undefined });

/** An append of which nobody knows whether it has happened. */
export interface Doubt<State> {
  /** The version that it was to follow: no other append can follow it as well. */
  readonly version: number;
  readonly ids: readonly string[];
  /** The state after it. */
  readonly state: State;
}

/** A command, and what was made of it before. */
export interface Given<Command, State> {
  readonly id: string;
  readonly command: Command;
  /** Earlier appends of the same command. */
  readonly doubts: readonly Doubt<State>[];
  /** Hears of an append before it is sent. */
  readonly onAppend: (append: Doubt<State>) => void;
}

/**
 * Loads, decides, appends: two statements. An attempt that is lost has written nothing; in a transaction it holds the stream from
 * then on, so that the next one there isn't.
 * @throws what `handle` throws
 */
export async function attempt<Command, Event extends DomainEvent, State, Reason>(
  tx: Tx,
  decider: Decider<Command, Event, State, Reason>,
  { id, command, doubts, onAppend }: Given<Command, State>,
  { expect, contract, seal }: HandleOptions,
): Promise<Attempt<State, Reason>> {
  const loaded = await load(tx, decider, id, seal);
  const { stream, version } = loaded;
  const known = await happened(tx, loaded, doubts, seal);
  if (known !== undefined) return known;
  if (!isAsExpected(version, expect)) return { kind: 'conflict', actual: version };
  const decision = decided(decider, command, loaded.state);
  if ('kind' in decision) return { ...decision, state: loaded.state, version };
  if (decision.length === 0) return standing(loaded, []);
  const facts = factsOf(decider, decision, { contract, id }).map((fact) => ({ ...fact, id: uuidV7(tx.ctx) }));
  const published = seal === undefined ? undefined : facts.find((fact) => fact.private !== true);
  if (published !== undefined)
    throw fail(
      'MISCONFIGURED',
      `decider "${decider.name}": ${published.type} is in the contract of ${contract?.name}, but what is sealed is not published. Handle without seal, or take the event from the contract.`,
    );
  // Before the append: events that the decider can't read itself never get into its stream.
  let { state } = loaded;
  for (const [index, { type, data }] of facts.entries())
    state = evolved(decider, state, { type, data }, `${stream}: event ${version + index + 1}`);
  onAppend({ version, ids: facts.map((fact) => fact.id), state });
  const result = await append(tx, stream, version, facts, { seal });
  if (result.kind === 'conflict') return { kind: 'lost' };
  const after = standing({ ...loaded, state }, result.events);
  // Ciphertext in the log would be for nothing if its state lay beside it in the clear.
  const snapshot =
    seal === undefined ? dueSnapshot(decider, { ...loaded, ...after, appended: facts.length }) : undefined;
  return { ...after, snapshot };
}

function standing<State>(loaded: Loaded<State>, events: readonly LoggedEvent[]) {
  const last = events.at(-1);
  return {
    kind: 'decided',
    state: loaded.state,
    version: last?.version ?? loaded.version,
    position: last?.position ?? loaded.position,
    events,
    snapshot: undefined,
  } as const;
}

/**
 * What an earlier append of the command has come to, if it has happened after all. One that follows the version which the stream still
 * has may yet happen: then the next append at that version is lost, and this is asked again.
 */
async function happened<State>(
  tx: Tx,
  { stream, version }: Loaded<State>,
  doubts: readonly Doubt<State>[],
  seal: PayloadSeal | undefined,
): Promise<(Decided<State> & { readonly snapshot: undefined }) | undefined> {
  for (const doubt of doubts) {
    if (doubt.version >= version) continue;
    const events = await readStream(tx, stream, { after: doubt.version, limit: doubt.ids.length, seal });
    const last = events.at(-1);
    if (last !== undefined && last.id === doubt.ids.at(-1))
      return {
        kind: 'decided',
        state: doubt.state,
        version: last.version,
        position: last.position,
        events,
        snapshot: undefined,
      };
  }
  return undefined;
}

function isAsExpected(version: number, expect: ExpectedStream | undefined): boolean {
  if (expect === undefined) return true;
  if (expect === 'none') return version === 0;
  return expect === 'exists' ? version > 0 : version === expect;
}
