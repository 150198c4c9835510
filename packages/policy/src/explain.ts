import { durationText } from './readers.ts';
import type { Rejection, RejectionCause } from './rejection.ts';

const WHAT: Readonly<Record<RejectionCause, string>> = {
  deadline: 'no time was left',
  'rate-limited': 'the rate of calls is at its limit',
  quota: 'the quota of this caller is used up',
  'limit-unknown': 'the store of shared limits does not say whether a limit is reached',
  shed: 'there is too much load for work of this criticality',
  budget: 'the budget for further attempts is used up',
  open: 'the breaker is open',
  full: 'all slots are taken and the queue is full',
  'queue-timeout': 'no slot became free in time',
  cancelled: 'the caller gave up',
};

/**
 * Says in one line why a call was not let through: which policy, which rule, what was measured, and when to come back.
 */
export function explain(rejection: Rejection): string {
  const { cause, policy, rule, measured, retryAfterMs } = rejection;
  const values = Object.entries(measured).map(
    ([name, value]) => `${name} ${typeof value === 'number' ? short(value) : value}`,
  );
  const facts = values.length === 0 ? '' : ` (${values.join(', ')})`;
  const after = retryAfterMs === undefined ? '' : ` Try again in ${durationText(Math.ceil(retryAfterMs))}.`;
  return `${policy}: ${WHAT[cause]}, by ${rule}${facts}.${after}`;
}

function short(value: number): number {
  return Math.round(value * 1_000) / 1_000;
}
