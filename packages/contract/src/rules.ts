import { CORE_ERRORS } from '@fairlead/core';
import { assertCarriable, isText } from './carriable.ts';
import { carriageOf } from './carriage.ts';
import { CONTRACT_ERRORS, fail } from './errors.ts';
import type { EventType } from './event.ts';
import { assertOptions } from './known-options.ts';
import type { Operation } from './operation.ts';

const CONTRACT_OPTIONS = ['name', 'version', 'description', 'operations', 'events'];
const METHODS = new Set(['GET', 'POST', 'PUT', 'PATCH', 'DELETE']);

/**
 * Checks a contract's own names.
 * @throws INVALID_CONTRACT
 */
export function assertNames(options: {
  readonly name: string;
  readonly version: string;
  readonly operations: object;
  readonly events?: object;
}): void {
  const { name, version } = options;
  if (!/^[a-z][a-z0-9-]*$/.test(name)) {
    throw fail(
      'INVALID_CONTRACT',
      `Contract name "${name}" is not lower-case letters, digits and dashes, beginning with a letter.`,
    );
  }
  assertOptions(options, CONTRACT_OPTIONS, `contract ${name}`);
  if (!/^\d+\.\d+\.\d+(?:[-+][\w.+-]+)?$/.test(version)) {
    throw fail('INVALID_CONTRACT', `${name}: version "${version}" is not a semantic version such as 1.0.0.`);
  }
  for (const operation of Object.keys(options.operations)) {
    if (!/^[a-z][A-Za-z0-9]*$/.test(operation)) {
      throw fail('INVALID_CONTRACT', `${name}: operation name "${operation}" is not camelCase letters and digits.`);
    }
  }
  for (const event of Object.keys(options.events ?? {})) {
    if (!/^[a-z][a-z0-9]*(?:[.-][a-z0-9]+)*$/.test(event)) {
      throw fail(
        'INVALID_CONTRACT',
        `${name}: event type "${event}" is not lower-case words with dots or dashes between them.`,
      );
    }
  }
}

/**
 * Checks one operation.
 * @throws INVALID_CONTRACT
 */
export function assertOperation(operation: Operation): void {
  const { contract, name, method, status, errors, roles } = operation;
  const place = `${contract}.${name}`;
  if (!METHODS.has(method))
    throw fail('INVALID_CONTRACT', `${place}: method "${method}" is none of ${[...METHODS].join(', ')}.`);
  if (!Number.isInteger(status) || status < 200 || status > 299 || status === 204 || status === 205) {
    throw fail(
      'INVALID_CONTRACT',
      `${place}: status ${status} is not from 200 to 299 with a body (so neither 204 nor 205).`,
    );
  }
  if (operation.input._zod.def.type !== 'object') throw fail('INVALID_CONTRACT', `${place}: input is not a z.object.`);
  assertCarriable(operation.input, `${place} input`);
  assertCarriable(operation.output, `${place} output`);
  carriageOf(operation, place);
  for (const code of Object.keys(errors)) {
    if (!/^[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)*$/.test(code)) {
      throw fail('INVALID_CONTRACT', `${place}: error code "${code}" is not upper-case words with "_" between them.`);
    }
    if (Object.hasOwn(CORE_ERRORS, code) || Object.hasOwn(CONTRACT_ERRORS, code)) {
      throw fail('INVALID_CONTRACT', `${place}: error code ${code} is the platform's own. Choose another.`);
    }
  }
  if (roles.some((role) => role === '')) throw fail('INVALID_CONTRACT', `${place}: a role is empty.`);
}

/**
 * Checks one event type.
 * @throws INVALID_CONTRACT
 */
export function assertEvent(event: EventType): void {
  const place = `${event.contract} event ${event.name}`;
  if (!Number.isInteger(event.version) || event.version < 1) {
    throw fail('INVALID_CONTRACT', `${place}: version ${event.version} is not a whole number from 1.`);
  }
  if (event.data._zod.def.type !== 'object') throw fail('INVALID_CONTRACT', `${place}: data is not a z.object.`);
  assertCarriable(event.data, place);
  const key = Object.hasOwn(event.data.shape, event.key) ? event.data.shape[event.key] : undefined;
  if (!key || !isText(key)) {
    throw fail('INVALID_CONTRACT', `${place}: key "${event.key}" is no member of its data that is always a string.`);
  }
}

/**
 * Checks that no two operations answer the same call, and that paths of one shape name their members alike.
 * @throws INVALID_CONTRACT
 */
export function assertRoutes(contract: string, operations: readonly Operation[]): void {
  const routes = new Map<string, Operation>();
  const shapes = new Map<string, Operation>();
  for (const operation of operations) {
    const shape = operation.path.replaceAll(/\{\w+\}/g, '{}');
    const twin = routes.get(`${operation.method} ${shape}`);
    if (twin) {
      throw fail(
        'INVALID_CONTRACT',
        `${contract}: ${twin.name} and ${operation.name} both answer ${operation.method} ${operation.path}.`,
      );
    }
    const sibling = shapes.get(shape);
    if (sibling && sibling.path !== operation.path) {
      throw fail(
        'INVALID_CONTRACT',
        `${contract}: ${sibling.name} has the path ${sibling.path} and ${operation.name} ${operation.path}. Name the members alike.`,
      );
    }
    routes.set(`${operation.method} ${shape}`, operation);
    shapes.set(shape, operation);
  }
}
