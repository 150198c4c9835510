import { isError, type Clock, type Random } from '@fairlead/core';
import { policy, policyWatch, RejectedError, specProblems, type Policy, type PolicySpec } from '@fairlead/policy';
import type { Telemetry } from '@fairlead/telemetry';
import { fail } from './errors.ts';

/** What policies at the edge are made of. */
export interface ServicePoliciesOptions {
  readonly policies: Readonly<Record<string, PolicySpec>>;
  readonly clock: Clock;
  readonly random: Random;
  readonly telemetry: Telemetry;
}

const EVERYBODY = '*';

/**
 * What of a policy an edge can do. A body is streamed through once, in both directions, so nothing that would need the
 * whole of it a second time: those sections are for callers.
 */
function atTheEdge(spec: PolicySpec): PolicySpec {
  const { timeout, retry: _r, hedge: _h, budget: _b, cache: _c, coalesce: _j, fallback: _f, ...rest } = spec;
  return timeout?.total === undefined ? rest : { ...rest, timeout: { total: timeout.total } };
}

/** What is wrong with policies, each with its place. */
export function policyProblems(policies: unknown): readonly string[] {
  if (typeof policies !== 'object' || policies === null || Array.isArray(policies))
    return ['policies must be an object of service names'];
  return Object.entries(policies).flatMap(([target, spec]) => {
    const problems = specProblems(spec);
    const all = problems.length > 0 ? problems : storeProblems(spec);
    return all.map((problem) => `policies.${target}: ${problem}`);
  });
}

/** Limits that are to be counted where a gateway has no place to: told at the start, not at the first request. */
function storeProblems({ rateLimit, quota }: PolicySpec): readonly string[] {
  const shared = { rateLimit: rateLimit?.shared, quota: quota?.shared };
  return Object.entries(shared).flatMap(([section, given]) =>
    given === undefined ? [] : [`${section}.shared: a gateway has no store to count in together; leave it out`],
  );
}

/**
 * The policies over requests to services: that of the service, or that of `*`. A service with neither has none. Policies
 * of single operations are for callers that know contracts.
 */
export function servicePolicies(options: ServicePoliciesOptions): (service: string) => Policy | undefined {
  const { policies, clock, random, telemetry } = options;
  const known = new Map<string, Policy | undefined>();
  const observe = policyWatch(telemetry);
  return (service) => {
    if (known.has(service)) return known.get(service);
    const spec = policies[service] ?? policies[EVERYBODY];
    const made = spec && policy(service, atTheEdge(spec), { clock, random, observe }, { isFailure });
    known.set(service, made);
    return made;
  };
}

/** An answer that says that its service fails; it has gone to the client all the same. */
function isFailure(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'status' in value && Number(value.status) >= 500;
}

/** An end by policy as somebody outside may know it: that, and when to come back, not what was measured. */
export function toldOutside(service: string, error: unknown): unknown {
  if (isError(error, 'DEADLINE_EXCEEDED') && !(error instanceof RejectedError)) {
    const details = { processed: 'maybe' };
    return fail('UPSTREAM_TIMEOUT', `${service} did not answer in time.`, { details, cause: error });
  }
  if (!(error instanceof RejectedError) || error.kind === 'cancelled') return error;
  const { retryAfterMs } = error;
  const options = {
    cause: error,
    details: { processed: 'no' },
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  };
  if (error.kind === 'deadline') return fail('UPSTREAM_TIMEOUT', `${service} had no time left for this.`, options);
  return error.kind === 'exhausted'
    ? fail('RATE_LIMITED', `There are too many requests to ${service}; come back later.`, options)
    : fail('OVERLOADED', `${service} takes no further requests now; come back later.`, options);
}
