import { deepStrictEqual } from 'node:assert/strict';
import type { Decider, DomainEvent } from '../decider/decider-types.ts';
import { unplainAt } from '../decider/plain-json.ts';
import { outcomeOf, type Outcome } from './given.ts';

/** What holds of a decider, whatever it is asked. */
export interface CommandSequenceOptions<Event extends DomainEvent, State, Reason> {
  /** Throws when a state can't be, after whatever has happened so far. Default: every state can. */
  readonly invariant?: (state: State, events: readonly Event[]) => void;
  /** Throws when a command may not have come to this. Default: it may. */
  readonly each?: (before: State, outcome: Outcome<Event, State, Reason>) => void;
}

/**
 * Gives a decider one command after the other and checks, after each, what you say and what is true of every decider: `decide` and
 * `evolve` give the same for the same and change nothing in place; the events make the state again; and a snapshot of it can be kept,
 * unless the decider has none. Resolves nothing, needs no database; hand it sequences of a generator such as fast-check:
 *
 * `fc.assert(fc.property(fc.array(command), (commands) => void commandSequence(Account, commands, { invariant })))`
 * @returns the state in the end and all that has happened
 * @throws AssertionError, whatever `invariant`, `each` or `decide` throws, EVOLVE_FAILED
 */
export function commandSequence<Command, Event extends DomainEvent, State, Reason>(
  decider: Decider<Command, Event, State, Reason>,
  commands: readonly Command[],
  { invariant, each }: CommandSequenceOptions<Event, State, Reason> = {},
): { readonly state: State; readonly events: readonly Event[] } {
  const happened: Event[] = [];
  let state = decider.initial('given');
  invariant?.(state, happened);
  for (const command of commands) {
    const before = structuredClone(state);
    const outcome = outcomeOf(decider, command, state);
    if (outcome.kind === 'threw') throw outcome.error;
    deepStrictEqual(state, before, `decide or evolve of "${decider.name}" changed the state in place`);
    deepStrictEqual(
      outcomeOf(decider, command, structuredClone(state)),
      outcome,
      `decide or evolve of "${decider.name}" gave something else for the same`,
    );
    each?.(before, outcome);
    ({ state } = outcome);
    if (outcome.kind === 'decided') happened.push(...outcome.events);
    if (decider.snapshot !== undefined) assertKept(decider.name, state);
    invariant?.(state, happened);
  }
  return { state, events: happened };
}

function assertKept(name: string, state: unknown): void {
  const unplain = unplainAt(state);
  deepStrictEqual(unplain, undefined, `a snapshot of "${name}" would not have ${unplain} as it is`);
}
