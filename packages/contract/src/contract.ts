import type { EventDefinition, EventDefinitions, EventType, EventTypes } from './event.ts';
import { assertEvent, assertNames, assertOperation, assertRoutes } from './rules.ts';
import type { Operation, OperationDefinition, OperationDefinitions, Operations } from './operation.ts';

// Map: `operation.ts` and `event.ts` are what a contract is written with; this file puts them together, `rules.ts` says
// what is refused (`carriable.ts`: what JSON can't carry) and `inference.ts` reads types off the result.
// `call.ts`, `answer.ts`, `event-data.ts` and `job-input.ts` encode and decode; `strict-schema.ts` is how a server reads and
// `tolerant-schema.ts` how everybody else does, both on `schema.ts` and
// through `compiled.ts`; `issues.ts` says what does not fit.
// `declared-error.ts` throws and tells apart the codes that an operation declares.
// `carriage.ts` knows which member travels where, `path-template.ts`, `query.ts` and `route.ts` know URLs.
// `described-operation.ts` reads an operation back from a document; `openapi.ts` and `asyncapi.ts` render them, with schemas from `components.ts`,
// refusals from `problem-responses.ts` and what they share from `document.ts`.

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
  /** The service's name: lower-case letters, digits and dashes. */
  readonly name: string;
  /** Semantic version of the contract, such as `1.0.0`. */
  readonly version: string;
  /** For people. Default: none. */
  readonly description?: string;
  /** By name, in camelCase. */
  readonly operations: Ops;
  /** By type: lower-case words with dots between, such as `order.placed`. Default: none. */
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
  assertNames(options);
  const operations = named<OperationDefinition>(options.operations, name);
  const events = named<EventDefinition>(options.events ?? {}, name);
  for (const operation of Object.values(operations)) assertOperation(operation);
  for (const event of Object.values(events)) assertEvent(event);
  assertRoutes(name, Object.values(operations));
  return Object.freeze({
    name,
    version,
    description,
    // Each definition got its name and its contract's and nothing else, which is what the mapped types say.
    operations: operations as unknown as BoundOperations<Ops>,
    events: events as unknown as BoundEvents<Evs>,
  });
}

function named<Definition extends object>(
  definitions: Readonly<Record<string, Definition>>,
  contract: string,
): Readonly<Record<string, Definition & { readonly name: string; readonly contract: string }>> {
  const entries = Object.entries(definitions);
  return Object.freeze(
    Object.fromEntries(entries.map(([name, value]) => [name, Object.freeze({ ...value, name, contract })])),
  );
}
