import { deepStrictEqual, fail as assertionFailed } from 'node:assert/strict';
import { isDeepStrictEqual } from 'node:util';
import type { Decider, DomainEvent } from '../decider/decider-types.ts';
import { decided } from '../decider/decision.ts';
import { evolved } from '../decider/fold.ts';

/** What has happened already. */
export interface Given<Command, Event extends DomainEvent, State, Reason> {
  /** Gives the command, once. */
  when(command: Command): When<Event, State, Reason>;
}

/** What a command came to, as data. */
export type Outcome<Event, State, Reason> =
  | { readonly kind: 'decided'; readonly events: readonly Event[]; readonly state: State }
  | { readonly kind: 'rejected'; readonly reason: Reason; readonly state: State }
  | { readonly kind: 'threw'; readonly error: unknown };

/** What a command came to, to be checked. Each check throws an AssertionError when it is not so, and gives itself back. */
export interface When<Event extends DomainEvent, State, Reason> {
  readonly outcome: Outcome<Event, State, Reason>;
  /** These events, in this order, and no others. */
  thenEvents(...events: readonly Event[]): When<Event, State, Reason>;
  /** Nothing happens. */
  thenNothing(): When<Event, State, Reason>;
  /** The state after it. */
  thenState(state: State): When<Event, State, Reason>;
  /** It is rejected, for this reason. */
  thenRejected(reason: Reason): When<Event, State, Reason>;
  /** It throws: an error with this code, or one of which this holds. */
  thenThrows(what: string | ((error: unknown) => boolean)): When<Event, State, Reason>;
}

/**
 * A decider's test without a database: `given(Order, …events).when(command).thenEvents(…)`. Events and states go through JSON, as they
 * would through the log. The id is `given`.
 * @throws EVOLVE_FAILED when the events given can't have happened
 */
export function given<Command, Event extends DomainEvent, State, Reason>(
  decider: Decider<Command, Event, State, Reason>,
  ...events: readonly Event[]
): Given<Command, Event, State, Reason> {
  const state = after(decider, decider.initial('given'), events);
  return {
    when: (command) => checks(outcomeOf(decider, command, state)),
  };
}

/**
 * What a command comes to in a state.
 * @throws EVOLVE_FAILED
 */
export function outcomeOf<Command, Event extends DomainEvent, State, Reason>(
  decider: Decider<Command, Event, State, Reason>,
  command: Command,
  state: State,
): Outcome<Event, State, Reason> {
  let decision;
  try {
    decision = decided(decider, command, state);
  } catch (error) {
    return { kind: 'threw', error };
  }
  if ('kind' in decision) return { ...decision, state };
  const events = decision.map((event) => stored(event));
  return { kind: 'decided', events, state: after(decider, state, events) };
}

/** An event as it comes back from the log. */
function stored<Event extends DomainEvent>(event: Event): Event {
  // The same type, as far as it is JSON; what isn't is what is to be found.
  return { ...event, data: JSON.parse(JSON.stringify(event.data ?? null)) as Event['data'] };
}

function after<Command, Event extends DomainEvent, State, Reason>(
  decider: Decider<Command, Event, State, Reason>,
  state: State,
  events: readonly Event[],
): State {
  let next = state;
  for (const [index, event] of events.entries())
    next = evolved(decider, next, stored(event), `given: event ${index + 1}`);
  return next;
}

function checks<Event extends DomainEvent, State, Reason>(
  outcome: Outcome<Event, State, Reason>,
): When<Event, State, Reason> {
  const not = (expected: string): never =>
    outcome.kind === 'threw'
      ? assertionFailed(new Error(`Expected ${expected}; decide threw.`, { cause: outcome.error }))
      : assertionFailed(`Expected ${expected}; it was ${outcome.kind}: ${JSON.stringify(outcome)}`);
  const self: When<Event, State, Reason> = {
    outcome,
    thenEvents(...events) {
      if (outcome.kind !== 'decided') not('events');
      else deepStrictEqual(outcome.events, events);
      return self;
    },
    thenNothing: () => self.thenEvents(),
    thenState(state) {
      if (outcome.kind === 'threw') not('a state');
      else deepStrictEqual(outcome.state, state);
      return self;
    },
    thenRejected(reason) {
      if (outcome.kind !== 'rejected') not('a rejection');
      else deepStrictEqual(outcome.reason, reason);
      return self;
    },
    thenThrows(what) {
      if (outcome.kind !== 'threw') return not('an error');
      const { error } = outcome;
      const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
      if (typeof what === 'string' ? !isDeepStrictEqual(code, what) : !what(error)) throw error;
      return self;
    },
  };
  return self;
}
