import { explain, type PolicyEvent } from '@fairlead/policy';
import type { Telemetry } from '@fairlead/telemetry';

/** A line about the same kind of rejection comes at most so often. */
const SAME_LINE_MS = 1_000;

/**
 * Tells what policies decide: a line for each change of a breaker, one a second at most for each reason to reject, and
 * `fairlead_policy_*` metrics. What one call did is in its spans.
 */
export function policyWatch({ metrics, log }: Telemetry): (event: PolicyEvent) => void {
  const rejections = metrics.counter({
    name: 'fairlead_policy_rejections_total',
    help: 'Calls that a policy did not let through',
    labelNames: ['policy', 'cause'],
  });
  const repeats = metrics.counter({
    name: 'fairlead_policy_repeats_total',
    help: 'Further attempts of calls',
    labelNames: ['policy', 'kind'],
  });
  const transitions = metrics.counter({
    name: 'fairlead_policy_breaker_transitions_total',
    help: 'Changes of state of breakers',
    labelNames: ['policy', 'to'],
  });
  const told = new Map<string, number>();

  return (event) => {
    switch (event.kind) {
      case 'rejected': {
        const { rejection, atMs } = event;
        const { policy, cause } = rejection;
        rejections.inc({ policy, cause });
        const reason = `${policy} ${cause}`;
        if (atMs - (told.get(reason) ?? -Infinity) < SAME_LINE_MS) return;
        told.set(reason, atMs);
        log.warn(undefined, `A call was not let through: ${explain(rejection)}`, { ...rejection });
        return;
      }
      case 'attempt-failed':
        if (event.next === 'retry') repeats.inc({ policy: event.policy, kind: 'retry' });
        return;
      case 'hedged':
        repeats.inc({ policy: event.policy, kind: 'hedge' });
        return;
      case 'breaker': {
        const { policy, transition } = event;
        const { from, to, cause, measured, openForMs } = transition;
        transitions.inc({ policy, to });
        const level = to === 'open' || to === 'forced-open' ? 'warn' : 'info';
        log[level](undefined, `The breaker of calls to ${policy} went from ${from} to ${to}`, {
          policy,
          cause,
          ...measured,
          ...(openForMs > 0 ? { openForMs: Math.round(openForMs) } : {}),
        });
        return;
      }
      default:
    }
  };
}
