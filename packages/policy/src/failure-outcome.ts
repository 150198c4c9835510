import { FairleadError } from '@fairlead/core';
import type { FailureRules } from './breaker-options.ts';
import { factsOf } from './failure-facts.ts';
import { DROPPED, type GateOutcome } from './gate.ts';
import { FAILURE, IGNORED, SUCCESS, type Outcome } from './outcome.ts';
import { RejectedError } from './rejected-error.ts';

const OUTCOMES = { success: SUCCESS, failure: FAILURE, ignore: IGNORED } as const;

/**
 * What a failure says about whom was called, unless the breaker's options say otherwise. A rejection of another policy
 * of this process and a cancelled call say nothing.
 */
export function outcomeOfFailure(failed: unknown): Outcome {
  if (failed instanceof RejectedError) return IGNORED;
  return failed instanceof FairleadError && failed.kind === 'cancelled' ? IGNORED : FAILURE;
}

/**
 * What a failure says about whom was called, by the rules of a breaker.
 * @param returned whether it is a value that the work returned
 */
export function outcomeByRules(rules: FailureRules, failed: unknown, returned: boolean): Outcome {
  if (outcomeOfFailure(failed) === IGNORED) return IGNORED;
  const judged = judge(rules, failed, returned);
  if (judged !== undefined) return judged;
  // No time of day is needed: nothing here asks for Retry-After.
  const { code, status, overloaded } = factsOf(failed, 0);
  if (code !== undefined && rules.ignoreCodes.has(code)) return IGNORED;
  if (status !== undefined && rules.ignoreStatuses.has(status)) return IGNORED;
  if (code !== undefined && rules.codes?.has(code) === true) return FAILURE;
  if (overloaded && rules.ignoreOverload) return IGNORED;
  if (status !== undefined) return rules.statuses.has(status) ? FAILURE : SUCCESS;
  return rules.codes === undefined ? FAILURE : SUCCESS;
}

/**
 * What a failure says about load, which a breaker need not care for: whoever turns calls away for having too much to do
 * is healthy, and has too much to do.
 * @param outcome what it says about whom was called
 */
export function gateOutcomeOf(failed: unknown, outcome: Outcome): GateOutcome {
  return outcomeOfFailure(failed) !== IGNORED && factsOf(failed, 0).overloaded ? DROPPED : outcome;
}

function judge(rules: FailureRules, failed: unknown, returned: boolean): Outcome | undefined {
  try {
    const judged = rules.judge?.(failed, returned);
    return judged === undefined ? undefined : OUTCOMES[judged];
  } catch {
    return FAILURE;
  }
}
