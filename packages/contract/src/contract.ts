import type { EventDefinition, EventDefinitions, EventType, EventTypes } from './event.ts';
import type { Operation, OperationDefinition, OperationDefinitions, Operations } from './operation.ts';

// Map: `operation.ts` and `event.ts` are what a contract is written with, this file puts them together and
// `inference.ts` reads types off it. `carriable.ts` refuses schemas that JSON can't carry.
// `call.ts`, `answer.ts` and `event-data.ts` encode and decode; `strict-schema.ts` is how a server reads,
// `tolerant-schema.ts` how everybody else does. `path-template.ts` and `query.ts` know URLs.
// `openapi.ts` and `asyncapi.ts` render documents, on `components.ts`.

/** What a service promises: operations and event types. Frozen. */
export interface Contract<Ops extends Operations = Operations, Evs extends EventTypes = EventTypes> {
  readonly name: string;
  readonly version: string;
  readonly description: string | undefined;
  readonly operations: Ops;
  readonly events: Evs;
}

/** Definitions, each with its name. */
export type BoundOperations<Ops extends OperationDefinitions> = {
  readonly [K in keyof Ops]: Ops[K] extends OperationDefinition<infer In, infer Out, infer Errors>
    ? Operation<In, Out, Errors>
    : never;
};

/** Definitions, each with its name. */
export type BoundEvents<Evs extends EventDefinitions> = {
  readonly [K in keyof Evs]: Evs[K] extends EventDefinition<infer Data> ? EventType<Data> : never;
};

/** What `defineContract` takes. */
export interface ContractOptions<Ops extends OperationDefinitions, Evs extends EventDefinitions> {
  /** Lower-case letters, digits and dashes; the service's name. */
  readonly name: string;
  /** Semantic version of the contract, such as `1.0.0`. */
  readonly version: string;
  /** For people. */
  readonly description?: string;
  /** By name, in camelCase. */
  readonly operations: Ops;
  /** By type, such as `order.placed`. Default: none. */
  readonly events?: Evs;
}

/**
 * A contract from its operations and event types, checked and frozen.
 *
 * @throws INVALID_CONTRACT with contract, operation or event, and JSON path, when a schema holds what JSON can't carry,
 *   two operations share a route, a path names a member that the input has not, or a name is malformed
 */
export function defineContract<const Ops extends OperationDefinitions, const Evs extends EventDefinitions = {}>(
  options: ContractOptions<Ops, Evs>,
): Contract<BoundOperations<Ops>, BoundEvents<Evs>> {
  const { name, version, description } = options;
  const operations = Object.fromEntries(
    Object.entries(options.operations).map(([key, value]) => [key, Object.freeze({ ...value, name: key, contract: name })]),
  );
  const events = Object.fromEntries(
    Object.entries(options.events ?? {}).map(([key, value]) => [key, Object.freeze({ ...value, name: key, contract: name })]),
  );
  return Object.freeze({
    name,
    version,
    description,
    // Each definition got its name and nothing else, which is what the mapped types say.
    operations: Object.freeze(operations) as unknown as BoundOperations<Ops>,
    events: Object.freeze(events) as unknown as BoundEvents<Evs>,
  });
}
