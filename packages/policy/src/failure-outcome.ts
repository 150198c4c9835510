import { FairleadError } from '@fairlead/core';
import { FAILURE, IGNORED, type Outcome } from './outcome.ts';
import { RejectedError } from './rejected-error.ts';

/**
 * What a failure says about whom was called, unless the breaker's options say otherwise. A rejection of another policy
 * of this process and a cancelled call say nothing.
 */
export function outcomeOfFailure(failed: unknown): Outcome {
  if (failed instanceof RejectedError) return IGNORED;
  return failed instanceof FairleadError && failed.kind === 'cancelled' ? IGNORED : FAILURE;
}
