import { explain } from './explain.ts';
import type { PolicyEvent } from './observe.ts';

/** A line about the work of nobody in particular. */
type Line = (ctx: undefined, message: string, fields: Readonly<Record<string, unknown>>) => void;

/** Where a watch tells what it sees: the part of Fairlead's telemetry, or of prom-client and a logger, that it uses. */
export interface PolicyWatchPorts {
  readonly metrics: {
    /** A counter of that name, the same one each time. */
    counter(configuration: { readonly name: string; readonly help: string; readonly labelNames: string[] }): {
      inc(labels: Record<string, string>): void;
    };
  };
  readonly log: { readonly info: Line; readonly warn: Line };
}

/** A line about the same kind of rejection comes at most so often. */
const SAME_LINE_MS = 1_000;

/**
 * An observer, to be given to policies as `ports.observe`, that tells what they decide: a line for each change of a
 * breaker, one a second at most for each reason to reject, and `fairlead_policy_*` counters whose labels have few values.
 */
export function policyWatch({ metrics, log }: PolicyWatchPorts): (event: PolicyEvent) => void {
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
  const stopped = metrics.counter({
    name: 'fairlead_policy_stopped_total',
    help: 'Further attempts that the rules would have allowed and something forbade',
    labelNames: ['policy', 'cause'],
  });
  const transitions = metrics.counter({
    name: 'fairlead_policy_breaker_transitions_total',
    help: 'Changes of state of breakers',
    labelNames: ['policy', 'to'],
  });
  const answered = metrics.counter({
    name: 'fairlead_policy_answers_total',
    help: 'Calls that something else answered than their own work',
    labelNames: ['policy', 'from'],
  });
  const told = new Map<string, number>();

  function isNews(reason: string, atMs: number): boolean {
    if (atMs - (told.get(reason) ?? -Infinity) < SAME_LINE_MS) return false;
    told.set(reason, atMs);
    return true;
  }

  return (event) => {
    switch (event.kind) {
      case 'rejected': {
        const { rejection, atMs } = event;
        const { policy, cause } = rejection;
        rejections.inc({ policy, cause });
        if (isNews(`${policy} ${cause}`, atMs))
          log.warn(undefined, `A call was not let through: ${explain(rejection)}`, { ...rejection });
        return;
      }
      case 'answered':
        answered.inc({ policy: event.policy, from: event.from });
        return;
      case 'limit-unknown': {
        const { policy, rule, onFailure, failure, atMs } = event;
        if (isNews(`${policy} ${rule}`, atMs))
          log.warn(undefined, `The store of shared limits did not answer for calls to ${policy}`, {
            rule,
            onFailure,
            failure,
          });
        return;
      }
      case 'attempt-failed':
        if (event.next === 'retry') repeats.inc({ policy: event.policy, kind: 'retry' });
        return;
      case 'hedged':
        repeats.inc({ policy: event.policy, kind: 'hedge' });
        return;
      case 'stopped':
        stopped.inc({ policy: event.policy, cause: event.rejection.cause });
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
