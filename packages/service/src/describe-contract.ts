import {
  describedOperations,
  toOpenApi,
  type Contract,
  type JsonObject,
  type OperationSummary,
} from '@fairlead/contract';

/** A contract as an OpenAPI 3.1 document of all its operations, public and internal; `callDescribed` reads it back. */
export function describeContract(contract: Contract): JsonObject {
  return toOpenApi(contract, { title: contract.name, version: contract.version });
}

/** The operations that a description lists, public and internal. */
export function operationsOf(document: JsonObject): readonly OperationSummary[] {
  return describedOperations(document);
}
