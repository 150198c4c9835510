import { FairleadError, isError, type Context } from '@fairlead/core';
import type { Contract, Operation } from '@fairlead/contract';
import {
  policy,
  policyWatch,
  retryBudget,
  trouble,
  type DeferPort,
  type Policy,
  type PolicySpec,
} from '@fairlead/policy';
import type { Uses } from './kit.ts';
import type { PolicyReport, PolicyTargets } from './policy-report.ts';
import type { ServicePorts } from './service-instance.ts';

/** The policies over a service's calls. */
export interface CallPolicies {
  /** The policy of an operation's calls. Operations without one of their own share that of their service. */
  of(operation: Operation): Policy;
  reports(): readonly PolicyReport[];
}

/** What policies over a service's calls are made of. */
export interface CallPoliciesOptions {
  readonly uses: Uses;
  /** Default for whom nothing is said: `DEFAULT_POLICY`. */
  readonly targets: PolicyTargets;
  readonly ports: Pick<ServicePorts, 'clock' | 'random' | 'telemetry' | 'limits' | 'loopDelayMs'>;
  /** Where calls go that are to be made later. Default: none is. */
  readonly defer?: DeferPort | undefined;
}

const EVERYBODY = '*';

/**
 * What calls come under for which nothing is said: 10 s in all, three attempts of what may be repeated, within a budget, and
 * a breaker that opens when half of 20 calls or more failed. How long one attempt may take, what is slow and how many
 * calls are too many is not known of a service that nobody has said anything about; `STANDARD` of policy guesses it.
 */
export const DEFAULT_POLICY: PolicySpec = {
  timeout: { total: '10s' },
  retry: {},
  breaker: { slowRatio: 'off' },
};

/**
 * Makes a policy for each service that is used, and for each operation that has one of its own: what one destination
 * does says nothing about another. All policies of a destination share its retry budget.
 * @throws POLICY_INVALID when a specification contradicts itself
 */
export function callPolicies({ uses, targets, ports, defer }: CallPoliciesOptions): CallPolicies {
  const { clock, random, limits, loopDelayMs } = ports;
  const observe = policyWatch(ports.telemetry);
  const known = new Map<string, Policy>();
  for (const contract of contractsOf(uses)) {
    const spec = targets[contract.name] ?? targets[EVERYBODY] ?? DEFAULT_POLICY;
    // What is repeated loads the destination, whichever operation it is.
    const budget = spec.budget === 'off' ? undefined : retryBudget(contract.name, spec.budget);
    const make = (target: string, own: PolicySpec): void => {
      const needs = { clock, random, observe, limits, loopDelayMs, budget, defer };
      known.set(target, policy(target, own, needs, { repeat: { shouldRepeat } }));
    };
    make(contract.name, spec);
    for (const name of Object.keys(contract.operations)) {
      const target = `${contract.name}.${name}`;
      const own = targets[target];
      if (own !== undefined) make(target, own);
    }
  }
  return {
    of({ contract, name }) {
      const found = known.get(`${contract}.${name}`) ?? known.get(contract);
      // Every contract that is used has one, and clients call nothing else.
      return found as Policy;
    },
    reports: () =>
      [...known].map(([target, each]) => {
        const state = each.inspect();
        return { target, trouble: trouble(state), state };
      }),
  };
}

/**
 * What only a kit knows about failures: an attempt that was given up here may still be going on there, and its answer is
 * worth waiting for; an answer that is not as the contract says, or a bug of the callee, will be the same next time.
 */
function shouldRepeat(failed: unknown): boolean | undefined {
  if (isError(failed, 'IDEMPOTENCY_IN_FLIGHT')) return true;
  if (isError(failed, 'INVALID_ANSWER')) return false;
  const cause = failed instanceof FairleadError ? failed.cause : undefined;
  return cause instanceof FairleadError && cause.kind === 'internal' ? false : undefined;
}

/** Two aliases may name one service. */
function contractsOf(uses: Uses): readonly Contract[] {
  return [...new Map(Object.values(uses).map((contract) => [contract.name, contract])).values()];
}

/** Methods that promise to change nothing, or the same however often (RFC 9110, 9.2.2). */
const IDEMPOTENT: ReadonlySet<string> = new Set(['GET', 'PUT', 'DELETE']);

/** Whether a call may be made twice by what its contract says. */
export function isIdempotent(operation: Operation): boolean {
  return IDEMPOTENT.has(operation.method);
}

/**
 * What identifies a call, for caches and for joining equal calls: what is asked, and by whom, for an answer may depend
 * on it. The tenant is always part of a policy's keys.
 */
export function identityOf(ctx: Context, operation: Operation, path: string): string {
  const { subject = '', roles } = ctx.caller;
  return JSON.stringify([operation.name, path, subject, roles]);
}
