import { fail } from '../errors.ts';
import type { Decider, DomainEvent } from './decider-types.ts';
import { upcast } from './upcast.ts';

/** An event as it was stored. */
export interface StoredEvent {
  readonly version: number;
  readonly type: string;
  readonly schemaVersion: number;
  readonly data: unknown;
}

/**
 * The state after further events of a stream, which are lifted to today's schema; those to be ignored are passed over.
 * @throws EVENT_TYPE_UNKNOWN, EVENT_TOO_NEW, UPCASTER_FAILED, EVOLVE_FAILED; all name the stream, the version and the type
 */
export function fold<State>(
  decider: Decider<never, DomainEvent, State, unknown>,
  stream: string,
  state: State,
  events: readonly StoredEvent[],
): State {
  let folded = state;
  for (const event of events) {
    const { type, version } = event;
    if (decider.ignore.has(type)) continue;
    const place = `${stream}: event ${version}`;
    if (!Object.hasOwn(decider.evolve, type))
      throw fail(
        'EVENT_TYPE_UNKNOWN',
        `${place} is a ${type}, which decider "${decider.name}" doesn't know. Add it to evolve, or to ignore when it means nothing any more.`,
        { details: { stream, version, type } },
      );
    folded = evolved(decider, folded, { type, data: upcast(decider, event, place) }, place);
  }
  return folded;
}

/**
 * The state after one event of today's schema and a known type.
 * @throws EVOLVE_FAILED
 */
export function evolved<State>(
  decider: Decider<never, DomainEvent, State, unknown>,
  state: State,
  { type, data }: DomainEvent,
  place: string,
): State {
  let next: State | undefined;
  try {
    next = decider.evolve[type]?.(state, data);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw fail('EVOLVE_FAILED', `${place}: evolve["${type}"] of decider "${decider.name}" threw: ${why}`, {
      cause: error,
      details: { type },
    });
  }
  if (next === undefined || next instanceof Promise)
    throw fail(
      'EVOLVE_FAILED',
      `${place}: evolve["${type}"] of decider "${decider.name}" answered ${next === undefined ? 'nothing' : 'a promise'}. Return the state, changed or not.`,
      { details: { type } },
    );
  return next;
}
