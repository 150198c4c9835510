import { append, type LoggedEvent, type Tx } from '@fairlead/store';
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

/**
 * Loads, decides, appends: two statements. An attempt that is lost has written nothing; in a transaction it holds the stream from
 * then on, so that the next one there isn't.
 * @throws what `handle` throws
 */
export async function attempt<Command, Event extends DomainEvent, State, Reason>(
  tx: Tx,
  decider: Decider<Command, Event, State, Reason>,
  { id, command }: { readonly id: string; readonly command: Command },
  { expect, contract, seal }: HandleOptions,
): Promise<Attempt<State, Reason>> {
  const loaded = await load(tx, decider, id, seal);
  const { stream, version } = loaded;
  if (!isAsExpected(version, expect)) return { kind: 'conflict', actual: version };
  const decision = decided(decider, command, loaded.state);
  if ('kind' in decision) return { ...decision, state: loaded.state, version };
  if (decision.length === 0) return standing(loaded, []);
  const facts = factsOf(decider, decision, { contract, id });
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

function isAsExpected(version: number, expect: ExpectedStream | undefined): boolean {
  if (expect === undefined) return true;
  if (expect === 'none') return version === 0;
  return expect === 'exists' ? version > 0 : version === expect;
}
