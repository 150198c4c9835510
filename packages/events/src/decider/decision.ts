import { fail } from '../errors.ts';
import type { Decider, DomainEvent, Rejection } from './decider-types.ts';

/**
 * What a command comes to in a state: the events, in order, or why not.
 * @throws DECISION_INVALID; what `decide` throws
 */
export function decided<Command, Event extends DomainEvent, State, Reason>(
  decider: Decider<Command, Event, State, Reason>,
  command: Command,
  state: State,
): readonly Event[] | Rejection<Reason> {
  const decision: unknown = decider.decide(command, state);
  // Its type says what it is; the checks are for whoever got around the type.
  if (isRejection(decision)) return decision as Rejection<Reason>;
  const events: readonly unknown[] = Array.isArray(decision) ? decision : [decision];
  for (const event of events) {
    const type = typeof event === 'object' && event !== null && 'type' in event ? event.type : undefined;
    if (typeof type === 'string' && Object.hasOwn(decider.evolve, type)) continue;
    throw fail(
      'DECISION_INVALID',
      `decide of "${decider.name}" answered ${told(event)}. Return an event of a type in evolve (${Object.keys(decider.evolve).join(', ')}), several, [] for none, or rejected(reason).`,
    );
  }
  return events as readonly Event[];
}

function isRejection(decision: unknown): boolean {
  return (
    typeof decision === 'object' &&
    decision !== null &&
    'kind' in decision &&
    decision.kind === 'rejected' &&
    !('type' in decision)
  );
}

function told(event: unknown): string {
  if (event instanceof Promise) return 'a promise, and may not wait for anything: have the answer in the command';
  if (event === null) return 'null';
  if (typeof event !== 'object') return event === undefined ? 'nothing' : `a ${typeof event}`;
  return 'type' in event ? `an event of type ${JSON.stringify(event.type)}` : 'an object without a type';
}
