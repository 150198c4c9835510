import { encodeEvent, type Contract, type EventData } from '@fairlead/contract';
import type { NewEvent } from '@fairlead/store';
import { fail } from '../errors.ts';
import type { DomainEvent } from './decider-types.ts';
import { currentVersion, type EventReading } from './upcast.ts';

/** Where events go. */
export interface FactOptions {
  /** What the service promises: events of its types are published. */
  readonly contract: Contract | undefined;
  /** What orders private events. */
  readonly id: string;
}

/**
 * Decided events as the log takes them, with data as every reader will have it. Those whose type the contract has are as it says
 * and public; all others are private.
 * @throws INVALID_EVENT when the contract doesn't allow the data; DECISION_INVALID when it is not JSON, or has what the contract
 *   would leave out; MISCONFIGURED when decider and contract disagree on the schema version
 */
export function factsOf(
  decider: EventReading,
  events: readonly DomainEvent[],
  { contract, id }: FactOptions,
): readonly NewEvent[] {
  return events.map(({ type, data }) => {
    const schemaVersion = currentVersion(decider, type);
    if (contract === undefined || !Object.hasOwn(contract.events, type))
      return { type, schemaVersion, key: id, data: jsonCopy(decider.name, type, data), private: true };
    // Whether it is what the type has is what encodeEvent finds out.
    const fact = encodeEvent(contract, type, data as EventData<Contract, string>);
    if (fact.schemaVersion !== schemaVersion)
      throw fail(
        'MISCONFIGURED',
        `${contract.name}: the contract has ${type} at schema version ${fact.schemaVersion}, decider "${decider.name}" at ${schemaVersion}. ` +
          `Give upcast["${type}"] a function from each version below ${fact.schemaVersion}, or the event the version that is meant.`,
      );
    const lost = lostAt(jsonCopy(decider.name, type, data), fact.data, '$');
    if (lost !== undefined)
      throw fail(
        'DECISION_INVALID',
        `decide of "${decider.name}" answered a ${type} with ${lost}, which the contract of ${contract.name} leaves out: it would be gone for the decider, too. ` +
          'Add it to the contract, or say it by an event of its own, which stays in the service.',
        { details: { type, path: lost } },
      );
    return fact;
  });
}

/** Where a value has a member that another lacks; `undefined` when it has none. */
function lostAt(value: unknown, kept: unknown, path: string): string | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  for (const [name, member] of Object.entries(value)) {
    const at = Array.isArray(value) ? `${path}[${name}]` : `${path}.${name}`;
    if (typeof kept !== 'object' || kept === null || !Object.hasOwn(kept, name)) return at;
    // What `hasOwn` has found can be asked for by name.
    const lost = lostAt(member, (kept as Readonly<Record<string, unknown>>)[name], at);
    if (lost !== undefined) return lost;
  }
  return undefined;
}

function jsonCopy(name: string, type: string, data: unknown): unknown {
  let json: string | undefined;
  let why = `(${typeof data})`;
  try {
    // Typed as string, yet undefined for what JSON has no word for.
    json = JSON.stringify(data);
  } catch (error) {
    why = error instanceof Error ? error.message : String(error);
  }
  if (json === undefined)
    throw fail('DECISION_INVALID', `decide of "${name}" answered a ${type} with data that is not JSON: ${why}`);
  return JSON.parse(json);
}
