import { FairleadError, type ErrorOptions } from '@fairlead/core';
import type { ErrorCode } from './inference.ts';
import type { OperationDefinition } from './operation.ts';

/**
 * One of the errors that an operation declares, for its handler to throw; the kind is the declared one. A code that is
 * not declared does not compile.
 */
export function declaredError<Op extends OperationDefinition>(
  operation: Op,
  code: ErrorCode<Op>,
  message: string,
  options?: ErrorOptions,
): FairleadError {
  return new FairleadError(operation.errors[code] ?? 'internal', code, message, options);
}

/**
 * Whether a call to `operation` failed with this code, which the operation declares. A code that is not declared does
 * not compile.
 */
export function isDeclaredError<Op extends OperationDefinition, Code extends ErrorCode<Op>>(
  error: unknown,
  operation: Op,
  code: Code,
): error is FairleadError & { readonly code: Code } {
  return Object.hasOwn(operation.errors, code) && error instanceof FairleadError && error.code === code;
}
