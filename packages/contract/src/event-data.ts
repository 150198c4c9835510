import { nearest } from '@fairlead/core';
import { compiled } from './compiled.ts';
import type { Contract } from './contract.ts';
import { fail } from './errors.ts';
import type { EventType } from './event.ts';
import type { EventData, EventName, ReceivedData } from './inference.ts';
import { check, summarize } from './issues.ts';
import { tolerantSchema } from './tolerant-schema.ts';

/** An event's facts, ready for the log. */
export interface EncodedEvent {
  readonly type: string;
  readonly schemaVersion: number;
  /** The value of the member that orders it; never empty. */
  readonly key: string;
  /** JSON value, a copy. */
  readonly data: unknown;
}

const writerOf = compiled((event: EventType) => event.data);
const readerOf = compiled((event: EventType) => tolerantSchema(event.data));

/**
 * An event's data as a JSON value, with defaults filled in. Members that the contract does not list are left out.
 *
 * @throws UNKNOWN_EVENT when the contract has no such type
 * @throws INVALID_EVENT when the data does not fit or its key is empty: a bug of the producer. `details.issues` says where
 */
export function encodeEvent<C extends Contract, Type extends EventName<C>>(
  contract: C,
  type: Type,
  data: EventData<C, Type>,
): EncodedEvent {
  const event = eventOf(contract, type);
  const checked = check(writerOf(event), data);
  if (checked.kind === 'unfit') {
    const { issues } = checked;
    throw fail(
      'INVALID_EVENT',
      `${contract.name} published a ${type} that its contract does not allow: ${summarize(issues)}.`,
      {
        details: { issues },
      },
    );
  }
  // Through text, so that a member that is there but undefined is gone, as it will be for every reader. `data` is an object.
  const value = JSON.parse(JSON.stringify(checked.value)) as Readonly<Record<string, unknown>>;
  const key = String(value[event.key]);
  if (key === '') {
    throw fail(
      'INVALID_EVENT',
      `${contract.name} published a ${type} whose key $.${event.key} is empty, so nothing could order it.`,
      {
        details: { issues: [{ path: `$.${event.key}`, message: 'is empty' }] },
      },
    );
  }
  return { type, schemaVersion: event.version, key, data: value };
}

/**
 * An event's data as a consumer reads it. Tolerant: further members are dropped, values that an enum does not list pass
 * as they are, members with a default may be missing.
 *
 * @throws UNKNOWN_EVENT when the contract has no such type
 * @throws INVALID_EVENT when the data does not fit even so. `details.issues` says where
 */
export function decodeEvent<C extends Contract, Type extends EventName<C>>(
  contract: C,
  type: Type,
  data: unknown,
): ReceivedData<C, Type> {
  const event = eventOf(contract, type);
  const checked = check(readerOf(event), data);
  if (checked.kind === 'unfit') {
    const { issues } = checked;
    throw fail(
      'INVALID_EVENT',
      `A ${type} of ${contract.name} holds what its contract does not allow: ${summarize(issues)}. Compare the versions of the contract on both sides.`,
      { details: { issues } },
    );
  }
  // It came out of the tolerant reading of the event's own data.
  return checked.value as ReceivedData<C, Type>;
}

function eventOf(contract: Contract, type: string): EventType {
  const event = Object.hasOwn(contract.events, type) ? contract.events[type] : undefined;
  if (event) return event;
  const guess = nearest(type, Object.keys(contract.events));
  const hint =
    guess === undefined ? `It has ${Object.keys(contract.events).join(', ') || 'none'}.` : `Did you mean ${guess}?`;
  throw fail('UNKNOWN_EVENT', `${contract.name} has no event ${type}. ${hint}`);
}
