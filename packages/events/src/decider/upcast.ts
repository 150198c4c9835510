import { fail } from '../errors.ts';
import type { Decider, DomainEvent } from './decider-types.ts';

/** What of a decider says how its events are read. */
export type EventReading = Pick<Decider<never, DomainEvent, unknown, unknown>, 'name' | 'upcast'>;

/** The schema version at which events of a type are written. */
export function currentVersion({ upcast }: EventReading, type: string): number {
  const lifts = Object.hasOwn(upcast, type) ? Object.keys(upcast[type] ?? {}) : [];
  return Math.max(0, ...lifts.map(Number)) + 1;
}

/**
 * The data of a stored event at its type's current schema version: lifted by one version after the other.
 * @throws EVENT_TOO_NEW, UPCASTER_FAILED
 */
export function upcast(
  decider: EventReading,
  { type, schemaVersion, data }: { readonly type: string; readonly schemaVersion: number; readonly data: unknown },
  place: string,
): unknown {
  const current = currentVersion(decider, type);
  if (schemaVersion === current) return data;
  if (schemaVersion > current)
    throw fail(
      'EVENT_TOO_NEW',
      `${place} is a ${type} of schema version ${schemaVersion}; this code knows up to ${current}. A newer release has written it: finish the rollout.`,
      { details: { type, schemaVersion, current } },
    );
  let lifted = data;
  for (let from = schemaVersion; from < current; from += 1) {
    const lift = decider.upcast[type]?.[from];
    if (lift === undefined)
      throw fail(
        'UPCASTER_FAILED',
        `${place} is a ${type} of schema version ${schemaVersion}, and decider "${decider.name}" has no upcaster from version ${from}. Add upcast["${type}"][${from}].`,
        { details: { type, schemaVersion, from } },
      );
    lifted = lifting(lift, lifted, { type, from, place });
  }
  return lifted;
}

function lifting(
  lift: (data: unknown) => unknown,
  data: unknown,
  { type, from, place }: { readonly type: string; readonly from: number; readonly place: string },
): unknown {
  let lifted: unknown;
  try {
    lifted = lift(data);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw fail('UPCASTER_FAILED', `${place}: upcast["${type}"][${from}] threw: ${why}`, {
      cause: error,
      details: { type, from },
    });
  }
  if (lifted === undefined || lifted instanceof Promise)
    throw fail('UPCASTER_FAILED', `${place}: upcast["${type}"][${from}] answered nothing. Return the lifted data.`, {
      details: { type, from },
    });
  return lifted;
}
