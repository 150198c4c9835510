import { nearest } from '@fairlead/core';
import type { Contract } from '@fairlead/contract';
import type { SagaSet } from '@fairlead/events';
import type { ConfigShape } from './config.ts';
import type { ServiceDefinition } from './definition.ts';
import { fail } from './errors.ts';
import type { JobInputs } from './jobs.ts';
import { firstJobProblem } from './job-problems.ts';
import type { Uses } from './kit.ts';
import { parseRawRoute, routeShape } from './raw-route.ts';
import { isReserved } from './reserved-paths.ts';
import { firstViewProblem } from './view-problems.ts';

const MEMBERS = [
  'contract',
  'config',
  'uses',
  'database',
  'idempotency',
  'operations',
  'consumers',
  'jobs',
  'deferredCalls',
  'projections',
  'replicas',
  'sagas',
  'background',
  'routes',
];
const MIN_RETENTION_MS = 1_000;

/**
 * Defines a service: `export default defineService({ contract, config, uses, database, operations, consumers })`.
 * Types flow from the contract, `config` and `uses` into the handlers; nothing is generated. The result is frozen. Opens
 * nothing and reads nothing: `createService` does.
 * @throws MISCONFIGURED when the definition contradicts itself: an unknown member, a missing or unknown handler,
 * consumers or idempotency keys without a database, an alias that is not in `uses`, a path that the kit needs itself, a
 * raw route that is none or that an operation has.
 * The message names the service, the place and the nearest known name.
 */
export function defineService<
  const C extends Contract,
  // An empty shape is what "no config" and "uses nothing" mean: no key is known then.
  Config extends ConfigShape = {},
  U extends Uses = {},
  J extends JobInputs = {},
  S extends SagaSet = {},
>(definition: ServiceDefinition<C, Config, U, J, S>): ServiceDefinition<C, Config, U, J, S> {
  // Every definition can be looked at as one of some contract; the checks only compare names.
  const problem = firstProblem(definition as unknown as ServiceDefinition);
  if (problem !== undefined) throw fail('MISCONFIGURED', `${definition.contract.name}: ${problem}`);
  return Object.freeze(definition);
}

function firstProblem(definition: ServiceDefinition): string | undefined {
  const { contract, operations, consumers = {}, uses = {}, database, idempotency } = definition;
  const known = Object.keys(contract.operations);
  const member = Object.keys(definition).find((name) => !MEMBERS.includes(name));
  if (member !== undefined) return `defineService knows no "${member}"${meant(member, MEMBERS)}`;

  const missing = known.find((name) => typeof operations[name] !== 'function');
  if (missing !== undefined)
    return `operations.${missing} is not a function. The contract promises ${missing}; write its handler.`;
  const surplus = Object.keys(operations).find((name) => !known.includes(name));
  if (surplus !== undefined) return `operations.${surplus}: the contract has no such operation${meant(surplus, known)}`;

  for (const operation of Object.values(contract.operations)) {
    if (isReserved(operation.path))
      return `operation ${operation.name} has the path ${operation.path}, which every service answers itself. Choose another.`;
    if (operation.idempotencyKey !== undefined && database === undefined) {
      return `operation ${operation.name} takes an Idempotency-Key, which needs a database to keep answers in. Add database: { migrations }, or take idempotencyKey from the operation.`;
    }
  }
  if (database === undefined && Object.keys(contract.events).length > 0)
    return 'the contract has events, which are published from a database. Add database: { migrations }.';
  if (database === undefined && Object.keys(consumers).length > 0)
    return 'consumers need a database. Add database: { migrations }.';
  if (definition.background !== undefined && typeof definition.background !== 'function')
    return 'background is not a function. Write (kit) => …, with what the service does without being asked.';
  if (database === undefined && Object.keys(definition.sagas ?? {}).length > 0)
    return 'sagas are kept in a database. Add database: { migrations }.';
  const tenancy: unknown = database?.tenancy;
  if (tenancy !== undefined && tenancy !== 'rows')
    return `database.tenancy is ${JSON.stringify(tenancy)}. The only kind is 'rows'; leave it out for none.`;
  const retentionMs = idempotency?.retentionMs;
  if (retentionMs !== undefined && !(retentionMs >= MIN_RETENTION_MS))
    return `idempotency.retentionMs is ${retentionMs}; it is at least ${MIN_RETENTION_MS}.`;

  for (const [alias, handlers] of Object.entries(consumers)) {
    const source = Object.hasOwn(uses, alias) ? uses[alias] : undefined;
    if (source === undefined) return `consumers.${alias}: "${alias}" is not in uses${meant(alias, Object.keys(uses))}`;
    const types = Object.keys(source.events);
    const type = Object.keys(handlers ?? {}).find((name) => !types.includes(name));
    if (type !== undefined)
      return `consumers.${alias}["${type}"]: ${source.name} publishes no such event${meant(type, types)}`;
  }
  return firstJobProblem(definition) ?? firstViewProblem(definition) ?? firstRouteProblem(definition);
}

function firstRouteProblem({ contract, routes = {} }: ServiceDefinition): string | undefined {
  const shapes = new Map(Object.values(contract.operations).map((one) => [routeShape(one.method, one.path), one.name]));
  for (const [name, handler] of Object.entries(routes)) {
    const route = parseRawRoute(name);
    if (route === undefined)
      return `routes["${name}"] is no route. Write a method and a path, such as "GET /files/{name}".`;
    if (typeof handler !== 'function') return `routes["${name}"] is not a function. Write its handler.`;
    if (isReserved(route.path))
      return `routes["${name}"] has a path that every service answers itself. Choose another.`;
    const shape = routeShape(route.method, route.path);
    const taken = shapes.get(shape);
    if (taken !== undefined) return `routes["${name}"] answers what ${taken} answers already. Choose another path.`;
    shapes.set(shape, `routes["${name}"]`);
  }
  return undefined;
}

function meant(name: string, candidates: readonly string[]): string {
  const near = nearest(name, candidates);
  return near === undefined ? `. Known are: ${candidates.join(', ') || 'none'}.` : `. Did you mean "${near}"?`;
}
