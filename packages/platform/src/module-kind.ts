import type { Contract } from '@fairlead/contract';
import type { ServiceDefinition } from '@fairlead/service';

/** Whether a module's default export is a contract: judged by its shape, so that two copies of a package do no harm. */
export function isContract(value: unknown): value is Contract {
  return (
    isObject(value) &&
    typeof value['name'] === 'string' &&
    typeof value['version'] === 'string' &&
    isObject(value['operations']) &&
    isObject(value['events'])
  );
}

/** Whether a module's default export is a service: a frozen object with a contract and handlers for its operations. */
export function isServiceDefinition(value: unknown): value is ServiceDefinition {
  if (!isObject(value) || !Object.isFrozen(value)) return false;
  const { contract, operations } = value;
  if (!isContract(contract) || !isObject(operations)) return false;
  return Object.keys(contract.operations).every((name) => typeof operations[name] === 'function');
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}
